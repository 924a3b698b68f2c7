"""Skeleton, blend shapes and their motion, by UsdSkel. The head pose is the uppermost joint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.rigs.rig import Rig, RigFrames
from smirk3d.export.usd.modules import Pxr, vectors

SKELETON = "/Head/Skeleton"
_MOTION = "/Head/Motion"
_POSE_JOINT = "head_pose"
_STILL = 1e-7
"""Metres below which a vertex of a blend shape counts as resting."""


def _joint_paths(rig: Rig) -> list[str]:
    paths: list[str] = []
    for name, parent in zip(rig.joint_names, rig.parents, strict=True):
        paths.append(f"{paths[parent] if parent >= 0 else _POSE_JOINT}/{name}")
    return [_POSE_JOINT, *paths]


def _joint_offsets(rig: Rig) -> NDArray[np.float64]:
    """Return each joint's rest position relative to its parent ``[1 + J, 3]``."""
    joints = rig.joints.astype(np.float64)
    above = [joints[p] if p >= 0 else np.zeros(3) for p in rig.parents]
    return np.concatenate([np.zeros((1, 3)), joints - np.stack(above)])


def add_skeleton(pxr: Pxr, stage: Any, rig: Rig) -> None:
    """Add the joints, driven by the motion of :func:`add_motion`."""
    skeleton = pxr.UsdSkel.Skeleton.Define(stage, SKELETON)
    world = np.concatenate([np.zeros((1, 3)), rig.joints.astype(np.float64)])
    skeleton.CreateJointsAttr(_joint_paths(rig))
    skeleton.CreateBindTransformsAttr(_translations(pxr, world))
    skeleton.CreateRestTransformsAttr(_translations(pxr, _joint_offsets(rig)))
    binding = pxr.UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([_MOTION])


def _translations(pxr: Pxr, positions: NDArray[np.float64]) -> Any:
    matrices = [pxr.Gf.Matrix4d(1.0).SetTranslate(pxr.Gf.Vec3d(*p)) for p in positions.tolist()]
    return pxr.Vt.Matrix4dArray(matrices)


def bind_joints(pxr: Pxr, mesh: Any, lbs_weights: NDArray[np.float32]) -> None:
    """Bind a mesh to the joints by weights ``[U, J]``."""
    binding = pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([SKELETON])
    binding.CreateGeomBindTransformAttr(pxr.Gf.Matrix4d(1.0))
    used = int((lbs_weights > 0).sum(1).max())
    joints = np.argsort(-lbs_weights, axis=1, kind="stable")[:, :used]
    weights = np.take_along_axis(lbs_weights, joints, axis=1)
    weights = weights / weights.sum(1, keepdims=True)
    # joint 0 is the head pose
    joints = np.where(weights > 0, joints + 1, 0)
    indices = binding.CreateJointIndicesPrimvar(constant=False, elementSize=used)
    indices.Set(joints.reshape(-1).tolist())
    primvar = binding.CreateJointWeightsPrimvar(constant=False, elementSize=used)
    primvar.Set(weights.reshape(-1).tolist())


def bind_shapes(
    pxr: Pxr, stage: Any, mesh: Any, names: tuple[str, ...], offsets: NDArray[np.float32]
) -> None:
    """Add the blend shapes ``[K, U, 3]`` that move a mesh, by name."""
    moved = np.abs(offsets).max(axis=2) > _STILL
    own, targets = [], []
    for name, offset, where in zip(names, offsets, moved, strict=True):
        if not where.any():
            continue
        path = mesh.GetPath().AppendChild(name)
        shape = pxr.UsdSkel.BlendShape.Define(stage, path)
        shape.CreateOffsetsAttr(vectors(pxr, offset[where]))
        shape.CreatePointIndicesAttr(np.flatnonzero(where).tolist())
        own.append(name)
        targets.append(path)
    if own:
        binding = pxr.UsdSkel.BindingAPI(mesh.GetPrim())
        binding.CreateBlendShapesAttr(own)
        binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def add_motion(pxr: Pxr, stage: Any, rig: Rig, frames: RigFrames, times: Sequence[Any]) -> None:
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
