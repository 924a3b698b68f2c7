from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from smirk3d.assets import installed
from smirk3d.encoders import registry
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import AssetError
from smirk3d.heads.tiny import tiny_head

SMALL = EncoderConfig(expression_backbone="mobilenetv3_small_minimal", shared=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path))
    monkeypatch.setattr(installed, "weights_folder", lambda: tmp_path / "shipped")
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def test_the_default_is_the_one_for_this_head(folder: Path) -> None:
    named, pca = tiny_head("named"), tiny_head("pca")
    assert registry.load_weights("default", named) is None
    FaceEncoder(pca, SMALL).save(folder / "a.safetensors")
    FaceEncoder(named, SMALL).save(folder / "b.safetensors")
    loaded = registry.load_weights("default", named)
    assert loaded is not None
    assert loaded.name == "b"
    assert loaded.encoder.head_name == "tiny-named"
    assert loaded.sha256 == hashlib.sha256((folder / "b.safetensors").read_bytes()).hexdigest()


def test_weights_are_found_by_name_and_by_path(folder: Path, tmp_path: Path) -> None:
    head = tiny_head("named")
    FaceEncoder(head, SMALL).save(folder / "mine.safetensors")
    assert registry.find_weights("mine") == folder / "mine.safetensors"
    other = tmp_path / "elsewhere.safetensors"
    FaceEncoder(head, SMALL).save(other)
    loaded = registry.load_weights(other, head)
    assert loaded is not None
    assert loaded.name == "elsewhere"
    with pytest.raises(AssetError, match=r"'nothing': installed are mine"):
        registry.find_weights("nothing")


def test_files_of_another_kind_are_passed_over(folder: Path) -> None:
    (folder / "a.safetensors").write_bytes(b"no weights")
    assert list(registry.installed_weights()) == []
    assert registry.load_weights("default", tiny_head("named")) is None
    with pytest.raises(AssetError, match=r"a\.safetensors"):
        registry.load_weights(folder / "a.safetensors", tiny_head("named"))
