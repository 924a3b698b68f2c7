"""What a performance moves in Blender: shape keys of a mesh and its parts, and bones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import mathutils
import numpy as np

from .conventions import in_blender
from .rules import key_values

_POSE_NODE = "head_pose"
"""Name of the node that turns the heads of smirk3d's GLB files."""
HEAD_BONES = (_POSE_NODE, "head", "neck")
EYE_BONES = (("eyel", "lefteye", "eye.l", "eye_l"), ("eyer", "righteye", "eye.r", "eye_r"))
"""Names of bones in lower case, the first that an armature has is taken."""
_REST = "smirk3d_rest"
"""Custom property of an object that turns: its rotation before."""


@dataclass
class Target:
    """A face to move.

    Attributes:
        meshes: the meshes with ARKit's shape keys.
        armature: the armature that the first of them follows, None without one.
        bones: names of the bones of head, left and right eye, None where there is none.
        turned: the object that turns with the head where there is no bone, None to turn nothing.
    """

    meshes: list[Any]
    armature: Any = None
    bones: tuple[str | None, str | None, str | None] = (None, None, None)
    turned: Any = None

    @property
    def count(self) -> int:
        """The number of shape keys that ARKit's actions move."""
        still = np.zeros((1, 52))
        return sum(len(key_values(still, keys_of(mesh), rules_of(mesh))) for mesh in self.meshes)

    def pose(self, weights: np.ndarray, turns: np.ndarray) -> None:
        """Move to one frame: weights ``[52]``, rotations ``[3, 3, 3]`` of head and eyes."""
        for mesh in self.meshes:
            for name, values in key_values(weights[None], keys_of(mesh), rules_of(mesh)).items():
                mesh.data.shape_keys.key_blocks[name].value = float(values[0])
        for owner, quaternion in self._rotations(turns):
            owner.rotation_mode = "QUATERNION"
            owner.rotation_quaternion = quaternion

    def bake(self, times: np.ndarray, weights: np.ndarray, turns: np.ndarray) -> None:
        """Key a performance at its times ``[T]``, in the frames of the scene, from its first on."""
        scene = bpy.context.scene
        frames = scene.frame_start + times * scene.render.fps / scene.render.fps_base
        for mesh in self.meshes:
            blocks = mesh.data.shape_keys.key_blocks
            for name, values in key_values(weights, keys_of(mesh), rules_of(mesh)).items():
                block = blocks[name]
                block.slider_min, block.slider_max = min(block.slider_min, 0), 1
                for frame, value in zip(frames.tolist(), values.tolist(), strict=True):
                    block.value = value
                    block.keyframe_insert("value", frame=frame)
        last: dict[int, Any] = {}
        for frame, turn in zip(frames.tolist(), turns, strict=True):
            for number, (owner, found) in enumerate(self._rotations(turn)):
                opposed = number in last and last[number].dot(found) < 0
                last[number] = -found if opposed else found
                owner.rotation_mode = "QUATERNION"
                owner.rotation_quaternion = last[number]
                owner.keyframe_insert("rotation_quaternion", frame=frame)
        scene.frame_end = max(scene.frame_end, int(np.ceil(frames[-1])))

    def _rotations(self, turns: np.ndarray) -> Iterator[tuple[Any, Any]]:
        """Yield what rotates, and the rotation in its own axes."""
        head = in_blender(turns)
        if self.armature is not None:
            outer = _rest(self.armature)
            for name, turn in zip(self.bones, head, strict=True):
                if name is not None:
                    bone = self.armature.pose.bones[name]
                    rest = outer @ np.array(bone.bone.matrix_local.to_3x3().normalized())
                    local = mathutils.Matrix((rest.T @ turn @ rest).tolist())
                    yield bone, local.to_quaternion()
        if self.turned is not None and self.bones[0] is None:
            local = mathutils.Matrix((head[0] @ _rest(self.turned)).tolist())
            yield self.turned, local.to_quaternion()


def _rest(turned: Any) -> np.ndarray:
    """Return an object's rotation before any performance, which the object keeps."""
    if _REST not in turned:
        rows = turned.matrix_basis.to_3x3().normalized()
        turned[_REST] = [value for row in rows for value in row]
    return np.array(list(turned[_REST]), float).reshape(3, 3)


def keys_of(mesh: Any) -> list[str]:
    """Return the names of an object's shape keys."""
    keys = getattr(mesh.data, "shape_keys", None)
    return [block.name for block in keys.key_blocks] if keys else []


def rules_of(mesh: Any) -> dict[str, Any]:
    """Return the rules that a head of smirk3d carries; empty for others."""
    names = ("gates", "opposed", "correctives", "arkit", "contact")
    found = {name: mesh.data[name] for name in names if name in mesh.data}
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    """Return a custom property as dictionaries and lists."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "to_list"):
        return value.to_list()
    if isinstance(value, (list, tuple)) or type(value).__name__ == "IDPropertyArray":
        return [_plain(item) for item in value]
    return value


def is_face(mesh: Any) -> bool:
    """Whether an object has shape keys by ARKit's names."""
    still = np.zeros((1, 52))
    return mesh.type == "MESH" and bool(key_values(still, keys_of(mesh), rules_of(mesh)))


def find_target(active: Any, *, turn: bool = True) -> Target | None:
    """Return the face that an object belongs to, None where it has no shape key of ARKit.

    Args:
        active: a mesh, or the armature or empty that holds it. Meshes beside it that follow the
            same armature, such as teeth and eyes, move along.
        turn: whether the head turns: its bone, or the object where there is no bone.
    """
    armature = active if active.type == "ARMATURE" else active.find_armature()
    family = [active, *active.children_recursive]
    if armature is not None:
        family += [armature, *armature.children_recursive]
        followers = (o for o in bpy.context.scene.objects if o.find_armature() == armature)
        family += list(followers)
    meshes = [o for o in dict.fromkeys(family) if is_face(o)]
    if not meshes:
        return None
    bones: tuple[str | None, ...] = (None, None, None)
    if armature is not None:
        bones = tuple(_bone(armature, names) for names in (HEAD_BONES, *EYE_BONES))
    # Blender makes the head pose of a GLB of smirk3d the armature itself
    posed = armature is not None and armature.name.lower().startswith(_POSE_NODE)
    if posed or not turn:
        bones = (None, *bones[1:])
    turned = armature if posed else active
    return Target(meshes, armature, bones, turned if turn else None)


def _bone(armature: Any, names: tuple[str, ...]) -> str | None:
    known = {bone.name.lower(): bone.name for bone in armature.pose.bones}
    return next((known[name] for name in names if name in known), None)
