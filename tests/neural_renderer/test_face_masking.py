from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.neural_renderer.face_masking import dilate, random_holes, surroundings


def test_dilation_grows_a_pixel_into_a_square_cut_at_the_border() -> None:
    mask = torch.zeros(1, 1, 9, 9)
    mask[0, 0, 1, 4] = 1
    grown = dilate(mask, 2)
    assert grown.sum() == 4 * 5
    assert grown[0, 0, :4, 2:7].all()
    assert torch.equal(dilate(mask, 0), mask)


def test_dilation_is_that_of_one_square_window() -> None:
    mask = (torch.rand(2, 1, 30, 20) < 0.02).float()
    square = torch.nn.functional.max_pool2d(mask, 7, stride=1, padding=3)
    assert torch.equal(dilate(mask, 3), square)


@pytest.mark.parametrize(("size", "radius"), [(224, 10), (112, 5)])
def test_surroundings_leave_out_hull_margin_and_mesh(size: int, radius: int) -> None:
    hull, rendered = torch.zeros(1, 1, size, size), torch.zeros(1, 1, size, size)
    hull[..., 50:60, 50:60] = 1
    rendered[..., 90, :] = 1
    keep = surroundings(hull, rendered, dilation=10)
    assert (keep == 0).sum() == (10 + 2 * radius) ** 2 + size
    assert keep[0, 0, 49 - radius, 55] == 1
    assert keep[0, 0, 50 - radius, 55] == 0
    assert keep[0, 0, 90, 0] == 0


def test_surroundings_have_no_gradient_and_check_shapes() -> None:
    hull = torch.rand(1, 1, 8, 8, requires_grad=True)
    assert not surroundings(hull, torch.zeros(1, 1, 8, 8), dilation=1).requires_grad
    with pytest.raises(ShapeError, match="rendered"):
        surroundings(hull, torch.zeros(1, 1, 9, 8), dilation=1)


@pytest.mark.parametrize("size", [224, 112])
def test_holes_hide_the_published_share_at_every_size(size: int) -> None:
    generator = torch.Generator().manual_seed(3)
    keep = random_holes(torch.zeros(4, 3, size, size), fraction=0.01, side=11, generator=generator)
    assert keep.shape == (4, 1, size, size)
    # each pixel is spared by the 121 centres around it: 0.99 ** 121
    assert keep.mean() == pytest.approx(0.296, abs=0.03)


def test_no_holes_and_repeatable_holes() -> None:
    like = torch.zeros(2, 3, 32, 32)
    assert random_holes(like, fraction=0.0, side=11).all()
    first = random_holes(like, fraction=0.01, side=11, generator=torch.Generator().manual_seed(1))
    again = random_holes(like, fraction=0.01, side=11, generator=torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
