"""Skins of portraits lie on the head where the photo shows them; everything in them is drawn."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from smirk3d.cli.main import main
from smirk3d.data import photo_skins
from smirk3d.data.annotated_faces import LANDMARK_STEPS, trains
from smirk3d.data.photo_skins import with_photo_skins
from smirk3d.errors import InputError
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.expressions import euler_rotation
from smirk3d.synthesis.people.parts.assets import PeopleAssets
from smirk3d.synthesis.people.parts.procedural import procedural_assets
from smirk3d.synthesis.people.recipes import (
    CameraRecipe,
    LightRecipe,
    PersonRecipe,
    SceneRecipe,
    SkinRecipe,
)
from smirk3d.synthesis.people.split import is_held_out

pytest.importorskip("numba", reason="people are drawn with numba, which the extra train brings")

TRAINED, MEASURED = "00030", "00029"
SPOT = (110, 150, 250)


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head()


@pytest.fixture(scope="module")
def assets(head: HeadModel) -> PeopleAssets:
    return procedural_assets(HeadSurface(head))


@pytest.fixture(scope="module")
def spot(head: HeadModel, assets: PeopleAssets) -> NDArray[np.int64]:
    """A texel on the subject's left cheek."""
    resources = PeopleRenderer(head, assets, 64).resources
    cheek = head.regions["cheeks"].numpy() & (resources.surface.template[:, 0] > 0.02)
    middle = resources.surface.template[cheek].mean(0)
    away = np.linalg.norm(resources.surface.template - middle, axis=1)
    vertex = np.where(cheek, away, np.inf).argmin()
    place: NDArray[np.float32] = resources.texels[resources.surface.faces == vertex].mean(0)
    return place.round().astype(np.int64)


def portrait(head: HeadModel, assets: PeopleAssets, yaw: float) -> tuple[NDArray[np.uint8], ...]:
    """Return a picture of somebody with the spotted skin, and the true landmarks."""
    renderer = PeopleRenderer(head, assets, 224)
    recipe = PersonRecipe(
        seed=0, head=head.name, shape=np.zeros(head.group("shape").dim, np.float32),
        skin=SkinRecipe(maps=("spotted", "spotted"), bump=0.2), brows="", lash_alpha=0.0,
    )  # fmt: skip
    turned = torch.from_numpy(cv2.Rodrigues(euler_rotation(0, yaw, 0))[0][:, 0]).float()
    scene = SceneRecipe(
        seed=0, face=head.neutral()[0].replace(head_pose=turned),
        light=LightRecipe(probe="procedural-0", key=(0.0, 0.0, 1.0)), background="plain",
        camera=CameraRecipe(distance=2.0, framing=1.9),
    )  # fmt: skip
    taken = renderer.picture(renderer.person(recipe), scene)
    return taken.picture, taken.labels.landmarks


def write_folder(folder: Path, shown: dict[str, tuple[NDArray[np.uint8], ...]]) -> Path:
    folder.mkdir()
    with tarfile.open(folder / "faces-0.tar", "w") as tar:
        for key, (picture, _) in shown.items():
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "JPEG", quality=95)
            member = tarfile.TarInfo(f"{key}.jpg")
            member.size = len(stream.getvalue())
            tar.addfile(member, io.BytesIO(stream.getvalue()))
    landmarks = np.stack([np.nan_to_num(points) for _, points in shown.values()])
    np.savez(
        folder / "annotations.npz", key=list(shown), source=["drawn"] * len(shown),
        landmarks_xy=(landmarks * LANDMARK_STEPS).round().astype(np.int16),
        blendshapes=np.zeros((len(shown), 2)), blendshape_names=["_neutral", "jawOpen"],
        oval_inside=np.ones(len(shown)),
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def frontal(
    head: HeadModel, assets: PeopleAssets, spot: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], ...]:
    spotted = assets.skins["procedural-1"].copy()
    cv2.circle(spotted, spot.tolist(), 9, SPOT, -1)
    return portrait(head, replace(assets, skins={"spotted": spotted}), 0.0)


def blueness(skin: NDArray[np.uint8]) -> NDArray[np.float32]:
    linear = (cv2.GaussianBlur(skin, (0, 0), 2).astype(np.float32) / 255) ** 2.2
    return np.asarray(linear[..., 2] / linear.sum(2), np.float32)


def test_a_spot_returns_to_its_place_in_the_map(
    head: HeadModel,
    assets: PeopleAssets,
    spot: NDArray[np.int64],
    frontal: tuple[NDArray[np.uint8], ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_folder(tmp_path / "faces", {TRAINED: frontal})
    cache = tmp_path / "kept.npz"
    grown = with_photo_skins(assets, head, folder, 5, cache)
    assert list(grown.skins) == [*assets.skins, f"photo-{TRAINED}"]
    skin = grown.skins[f"photo-{TRAINED}"]
    assert skin.shape == assets.skins["procedural-0"].shape
    rows, columns = np.nonzero(blueness(skin) > blueness(skin).max() * 0.9)
    assert np.hypot(rows.mean() - spot[1], columns.mean() - spot[0]) < 8
    other = assets.skins["procedural-1"]
    assert blueness(skin).max() > blueness(other).max() * 1.1
    # kept: nothing is projected again
    monkeypatch.setattr(photo_skins, "_PhotoSkins", None)
    again = with_photo_skins(assets, head, folder, 5, cache)
    assert np.array_equal(again.skins[f"photo-{TRAINED}"], skin)


def test_only_frontal_faces_that_may_train_give_skins(
    head: HeadModel,
    assets: PeopleAssets,
    frontal: tuple[NDArray[np.uint8], ...],
    tmp_path: Path,
) -> None:
    assert trains(TRAINED) and not trains(MEASURED)
    turned = portrait(head, replace(assets, skins={"spotted": assets.skins["procedural-1"]}), 30.0)
    folder = write_folder(tmp_path / "faces", {TRAINED: turned, MEASURED: frontal})
    with pytest.raises(InputError, match="no frontal, neutral portrait"):
        with_photo_skins(assets, head, folder, 5, tmp_path / "kept.npz")
    assert not (tmp_path / "kept.npz").exists()


def test_a_tenth_of_photo_skins_is_held_out() -> None:
    held_out = [is_held_out(f"skin/photo-{number:05d}") for number in range(2000)]
    assert 0.07 < np.mean(held_out) < 0.13


def test_the_command_names_a_folder_that_has_no_photos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "set", tmp_path / "empty"
    folder.mkdir()
    code = main(["people", "--out", str(out), "--count", "1", "--skins-from", str(folder)])
    assert code == 3
    assert f"{folder}/annotations.npz: no such file" in capsys.readouterr().err
    assert not out.exists()
