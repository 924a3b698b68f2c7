"""USD with UsdSkel: blend shapes by name, joints, plain materials; still or animated.

Metres, y up, z out of the face. One mesh a part under a ``SkelRoot``; a mesh lists the blend shapes
that move it. The head pose is the skeleton's uppermost joint.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.errors import OutputError
from smirk3d.export.rigs.appearance import ROUGHNESS, rest_eyeballs, vertex_colours
from smirk3d.export.rigs.contact_targets import rig_in_contact
from smirk3d.export.rigs.rig import HeadMotion, Rig, RigFrames
from smirk3d.export.rigs.surface import Primitive, primitives, smooth_normals
from smirk3d.heads.action_rules import Gate
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

ENDINGS = (".usd", ".usda", ".usdc")
_ROOT = "/Head"
_SKELETON = f"{_ROOT}/Skeleton"
_MOTION = f"{_ROOT}/Motion"
_POSE_JOINT = "head_pose"
_STILL = 1e-7
"""Metres below which a vertex of a blend shape counts as resting."""
_USUAL_RATES = (
    *map(Fraction, (24, 25, 30, 48, 50, 60, 90, 100, 120)),
    *(Fraction(nominal * 1000, 1001) for nominal in (24, 30, 60, 120)),
)


@dataclass(frozen=True)
class _Pxr:
    """The modules of USD, which the extra ``usd`` installs."""

    Gf: ModuleType
    Sdf: ModuleType
    Usd: ModuleType
    UsdGeom: ModuleType
    UsdShade: ModuleType
    UsdSkel: ModuleType
    Vt: ModuleType


def _pxr() -> _Pxr:
    names = _Pxr.__dataclass_fields__
    return _Pxr(**{name: require(f"pxr.{name}", extra="usd") for name in names})


def write_usd(
    path: str | Path,
    head: HeadModel,
    parameters: FaceParameters,
    *,
    motion: HeadMotion | None = None,
) -> None:
    """Write one face's head, with this face's weights and joints, or with a motion.

    Args:
        path: file to write, whole or not at all; ``.usda`` is text, ``.usd`` and ``.usdc`` binary.
        head: the head.
        parameters: one face, without batch dimension.
        motion: frames of the same person to animate. Time codes are frames where the rate is
            constant, and fractions of them where it varies.

    Raises:
        MissingExtra: if usd-core is not installed.
        OutputError: if the file cannot be written.
    """
    pxr = _pxr()
    rig, still, moving = rig_in_contact(head, parameters, motion)
    stage = pxr.Usd.Stage.CreateInMemory()
    pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.y)
    pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = pxr.UsdSkel.Root.Define(stage, _ROOT)
    stage.SetDefaultPrim(root.GetPrim())
    root.GetPrim().SetMetadata("kind", "component")
    root.GetPrim().SetCustomDataByKey("smirk3d", _custom_data(head, parameters, rig))
    _add_skeleton(pxr, stage, rig)
    eyes = rest_eyeballs(head, rig.vertices, rig.joints)
    material = _Materials(pxr, stage)
    for primitive in primitives(head):
        part = primitive.part
        points = rig.vertices[primitive.vertex_ids]
        colours = vertex_colours(part, points, eyes.get(part))
        mesh = _add_mesh(pxr, stage, rig, primitive, colours if part in eyes else colours[:1])
        material.bind(mesh, part)
    _add_motion(pxr, stage, rig, still, [pxr.Usd.TimeCode.Default()])
    if motion is None or moving is None:
        # Blender reads weights and rotations from time samples alone
        _add_motion(pxr, stage, rig, still, [0.0])
    else:
        rate = frame_rate(motion)
        times = _time_codes(motion, rate)
        stage.SetTimeCodesPerSecond(float(rate))
        stage.SetFramesPerSecond(float(rate))
        stage.SetStartTimeCode(times[0])
        stage.SetEndTimeCode(times[-1])
        _add_motion(pxr, stage, rig, moving, times)
    _set_extents(pxr, stage)
    _save(stage, Path(path))


def _custom_data(head: HeadModel, parameters: FaceParameters, rig: Rig) -> dict[str, Any]:
    return {
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "head_licence": str(head.meta.get("licence", "")),
        "gates": "; ".join(_in_words(name, gate) for name, gate in rig.gates.items()),
        "opposed": "; ".join(" - ".join(pair) for pair in rig.opposed),
        "correctives": "; ".join(f"{n} by {a} * {b}" for n, (a, b) in rig.correctives.items()),
        "left_out": "; ".join(rig.left_out),
        "parameters": {
            name: " ".join(f"{value:.9g}" for value in tensor.tolist())
            for name, tensor in parameters.items()
        },
    }


def _in_words(name: str, gate: Gate) -> str:
    terms = [f"{slope:+g} {other}" for other, slope in gate.slopes.items()]
    return f"{name} by {gate.base:g} {' '.join(terms)}"


def _joint_paths(rig: Rig) -> list[str]:
    paths: list[str] = []
    for name, parent in zip(rig.joint_names, rig.parents, strict=True):
        paths.append(f"{paths[parent] if parent >= 0 else _POSE_JOINT}/{name}")
    return [_POSE_JOINT, *paths]


def _joint_offsets(rig: Rig) -> NDArray[np.float64]:
    """Return each joint's rest position relative to its parent ``[1 + J, 3]``."""
    joints = rig.joints.double().cpu().numpy()
    above = [joints[p] if p >= 0 else np.zeros(3) for p in rig.parents]
    return np.concatenate([np.zeros((1, 3)), joints - np.stack(above)])


def _add_skeleton(pxr: _Pxr, stage: Any, rig: Rig) -> None:
    skeleton = pxr.UsdSkel.Skeleton.Define(stage, _SKELETON)
    world = np.concatenate([np.zeros((1, 3)), rig.joints.double().cpu().numpy()])
    skeleton.CreateJointsAttr(_joint_paths(rig))
    skeleton.CreateBindTransformsAttr(_translations(pxr, world))
    skeleton.CreateRestTransformsAttr(_translations(pxr, _joint_offsets(rig)))
    binding = pxr.UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([_MOTION])


def _translations(pxr: _Pxr, positions: NDArray[np.float64]) -> Any:
    matrices = [pxr.Gf.Matrix4d(1.0).SetTranslate(pxr.Gf.Vec3d(*p)) for p in positions.tolist()]
    return pxr.Vt.Matrix4dArray(matrices)


def _add_mesh(pxr: _Pxr, stage: Any, rig: Rig, primitive: Primitive, colours: Tensor) -> Any:
    ids = primitive.vertex_ids
    mesh = pxr.UsdGeom.Mesh.Define(stage, f"{_ROOT}/{primitive.part}")
    mesh.CreatePointsAttr(_vectors(pxr, rig.vertices[ids]))
    mesh.CreateFaceVertexCountsAttr([3] * len(primitive.faces))
    mesh.CreateFaceVertexIndicesAttr(primitive.faces.flatten().tolist())
    mesh.CreateSubdivisionSchemeAttr(pxr.UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(True)
    mesh.CreateNormalsAttr(_vectors(pxr, smooth_normals(primitive, rig.vertices[None])[0]))
    mesh.SetNormalsInterpolation(pxr.UsdGeom.Tokens.vertex)
    types, primvars = pxr.Sdf.ValueTypeNames, pxr.UsdGeom.PrimvarsAPI(mesh)
    uv = pxr.Vt.Vec2fArray.FromNumpy(primitive.uv.cpu().numpy().astype(np.float32))
    primvars.CreatePrimvar("st", types.TexCoord2fArray, pxr.UsdGeom.Tokens.vertex).Set(uv)
    tokens = pxr.UsdGeom.Tokens
    interpolation = tokens.vertex if len(colours) > 1 else tokens.constant
    mesh.CreateDisplayColorPrimvar(interpolation).Set(_vectors(pxr, colours))
    _bind_joints(pxr, mesh, rig.lbs_weights[ids])
    _bind_shapes(pxr, stage, mesh, rig.target_names, rig.offsets[:, ids])
    return mesh


def _bind_joints(pxr: _Pxr, mesh: Any, lbs_weights: Tensor) -> None:
    binding = pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([_SKELETON])
    binding.CreateGeomBindTransformAttr(pxr.Gf.Matrix4d(1.0))
    used = int((lbs_weights > 0).sum(1).max())
    weights, joints = lbs_weights.cpu().topk(used, dim=1)
    weights = weights / weights.sum(1, keepdim=True)
    # joint 0 is the head pose
    joints = torch.where(weights > 0, joints + 1, 0)
    indices = binding.CreateJointIndicesPrimvar(constant=False, elementSize=used)
    indices.Set(joints.flatten().tolist())
    primvar = binding.CreateJointWeightsPrimvar(constant=False, elementSize=used)
    primvar.Set(weights.flatten().tolist())


def _bind_shapes(pxr: _Pxr, stage: Any, mesh: Any, names: tuple[str, ...], offsets: Tensor) -> None:
    moved = offsets.abs().amax(2) > _STILL
    own, targets = [], []
    for name, offset, where in zip(names, offsets, moved, strict=True):
        if not where.any():
            continue
        path = mesh.GetPath().AppendChild(name)
        shape = pxr.UsdSkel.BlendShape.Define(stage, path)
        shape.CreateOffsetsAttr(_vectors(pxr, offset[where]))
        shape.CreatePointIndicesAttr(where.nonzero()[:, 0].tolist())
        own.append(name)
        targets.append(path)
    if own:
        binding = pxr.UsdSkel.BindingAPI(mesh.GetPrim())
        binding.CreateBlendShapesAttr(own)
        binding.CreateBlendShapeTargetsRel().SetTargets(targets)


@dataclass
class _Materials:
    """The parts' materials, each with the vertices' colours."""

    pxr: _Pxr
    stage: Any

    def bind(self, mesh: Any, part: str) -> None:
        shade, types = self.pxr.UsdShade, self.pxr.Sdf.ValueTypeNames
        path = f"{_ROOT}/Materials/{part}"
        self.pxr.UsdGeom.Scope.Define(self.stage, f"{_ROOT}/Materials")
        material = shade.Material.Define(self.stage, path)
        surface = shade.Shader.Define(self.stage, f"{path}/Surface")
        surface.CreateIdAttr("UsdPreviewSurface")
        colour = shade.Shader.Define(self.stage, f"{path}/Colour")
        colour.CreateIdAttr("UsdPrimvarReader_float3")
        colour.CreateInput("varname", types.String).Set("displayColor")
        result = colour.CreateOutput("result", types.Float3)
        surface.CreateInput("diffuseColor", types.Color3f).ConnectToSource(result)
        surface.CreateInput("roughness", types.Float).Set(ROUGHNESS[part])
        surface.CreateInput("metallic", types.Float).Set(0.0)
        output = surface.CreateOutput("surface", types.Token)
        material.CreateSurfaceOutput().ConnectToSource(output)
        shade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)


def _add_motion(pxr: _Pxr, stage: Any, rig: Rig, frames: RigFrames, times: Sequence[Any]) -> None:
    """Set joints and weights at times: time codes, or the one code of default values."""
    animation = pxr.UsdSkel.Animation.Define(stage, _MOTION)
    offsets = _joint_offsets(rig)
    animation.CreateJointsAttr(_joint_paths(rig))
    animation.CreateBlendShapesAttr(list(rig.target_names))
    animation.CreateTranslationsAttr(pxr.Vt.Vec3fArray.FromNumpy(offsets.astype(np.float32)))
    animation.CreateScalesAttr([pxr.Gf.Vec3h(1, 1, 1)] * len(offsets))
    rotations, weights = animation.CreateRotationsAttr(), animation.CreateBlendShapeWeightsAttr()
    rotations_wxyz = np.concatenate([frames.head_pose_wxyz[:, None], frames.joints_wxyz], 1)
    for time, wxyz, weight in zip(times, rotations_wxyz.tolist(), frames.weights, strict=True):
        quaternions = [pxr.Gf.Quatf(w, x, y, z) for w, x, y, z in wxyz]
        rotations.Set(pxr.Vt.QuatfArray(quaternions), time)
        weights.Set(pxr.Vt.FloatArray.FromNumpy(weight.astype(np.float32)), time)


def frame_rate(motion: HeadMotion) -> Fraction:
    """Return frames a second: the usual rate that the times fit best, else their own.

    A single frame has 24.
    """
    times = np.asarray(motion.timestamps, np.float64)
    if len(times) < 2:
        return Fraction(24)
    rate = 1 / float(np.median(np.diff(times)))
    near = [usual for usual in _USUAL_RATES if abs(float(usual) - rate) < 0.02 * rate]
    if not near:
        return Fraction(rate).limit_denominator(1001)
    return min(near, key=lambda usual: float(np.abs(_off_frame(times - times[0], usual)).max()))


def _off_frame(times: NDArray[np.float64], rate: Fraction) -> NDArray[np.float64]:
    """Return how far times are from the nearest frame, in frames."""
    codes = times * float(rate)
    return codes - np.round(codes)


def _time_codes(motion: HeadMotion, rate: Fraction) -> list[float]:
    times = np.asarray(motion.timestamps, np.float64)
    codes = times * float(rate)
    # containers round times, to milliseconds at worst
    constant = (np.abs(_off_frame(times, rate)) <= 1e-3 * float(rate)).all()
    if constant and (np.diff(np.round(codes)) > 0).all():
        codes = np.round(codes)
    result: list[float] = codes.tolist()
    return result


def _set_extents(pxr: _Pxr, stage: Any) -> None:
    """Bound each mesh at rest, and the whole with room for every pose."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for prim in stage.Traverse():
        if prim.IsA(pxr.UsdGeom.Mesh):
            points = np.array(pxr.UsdGeom.Mesh(prim).GetPointsAttr().Get())
            low, high = np.minimum(low, points.min(0)), np.maximum(high, points.max(0))
            extent = np.stack([points.min(0), points.max(0)]).astype(np.float32)
            pxr.UsdGeom.Mesh(prim).CreateExtentAttr(pxr.Vt.Vec3fArray.FromNumpy(extent))
    # a rotation about the origin keeps every point within its distance from it
    reach = float(np.linalg.norm(np.maximum(np.abs(low), np.abs(high)))) * 1.1
    root = pxr.UsdGeom.Boundable(stage.GetDefaultPrim())
    root.CreateExtentAttr([(-reach,) * 3, (reach,) * 3])


def _vectors(pxr: _Pxr, values: Tensor) -> Any:
    array = np.ascontiguousarray(values.cpu().numpy().astype(np.float32))
    return pxr.Vt.Vec3fArray.FromNumpy(array)


def _save(stage: Any, path: Path) -> None:
    ending = path.suffix.lower() if path.suffix.lower() in ENDINGS else ENDINGS[0]
    # USD has error messages of its own, so the bytes are written as those of all other formats
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"head{ending}"
        if not stage.GetRootLayer().Export(str(made)):
            raise OutputError(f"{path}: USD cannot write to {folder}: free some space there")
        content = made.read_bytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
