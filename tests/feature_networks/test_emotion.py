from __future__ import annotations

from pathlib import Path

import pytest
import torch

from smirk3d.errors import AssetError
from smirk3d.feature_networks.emotion import ResNet50, load_emotion_network


def test_it_is_resnet_50() -> None:
    # import torchvision; m = torchvision.models.resnet50()
    # sum(p.numel() for p in m.parameters()) - 2048 * 1000 - 1000, len(m.state_dict()) - 2
    network = ResNet50()
    state = network.state_dict()
    assert sum(p.numel() for p in network.parameters()) == 23_508_032
    assert len(state) == 318
    assert state["layer1.0.downsample.0.weight"].shape == (256, 64, 1, 1)
    assert state["layer4.2.conv2.weight"].shape == (512, 512, 3, 3)
    assert "layer4.2.downsample.0.weight" not in state


def test_a_checkpoint_is_read_and_gives_features(tmp_path: Path) -> None:
    network = ResNet50().eval()
    state = {f"backbone.{name}": value for name, value in network.state_dict().items()}
    state |= {"linear.weight": torch.zeros(10, 2048), "backbone.fc.weight": torch.zeros(1)}
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "emotion.ckpt")
    frozen = load_emotion_network(tmp_path / "emotion.ckpt")
    images = torch.rand(2, 3, 64, 64)
    features = frozen(images)
    assert features.shape == (2, 2048)
    assert torch.equal(features, network(images))


def test_an_incomplete_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"backbone.conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "emotion.ckpt")
    with pytest.raises(AssetError, match=r"emotion\.ckpt.*bn1\.weight is missing"):
        load_emotion_network(tmp_path / "emotion.ckpt")
