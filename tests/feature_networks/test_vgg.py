from __future__ import annotations

from pathlib import Path

import pytest
import torch

from smirk3d.errors import AssetError, ShapeError
from smirk3d.feature_networks.vgg import VggFeatures, load_vgg16


def test_shapes_are_the_published_ones() -> None:
    # import torchvision; [(k, tuple(v.shape)) for k, v in
    #   torchvision.models.vgg16().features.state_dict().items()][:20:2]
    expected = {
        "features.0.weight": (64, 3, 3, 3), "features.2.weight": (64, 64, 3, 3),
        "features.5.weight": (128, 64, 3, 3), "features.7.weight": (128, 128, 3, 3),
        "features.10.weight": (256, 128, 3, 3), "features.12.weight": (256, 256, 3, 3),
        "features.14.weight": (256, 256, 3, 3), "features.17.weight": (512, 256, 3, 3),
        "features.19.weight": (512, 512, 3, 3), "features.21.weight": (512, 512, 3, 3),
    }  # fmt: skip
    state = VggFeatures().state_dict()
    assert {k: tuple(v.shape) for k, v in state.items() if k.endswith("weight")} == expected
    assert len(state) == 20


def test_four_maps_after_activations() -> None:
    maps = VggFeatures()(torch.rand(2, 3, 32, 48))
    assert [tuple(m.shape) for m in maps] == [
        (2, 64, 32, 48), (2, 128, 16, 24), (2, 256, 8, 12), (2, 512, 4, 6),
    ]  # fmt: skip
    assert all(m.min() == 0 for m in maps)


def test_colours_are_normalised_as_in_training() -> None:
    network = VggFeatures()
    network.features[0].weight.data.zero_()
    network.features[0].bias.data.zero_()
    network.features[0].weight.data[0, 1, 1, 1] = 1.0
    network.features[2].weight.data.zero_()
    network.features[2].bias.data.zero_()
    network.features[2].weight.data[0, 0, 1, 1] = 1.0
    first = network(torch.full((1, 3, 8, 8), 0.8))[0]
    assert first[0, 0, 4, 4].item() == pytest.approx((0.8 - 0.456) / 0.224)


def test_the_users_file_is_read(vgg_file: Path) -> None:
    frozen = load_vgg16(vgg_file)
    stored = torch.load(vgg_file, weights_only=True)
    assert torch.equal(frozen.network.features[21].weight, stored["features.21.weight"].float())
    assert not any(p.requires_grad for p in frozen.parameters())


def test_another_networks_file_is_refused(tmp_path: Path) -> None:
    torch.save({"layer1.weight": torch.zeros(1)}, tmp_path / "resnet.pth")
    with pytest.raises(AssetError, match=r"resnet\.pth.*features\.0\.weight is missing"):
        load_vgg16(tmp_path / "resnet.pth")


def test_wrong_pictures_are_refused() -> None:
    with pytest.raises(ShapeError, match="images"):
        VggFeatures()(torch.rand(1, 1, 32, 32))
