"""Packages with pictures, cameras and point caches, read by usd-core."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from smirk3d.export.rigs.rig import CameraPath, HeadMotion
from smirk3d.export.rigs.surface import primitives
from smirk3d.export.usd.point_cache import write_point_cache
from smirk3d.export.usd.writing import write_usd
from smirk3d.heads.tiny import tiny_head
from smirk3d.rendering.photo_colours import PhotoLook
from tests.export.faces import random_faces

USD = pytest.importorskip("pxr.Usd", reason="the extra usd is not installed")
HEAD = tiny_head()
BLUE = torch.tensor([0.2, 0.3, 0.8])[:, None, None].expand(3, 64, 64)


def moving(head=HEAD, camera: CameraPath | None = None) -> HeadMotion:
    frames = random_faces(head, 3)
    frames = frames.replace(shape=frames.shape[:1].expand(3, -1))
    return HeadMotion(parameters=frames, timestamps=[0.0, 0.04, 0.08], camera=camera)


def test_a_package_holds_its_pictures(tmp_path: Path) -> None:
    from pxr import UsdShade

    path = tmp_path / "face.usdz"
    write_usd(path, HEAD, HEAD.neutral()[0], photo=PhotoLook.of(HEAD, HEAD.neutral()[0], BLUE))
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        assert names[0] == "head.usdc", "the stage is the first, as the specification asks"
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in package.infolist())
        skin = Image.open(io.BytesIO(package.read("textures/skin.jpg"))).convert("RGB")
        assert "textures/eyeL.png" in names
    middle = np.median(np.asarray(skin).reshape(-1, 3), 0)
    np.testing.assert_allclose(middle, [51, 76, 204], atol=4)
    stage = USD.Stage.Open(str(path))
    for part in ("skin", "eyeL"):
        picture = UsdShade.Shader(stage.GetPrimAtPath(f"/Head/Materials/{part}/Picture"))
        assert picture.GetInput("file").Get().resolvedPath, "the picture is found"
        surface = UsdShade.Shader(stage.GetPrimAtPath(f"/Head/Materials/{part}/Surface"))
        source = surface.GetInput("diffuseColor").GetConnectedSources()[0][0].source
        assert source.GetPath() == picture.GetPath()
    assert [path.name for path in tmp_path.iterdir()] == ["face.usdz"]


def test_packages_satisfy_usds_validators(tmp_path: Path) -> None:
    validation = pytest.importorskip("pxr.UsdValidation", reason="this USD has no validators")
    path = tmp_path / "face.usdz"
    write_usd(
        path,
        HEAD,
        HEAD.neutral()[0],
        motion=moving(),
        photo=PhotoLook.of(HEAD, HEAD.neutral()[0], BLUE),
    )
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    stage = USD.Stage.Open(str(path))
    found = validation.ValidationContext(validators).Validate(stage)
    assert [error.GetErrorAsString() for error in found] == []


def test_vertices_take_the_photos_colours(tmp_path: Path) -> None:
    from pxr import UsdGeom

    write_usd(
        tmp_path / "face.usd",
        HEAD,
        HEAD.neutral()[0],
        photo=PhotoLook.of(HEAD, HEAD.neutral()[0], BLUE),
    )
    stage = USD.Stage.Open(str(tmp_path / "face.usd"))
    colours = np.array(UsdGeom.Mesh(stage.GetPrimAtPath("/Head/skin")).GetDisplayColorAttr().Get())
    linear = [((c + 0.055) / 1.055) ** 2.4 for c in (0.2, 0.3, 0.8)]
    np.testing.assert_allclose(np.median(colours, 0), linear, atol=0.01)


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_a_point_cache_has_the_posed_vertices(tmp_path: Path, kind: str) -> None:
    from pxr import UsdGeom

    head = tiny_head(kind)
    motion = moving(head)
    write_point_cache(tmp_path / "points.usd", head, motion)
    stage = USD.Stage.Open(str(tmp_path / "points.usd"))
    assert stage.GetTimeCodesPerSecond() == 25
    posed = head(motion.parameters).vertices.numpy()
    for primitive in primitives(head):
        points = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Head/{primitive.part}")).GetPointsAttr()
        assert points.GetTimeSamples() == [0, 1, 2]
        for frame in range(3):
            expected = posed[frame, primitive.vertex_ids]
            np.testing.assert_allclose(np.array(points.Get(frame)), expected, atol=1e-6)


@pytest.mark.parametrize("write", ["rig", "points"])
def test_the_camera_sees_what_its_path_says(tmp_path: Path, write: str) -> None:
    from pxr import UsdGeom

    position = np.array([[0.1, 0.2, 1.0], [0.0, 0.1, 0.9], [0.0, 0.0, 0.8]])
    turned = np.tile(np.eye(3), (3, 1, 1))
    camera = CameraPath(rotation=turned, position=position, focal=800, image_size=(640, 480))
    motion = moving(camera=camera)
    path = tmp_path / "a.usd"
    if write == "rig":
        write_usd(path, HEAD, motion.parameters[0], motion=motion)
    else:
        write_point_cache(path, HEAD, motion)
    stage = USD.Stage.Open(str(path))
    prim = UsdGeom.Camera(stage.GetPrimAtPath("/Head/Camera"))
    for frame in range(3):
        frustum = prim.GetCamera(frame).frustum
        seen = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
        point = np.array([0.03, -0.02, 0.05])
        ndc = np.array(seen.Transform(tuple(point)))
        relative = point - position[frame]
        expected = 800 * relative[:2] / -relative[2] / [320, 240]
        np.testing.assert_allclose(ndc[:2], expected, atol=1e-6)
