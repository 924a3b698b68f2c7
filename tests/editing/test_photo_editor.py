from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.assets.weight_files import INPAINTER
from smirk3d.conventions import CROP_SIZE
from smirk3d.editing.photo_editor import PhotoEditor, load_inpainter
from smirk3d.errors import AssetError
from smirk3d.geometry.cameras import project
from smirk3d.heads.registry import load_head
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.parameters.face_parameters import FaceParameters

SIDE = 300


def _photo() -> np.ndarray:
    y, x = np.mgrid[0:SIDE, 0 : SIDE + 40]
    waves = [128 + 90 * np.sin(x / 9 + shift) * np.cos(y / 11) for shift in (0, 1, 2)]
    return np.stack(waves, 2).astype(np.uint8)


def _transform(zoom: float = 1.0, left: float = 37.3, top: float = 21.8) -> np.ndarray:
    return np.array([[zoom, 0, -zoom * left], [0, zoom, -zoom * top], [0, 0, 1]])


def _still_inpainter() -> NeuralRenderer:
    network = NeuralRenderer(NeuralRendererConfig(features=(4, 6), blocks=1, patch=2))
    network.kind = INPAINTER
    network.start_grey()
    return network


def _opened(face: FaceParameters) -> FaceParameters:
    return face.replace(jaw=torch.tensor([0.8, 0.0, 0.0]))


def test_the_same_expression_leaves_seen_skin_bit_for_bit() -> None:
    head = load_head("open")
    face = head.neutral()[0]
    edited = PhotoEditor(head, _still_inpainter())(_photo(), _transform(), face, face)
    # only what the photo hides, such as eyeballs behind eyelids, may be filled in
    assert (edited != _photo()).any(2).mean() < 0.01


def test_an_edit_stays_within_the_face_and_moves_the_chin_with_the_jaw() -> None:
    head = load_head("open")
    face, photo, transform = head.neutral()[0], _photo(), _transform()
    edited = PhotoEditor(head, _still_inpainter())(photo, transform, face, _opened(face))
    changed = (edited != photo).any(2)
    crop = np.zeros_like(changed)
    crop[21 : 21 + CROP_SIZE + 2, 37 : 37 + CROP_SIZE + 2] = True
    assert not changed[~crop].any()
    assert changed.mean() > 0.02
    # brows and eyes are as they were
    brows = head.regions["brows"]
    seen = project(head(face[None]).vertices, face.camera[None])[0, brows, :2]
    at = ((seen + 1) * CROP_SIZE / 2 + torch.tensor([37.3, 21.8])).long()
    assert not changed[at[:, 1].numpy(), at[:, 0].numpy()].any()
    # the skin of the chin carries its colours along
    chin = int(torch.where(head.regions["chin"])[0][0])
    before, after = (
        (project(head(f[None]).vertices, f.camera[None])[0, chin, :2] + 1) * CROP_SIZE / 2
        for f in (face, _opened(face))
    )
    was, now = ((p + torch.tensor([37.3, 21.8])).long().tolist() for p in (before, after))
    assert now[1] - was[1] > 5
    colour, moved = photo[was[1], was[0]].astype(int), edited[now[1], now[0]].astype(int)
    assert np.abs(colour - moved).max() < 30


@pytest.mark.parametrize("zoom", [0.11, 0.5, 4.0])
def test_faces_of_any_size_are_edited_and_the_rest_stays(zoom: float) -> None:
    head = load_head("open")
    face = head.neutral()[0]
    side = round(CROP_SIZE / zoom)
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (side + 10, side + 20, 3), dtype=np.uint8)
    transform = _transform(zoom, left=-5.0, top=8.0)
    edited = PhotoEditor(head, _still_inpainter())(photo, transform, face, _opened(face))
    changed = (edited != photo).any(2)
    assert edited.shape == photo.shape
    assert 0.02 < changed.mean() < 0.6
    assert not changed[:, side - 3 :].any()


def test_what_the_inpainter_adds_is_seen_only_where_something_changed() -> None:
    head = load_head("open")
    face = head.neutral()[0]
    inpainter = _still_inpainter()
    torch.nn.init.constant_(inpainter.output.bias, 1.0)
    photo = np.full((SIDE, SIDE, 3), 90, np.uint8)
    edited = PhotoEditor(head, inpainter)(photo, _transform(), face, _opened(face)).astype(int)
    assert (edited - photo).max() > 60
    assert (edited == photo).all(2).mean() > 0.6


@pytest.mark.parametrize("name", ["open", "open@2"])
def test_the_shipped_inpainter_serves_every_head(name: str) -> None:
    head = load_head(name)
    shown = head.neutral(1)[0]
    opened = shown.replace(jaw=torch.tensor([0.8, 0.0, 0.0]))
    photo = np.full((CROP_SIZE, CROP_SIZE, 3), 128, np.uint8)
    edited = PhotoEditor(head)(photo, np.eye(3), shown, opened)
    change = np.abs(edited.astype(float) - photo).mean(2)
    assert change.max() > 30
    assert (change == 0).mean() > 0.5


def test_a_network_of_another_kind_is_refused() -> None:
    network = NeuralRenderer(NeuralRendererConfig(features=(4, 6), blocks=1, patch=2))
    with pytest.raises(AssetError, match=r"needs an inpainting network.* is a neural renderer of"):
        PhotoEditor(load_head("open"), network)


def test_the_shipped_inpainter_is_one_and_says_what_it_was_trained_on() -> None:
    inpainter = load_inpainter()
    assert inpainter.provenance["settings"]["painter"] is not None
    assert inpainter.provenance["photos_seen"] > 1000
