from __future__ import annotations

import pytest
import torch
from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.losses.perceptual import feature_angle_loss, feature_loss, perceptual_loss


def two_layers(images: Tensor) -> list[Tensor]:
    return [2 * images, images.mean((2, 3), keepdim=True)]


def vector(images: Tensor) -> Tensor:
    return images.mean((2, 3)) + 0.1


def pictures(seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(2, 3, 4, 4, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("loss", "network"),
    [(perceptual_loss, two_layers), (feature_loss, vector), (feature_angle_loss, vector)],
)
def test_identical_is_zero_gradients_are_right_and_flow_one_way(loss, network) -> None:
    assert loss(pictures(), pictures(), network).abs() < 1e-12
    assert loss(pictures(), pictures(1), network) > 0
    target = pictures(1).requires_grad_()
    predicted = pictures().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, target.detach(), network), predicted)
    loss(predicted, target, network).backward()
    assert target.grad is None
    with pytest.raises(ShapeError, match="target"):
        loss(pictures(), pictures()[:, :, :2], network)


def test_layers_are_means_and_summed_by_weight() -> None:
    predicted, target = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), 0.25)
    assert perceptual_loss(predicted, target, two_layers) == pytest.approx(0.5 + 0.25)
    weighted = perceptual_loss(predicted, target, two_layers, layer_weights=(1.0, 4.0))
    assert weighted == pytest.approx(0.5 + 1.0)
    with pytest.raises(ValueError, match="2 layers, got 1"):
        perceptual_loss(predicted, target, two_layers, layer_weights=(1.0,))


def test_known_feature_distances() -> None:
    predicted, target = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    predicted[:, 0] = 1.0
    target[:, 1] = 1.0

    def plain(images: Tensor) -> Tensor:
        return images.mean((2, 3))

    assert feature_loss(predicted, target, plain) == pytest.approx(2 / 3)
    assert feature_angle_loss(predicted, target, plain) == pytest.approx(1.0)
