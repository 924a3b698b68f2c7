from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import MissingExtra, OutputError
from smirk3d.export.rigs.rig import HeadMotion
from smirk3d.export.rigs.surface import primitives
from smirk3d.export.usd.times import frame_rate
from smirk3d.export.usd.writing import write_usd
from smirk3d.faces import Face
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from tests.export.faces import random_faces

USD = pytest.importorskip("pxr.Usd", reason="the extra usd is not installed")
HEAD = tiny_head()


def skinned_points(path: Path, time: float | None) -> dict[str, np.ndarray]:
    """What USD's own skinning makes of each mesh."""
    from pxr import UsdGeom, UsdSkel

    stage = USD.Stage.Open(str(path))
    assert UsdSkel.BakeSkinning(stage.Traverse())
    code = USD.TimeCode.EarliestTime() if time is None else USD.TimeCode(time)
    found = {}
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            world = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(prim))
            points = np.array(mesh.GetPointsAttr().Get(code))
            found[prim.GetName()] = points @ world[:3, :3] + world[3, :3]
    return found


def assert_posed(path: Path, head: HeadModel, face: FaceParameters, time: float | None) -> None:
    expected = head(face).vertices[0].numpy()
    found = skinned_points(path, time)
    parts = primitives(head)
    assert set(found) == {primitive.part for primitive in parts}
    for primitive in parts:
        own = expected[primitive.vertex_ids]
        np.testing.assert_allclose(found[primitive.part], own, atol=1e-5)


@pytest.mark.parametrize("ending", ["usd", "usda", "usdc"])
def test_usds_own_skinning_gives_the_posed_vertices(tmp_path: Path, ending: str) -> None:
    face = random_faces(HEAD, 1)
    write_usd(tmp_path / f"face.{ending}", HEAD, face[0])
    assert_posed(tmp_path / f"face.{ending}", HEAD, face, None)


def test_usds_own_skinning_moves_with_time(tmp_path: Path) -> None:
    frames = random_faces(HEAD, 3)
    frames = frames.replace(shape=frames.shape[:1].expand(3, -1))
    motion = HeadMotion(parameters=frames, timestamps=[0.0, 0.1, 0.2])
    write_usd(tmp_path / "move.usd", HEAD, frames[0], motion=motion)
    stage = USD.Stage.Open(str(tmp_path / "move.usd"))
    assert stage.GetTimeCodesPerSecond() == 10
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, 2)
    for t in range(3):
        assert_posed(tmp_path / "move.usd", HEAD, frames[t : t + 1], float(t))


def test_a_still_face_has_a_time_sample(tmp_path: Path) -> None:
    face = random_faces(HEAD, 1)
    write_usd(tmp_path / "face.usd", HEAD, face[0])
    stage = USD.Stage.Open(str(tmp_path / "face.usd"))
    motion = stage.GetPrimAtPath("/Head/Motion")
    for name in ("rotations", "blendShapeWeights"):
        attribute = motion.GetAttribute(name)
        assert attribute.GetTimeSamples() == [0.0]
        np.testing.assert_array_equal(np.array(attribute.Get()), np.array(attribute.Get(0.0)))


def test_a_root_joint_carries_the_head_pose(tmp_path: Path) -> None:
    head = tiny_head("pca")
    face = random_faces(head, 1)
    still = {"jaw": torch.zeros(1, 3), "eyes": torch.zeros(1, 6), "neck": torch.zeros(1, 3)}
    face = face.replace(expression=torch.zeros_like(face.expression), **still)
    write_usd(tmp_path / "face.usd", head, face[0])
    assert_posed(tmp_path / "face.usd", head, face, None)


def test_names_units_and_colours(tmp_path: Path) -> None:
    from pxr import UsdGeom, UsdShade, UsdSkel

    write_usd(tmp_path / "face.usd", HEAD, HEAD.neutral()[0])
    stage = USD.Stage.Open(str(tmp_path / "face.usd"))
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    root = stage.GetDefaultPrim()
    assert root.GetCustomDataByKey("smirk3d")["head_fingerprint"] == HEAD.fingerprint
    motion = UsdSkel.Animation(stage.GetPrimAtPath("/Head/Motion"))
    assert tuple(motion.GetBlendShapesAttr().Get()) == ARKIT_NAMES
    skin = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/skin"))
    names = set(UsdSkel.BindingAPI(skin).GetBlendShapesAttr().Get())
    assert {"jawOpen", "eyeBlinkLeft", "mouthSmileRight", "eyeLookUpLeft"} <= names
    eye = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/eyeL"))
    colours = np.array(eye.GetDisplayColorPrimvar().Get())
    points = np.array(eye.GetPointsAttr().Get())
    assert colours[points[:, 2].argmax()].max() < 0.05
    assert colours[points[:, 2].argmin()].min() > 0.5
    bound = UsdShade.MaterialBindingAPI(eye).ComputeBoundMaterial()[0]
    assert bound.GetPrim().GetName() == "eyeL"


@pytest.mark.parametrize(("name", "closed"), [("open", False), ("open@2", True)])
def test_backs_are_drawn_where_they_can_be_seen(tmp_path: Path, name: str, closed: bool) -> None:
    from pxr import UsdGeom

    head = load_head(name)
    write_usd(tmp_path / "head.usdz", head, head.neutral()[0])
    stage = USD.Stage.Open(str(tmp_path / "head.usdz"))
    meshes = [UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    two_sided = {mesh.GetPrim().GetName() for mesh in meshes if mesh.GetDoubleSidedAttr().Get()}
    names = {mesh.GetPrim().GetName() for mesh in meshes}
    assert "skin" in names
    assert two_sided == ({"lashes", "brows"} & names if closed else names)


def test_files_satisfy_usds_validators(tmp_path: Path) -> None:
    validation = pytest.importorskip("pxr.UsdValidation", reason="this USD has no validators")
    frames = random_faces(HEAD, 2)
    motion = HeadMotion(parameters=frames, timestamps=[0.0, 0.04])
    write_usd(tmp_path / "move.usd", HEAD, frames[0], motion=motion)
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    stage = USD.Stage.Open(str(tmp_path / "move.usd"))
    found = validation.ValidationContext(validators).Validate(stage)
    assert [error.GetErrorAsString() for error in found] == []


@pytest.mark.parametrize(
    ("times", "rate"),
    [
        ([0.0, 0.033, 0.067, 0.1], Fraction(30)),
        ([t / 30 for t in range(100)], Fraction(30)),
        ([round(t * 1001 / 30000, 3) for t in range(100)], Fraction(30000, 1001)),
        ([0.0, 0.04, 0.08, 0.13], Fraction(25)),
        ([0.0, 0.2, 0.4], Fraction(5)),
        ([1.0], Fraction(24)),
    ],
)
def test_frame_rates(times: list[float], rate: Fraction) -> None:
    motion = HeadMotion(parameters=random_faces(HEAD, len(times)), timestamps=times)
    assert frame_rate(motion) == rate


def test_a_varying_rate_keeps_its_times(tmp_path: Path) -> None:
    frames = random_faces(HEAD, 4)
    motion = HeadMotion(parameters=frames, timestamps=[0.0, 0.04, 0.08, 0.13])
    write_usd(tmp_path / "move.usd", HEAD, frames[0], motion=motion)
    stage = USD.Stage.Open(str(tmp_path / "move.usd"))
    samples = stage.GetPrimAtPath("/Head/Motion").GetAttribute("rotations").GetTimeSamples()
    np.testing.assert_allclose(np.array(samples) / stage.GetTimeCodesPerSecond(), motion.timestamps)


def test_the_file_is_whole_or_absent(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file")
    with pytest.raises(OutputError, match="occupied"):
        Face(parameters=HEAD.neutral()[0], head=HEAD).save(tmp_path / "occupied" / "face.usd")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    for name in [name for name in sys.modules if name.startswith("pxr.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match=r"smirk3d\[usd\]"):
        write_usd(tmp_path / "face.usd", HEAD, HEAD.neutral()[0])
