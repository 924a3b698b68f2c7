"""Each kind of network has its kind of file, and each place refuses the others by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.assets import weights_folder
from smirk3d.assets.weight_files import (
    ENCODER,
    INPAINTER,
    RENDERER,
    read_torch_state,
    read_weights_header,
)
from smirk3d.editing.photo_editor import load_inpainter
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.onnx_encoder import OnnxEncoder
from smirk3d.encoders.registry import find_weights
from smirk3d.errors import AssetError
from smirk3d.feature_networks.emotion import load_emotion_network
from smirk3d.feature_networks.vgg import load_vgg16
from smirk3d.heads.tiny import tiny_head
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.training.checkpoints import load_checkpoint
from smirk3d.training.network_config import NetworkConfig
from smirk3d.training.networks import build_networks

SMALL = NeuralRendererConfig(features=(4, 8), blocks=1)


def _renderer(path: Path, kind: str = RENDERER, **provenance: object) -> Path:
    network = NeuralRenderer(SMALL)
    network.kind, network.provenance = kind, provenance
    network.save(path)
    return path


def _encoder(path: Path) -> Path:
    config = EncoderConfig(shared=True, expression_backbone="mobilenetv3_small_minimal")
    FaceEncoder(tiny_head(), config).save(path, half=True)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each kind, by kind."""
    folder = tmp_path_factory.mktemp("kinds")
    torch.save({"a": torch.zeros(2)}, folder / "t.pt")
    np.savez(folder / "a.npz", a=np.zeros(2))
    return {
        ENCODER: _encoder(folder / "e.safetensors"),
        RENDERER: _renderer(folder / "r.safetensors"),
        INPAINTER: _renderer(folder / "i.safetensors", INPAINTER),
        "torch": folder / "t.pt",
        "npz": folder / "a.npz",
    }


HELD = {
    ENCODER: "holds an encoder, which --weights",
    RENDERER: "holds a neural renderer of encoder training, which train --networks.renderer-start",
    INPAINTER: r"holds an inpainting network, which `smirk3d edit` takes",
    "torch": "holds what torch.save writes",
    "npz": "holds arrays",
}
PLACES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "weights": (find_weights, (RENDERER, INPAINTER, "torch", "npz")),
    "encoder": (
        lambda p: FaceEncoder.from_file(p, tiny_head()), (RENDERER, INPAINTER, "torch", "npz")),
    "renderer": (NeuralRenderer.from_file, (ENCODER, INPAINTER, "torch", "npz")),
    "painter": (
        lambda p: NeuralRenderer.from_file(p, kind=INPAINTER), (ENCODER, RENDERER, "torch", "npz")),
    "renderer start of a training": (
        lambda p: build_networks(
            tiny_head(), NetworkConfig(renderer=SMALL, renderer_start=p)), (ENCODER, INPAINTER)),
    "renderer start of a painter": (
        lambda p: build_networks(
            tiny_head(), NetworkConfig(renderer=SMALL, renderer_start=p),
            renderer_kind=INPAINTER), (ENCODER, RENDERER)),
    "emotion": (load_emotion_network, (ENCODER, RENDERER, INPAINTER, "npz")),
    "perceptual": (load_vgg16, (ENCODER, RENDERER, INPAINTER, "npz")),
    "published weights": (read_torch_state, (ENCODER, RENDERER, INPAINTER, "npz")),
    "checkpoint": (load_checkpoint, (ENCODER, RENDERER, INPAINTER, "npz")),
}  # fmt: skip


@pytest.mark.parametrize(("place", "kind"), [(p, k) for p in PLACES for k in PLACES[p][1]])
def test_the_wrong_kind_is_refused_by_name(files: dict[str, Path], place: str, kind: str) -> None:
    with pytest.raises(AssetError, match=f"{HELD[kind]}.*; expected is") as caught:
        PLACES[place][0](files[kind])
    assert str(files[kind]) in str(caught.value)


def test_an_onnx_place_refuses_them_too(files: dict[str, Path]) -> None:
    for kind in (ENCODER, RENDERER, INPAINTER, "npz"):
        with pytest.raises(AssetError, match=HELD[kind]):
            OnnxEncoder.from_file(files[kind])


def test_each_kind_is_read_where_it_belongs(files: dict[str, Path]) -> None:
    assert find_weights(files[ENCODER]) == files[ENCODER]
    for kind in (RENDERER, INPAINTER):
        network = NeuralRenderer.from_file(files[kind], kind=kind)
        assert network.kind == kind
        network.save(files[kind])
        assert read_weights_header(files[kind], kind=kind)["kind"] == kind


def test_inpainters_of_before_are_known_by_their_training(tmp_path: Path) -> None:
    path = _renderer(tmp_path / "old.safetensors", settings={"painter": {"hole_side": 13}})
    assert NeuralRenderer.from_file(path, kind=INPAINTER).kind == INPAINTER
    with pytest.raises(AssetError, match="holds an inpainting network"):
        NeuralRenderer.from_file(path)
    path = _renderer(tmp_path / "plain.safetensors", settings={"painter": None})
    assert NeuralRenderer.from_file(path).kind == RENDERER


def test_the_shipped_files_are_of_their_kinds() -> None:
    assert load_inpainter().kind == INPAINTER
    assert (
        read_weights_header(weights_folder() / "open.safetensors", kind=ENCODER)["head"] == "open"
    )
