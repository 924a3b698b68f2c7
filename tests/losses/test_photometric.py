from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.losses.photometric import masked_l1


def test_identical_pictures_cost_nothing() -> None:
    picture = torch.rand(2, 3, 4, 5)
    assert masked_l1(picture, picture.clone()) == 0


def test_mean_over_batch_channels_and_pixels() -> None:
    predicted = torch.zeros(2, 3, 2, 2)
    predicted[0, 0, 0, 0] = 0.6
    predicted[1, 2, 1, 0] = -0.6
    assert masked_l1(predicted, torch.zeros(2, 3, 2, 2)) == pytest.approx(1.2 / 24)


def test_only_masked_pixels_count() -> None:
    predicted, target = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, 0, 1, 2] = 1
    mask[1, 0, :, 0] = 1
    picked = (predicted - target).abs()
    expected = torch.cat([picked[0, :, 1, 2], picked[1, :, :, 0].flatten()]).mean()
    torch.testing.assert_close(masked_l1(predicted, target, mask), expected)
    assert masked_l1(predicted, target, torch.zeros_like(mask)) == 0
    torch.testing.assert_close(
        masked_l1(predicted, target, torch.ones_like(mask)), masked_l1(predicted, target)
    )


def test_gradient() -> None:
    predicted = torch.rand(1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    target = torch.rand(1, 3, 3, 3, dtype=torch.float64)
    mask = torch.rand(1, 1, 3, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: masked_l1(p, target, mask), predicted)


def test_shapes_must_agree() -> None:
    with pytest.raises(ShapeError, match="target"):
        masked_l1(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 5))
    with pytest.raises(ShapeError, match="mask"):
        masked_l1(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4))
