from __future__ import annotations

import math

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.preprocessing.face_hull import hull_mask


def reference(points: torch.Tensor, height: int, width: int, margin: float) -> torch.Tensor:
    """Pixels inside the hull by definition: on the inner side of every line through two points
    that has all points on one side; the lines moved outwards by margin pixels."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    inside = torch.ones(height, width, dtype=torch.bool)
    for i, a in enumerate(points):
        for j, b in enumerate(points):
            if i == j:
                continue
            normal = torch.stack([b[1] - a[1], a[0] - b[0]])
            normal = normal / normal.norm()
            if ((points - a) @ normal).max() < 1e-9:
                inside &= normal[0] * (x - a[0]) + normal[1] * (y - a[1]) <= margin
    return inside


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_definition_up_to_a_fifth_of_a_pixel(seed):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(40, 2, generator=generator, dtype=torch.float64) * 15 + 35
    mask = hull_mask(points[None], 70, 80)[0, 0].bool()
    assert (mask <= reference(points, 70, 80, 0.2)).all()
    assert (mask >= reference(points, 70, 80, -0.2)).all()


def test_rectangle_to_the_pixel():
    # Pixel centres within 3..8 x 2..5: columns 3..7, rows 2..4.
    points = torch.tensor([[3.0, 2.0], [8.0, 2.0], [8.0, 5.0], [3.0, 5.0], [5.0, 3.0]])
    expected = torch.zeros(8, 12)
    expected[2:5, 3:8] = 1
    torch.testing.assert_close(hull_mask(points[None], 8, 12)[0, 0], expected)


def test_area_of_a_circle():
    angle = torch.linspace(0, 2 * math.pi, 200)[:-1]
    points = 80 * torch.stack([angle.cos(), angle.sin()], 1) + 112
    assert hull_mask(points[None], 224, 224).sum() == pytest.approx(math.pi * 80**2, rel=2e-3)


def test_points_outside_the_picture():
    points = torch.tensor([[-50.0, -50.0], [100.0, -50.0], [100.0, 100.0], [-50.0, 100.0]])
    assert (hull_mask(points[None], 20, 30) == 1).all()
    assert (hull_mask(points[None] + 500, 20, 30) == 0).all()


def test_batch_equals_one_by_one_and_depth_is_ignored():
    points = torch.randn(3, 50, 3) * 10 + 20
    together = hull_mask(points, 40, 40)
    assert together.shape == (3, 1, 40, 40)
    for i in range(3):
        torch.testing.assert_close(together[i], hull_mask(points[i : i + 1, :, :2], 40, 40)[0])


def test_carries_no_gradient():
    points = (torch.randn(1, 9, 2) * 10 + 20).requires_grad_()
    assert not hull_mask(points, 40, 40).requires_grad


def test_other_shape():
    with pytest.raises(ShapeError, match="landmarks"):
        hull_mask(torch.zeros(478, 2), 8, 8)
