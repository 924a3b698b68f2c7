"""The arrays of a head, of NumPy or torch; :mod:`~smirk3d.heads.head_model` evaluates them."""

from __future__ import annotations

import copy
import hashlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import (
    Array,
    Library,
    default_array,
    default_library,
    is_floating,
    is_torch,
    to_numpy,
)
from smirk3d.heads.action_names import expression_sources
from smirk3d.heads.action_rules import (
    RULE_BUFFERS,
    ActionRules,
    basis_rows,
    linear_basis,
    rule_buffers,
)
from smirk3d.heads.contact import CONTACT_BUFFERS, Contact, contact_buffers
from smirk3d.heads.spec import HAIR_PARTS, PARTS, head_spec
from smirk3d.parameters.groups import ParameterGroup

Arrays = Mapping[str, NDArray[Any]]
HeadT = TypeVar("HeadT", bound="HeadBuffers")
_DEFINING_ARRAYS = (
    "v_template", "shape_basis", "expr_basis", "eyelid_basis", "jaw_basis", "jaw_basis_neg",
    "gaze_basis", "gaze_range", "joint_parents", "joints", "joint_shape_basis", "joint_expr_basis",
    "lbs_weights", "pose_basis", "gate", "opposed", "gate_channel", "gate_base", "gate_slope",
    "corrective_pair", "corrective_basis", "action_scale", "eye_surface", "lid_id", "lid_eye",
    "lid_gap", "lip_pair", "lip_pair_share", "lip_id", "lip_share",
)  # fmt: skip
"""Arrays of the fingerprint, in its order."""


class HeadBuffers:
    """The arrays of a head file: all of NumPy, or all of torch on one device, in one precision.

    Attributes:
        name: the head's name in the registry and in checkpoints.
        meta: version, source, licence, notice and hashes of the sources.
        fingerprint: SHA-256 over the arrays that give parameters their meaning.
        spec: the parameter groups, in the order of
            :data:`~smirk3d.parameters.groups.HEAD_GROUPS`.
        basis_rows: number of rows of each block of ``basis``.
        expression_names: one name for each coefficient; empty strings for PCA coefficients.
        joint_names: name of each joint, in the order of the joint arrays.
        parents: index of each joint's parent, -1 for a root.
        faces: triangles ``[F, 3]`` of the surface.
        uv: texture coordinates ``[T, 2]``, v upwards.
        uv_faces: texture coordinates of each triangle's corners ``[F, 3]``.
        hair_faces: triangles ``[H, 3]`` of the strips that carry pictures of hairs.
        hair_uv_faces: texture coordinates of these triangles' corners ``[H, 3]``.
        part: part of each vertex ``[V]``, an index into :data:`~smirk3d.heads.spec.PARTS`.
        landmark_ids: MediaPipe's number of each landmark ``[L]``.
        landmark_sigma: standard deviation of each landmark in metres ``[L]``.
        landmark_corners: vertices of the triangle of each landmark ``[L, 3]``.
        landmark_bary: barycentric coordinates of each landmark ``[L, 3]``.
        v_template: vertices of the mean face ``[V, 3]`` in metres.
        basis: linear offsets ``[K, 3 V]`` in metres; ``basis_rows`` gives their order.
        eyelid_basis_: offsets ``[2 or 0, 3 V]`` of eyelids that are added after the pose.
        pose_basis: pose correctives ``[9 (J - 1) or 0, 3 V]`` in metres.
    """

    faces: Array
    uv: Array
    uv_faces: Array
    hair_faces: Array
    hair_uv_faces: Array
    part: Array
    landmark_ids: Array
    landmark_sigma: Array
    landmark_corners: Array
    landmark_bary: Array
    v_template: Array
    basis: Array
    eyelid_basis_: Array
    pose_basis: Array
    gaze_range: Array
    eye_surface: Array
    channel_kind: Array
    corrective_pair: Array
    action_scale: Array
    joints: Array
    joint_basis: Array
    lbs_weights: Array

    def __init__(
        self, arrays: Arrays, meta: Mapping[str, Any], library: Library | None = None
    ) -> None:
        """Build from arrays and metadata as :func:`~smirk3d.heads.head_file.read_head_file` gives.

        Args:
            arrays: the arrays of a head file by name.
            meta: the file's metadata.
            library: whose arrays the head holds and computes with, on the CPU;
                :func:`~smirk3d.array_interface.default_library` unless given.
        """
        self._kept: dict[str, None] = {}
        self._library: Library = library or default_library()
        self.name = str(meta["name"])
        self.meta = dict(meta)
        self.fingerprint = fingerprint(arrays)
        self.spec = head_spec(arrays)
        self.expression_names = tuple(str(name) for name in arrays["expr_names"])
        self.joint_names = tuple(str(name) for name in arrays["joint_names"])
        self.parents = tuple(int(parent) for parent in arrays["joint_parents"])
        self.has_blend_jaw = "jaw_basis" in arrays
        self.has_gaze_basis = "gaze_basis" in arrays
        self.eyelids_after_pose = bool(meta.get("eyelids_after_pose", False))
        self.basis_rows = basis_rows(arrays, eyelids_after_pose=self.eyelids_after_pose)
        self._hold_surface(arrays)
        self._hold_motion(arrays)
        self._sources = expression_sources(self.expression_names)

    def keep(self, name: str, array: Array) -> None:
        """Set or replace one of the head's arrays, in the head's library."""
        self._kept[name] = None
        setattr(self, name, array)

    def arrays(self) -> dict[str, Array]:
        """Return all arrays that the head holds, by name."""
        return {name: getattr(self, name) for name in self._kept}

    def shallow_copy(self: HeadT) -> HeadT:
        """Return a head that shares all arrays, and in which they can be replaced."""
        twin = copy.copy(self)
        twin._kept = dict(self._kept)
        return twin

    def _each(self: HeadT, change: Callable[[Array], Array]) -> HeadT:
        twin = self.shallow_copy()
        for name, array in self.arrays().items():
            twin.keep(name, change(array))
        return twin

    def to(self: HeadT, target: Any) -> HeadT:
        """Return the head on a torch device, or in a floating-point precision of its library.

        Arrays that lie there already are shared. A NumPy head lies on the CPU.
        """
        if not is_torch(self.v_template):
            return self if str(target) == "cpu" else self._in_precision(target)
        torch = sys.modules["torch"]
        if isinstance(target, torch.dtype):
            return self._in_precision(target)
        return self._each(lambda array: array.to(target))

    def _in_precision(self: HeadT, dtype: Any) -> HeadT:
        def change(array: Array) -> Array:
            if not is_floating(array):
                return array
            return array.to(dtype) if is_torch(array) else array.astype(dtype, copy=False)

        return self._each(change)

    def double(self: HeadT) -> HeadT:
        """Return the head in double precision."""
        if not is_torch(self.v_template):
            return self._in_precision(np.float64)
        return self._each(lambda array: array.double() if is_floating(array) else array)

    def to_numpy(self: HeadT) -> HeadT:
        """Return the head with NumPy arrays, in its precision."""
        if not is_torch(self.v_template):
            return self
        return self._each(lambda array: default_array(to_numpy(array), "numpy"))

    def to_torch(self: HeadT) -> HeadT:
        """Return the head with torch tensors, on the CPU unless it lies elsewhere already."""
        if is_torch(self.v_template):
            return self
        return self._each(lambda array: default_array(to_numpy(array), "torch"))

    def _hold(self, arrays: Arrays) -> None:
        for name, array in arrays.items():
            self.keep(name, default_array(np.ascontiguousarray(array), self._library))

    def _hold_surface(self, arrays: Arrays) -> None:
        hair_parts = [PARTS.index(part) for part in HAIR_PARTS]
        hair = np.isin(arrays["part"][arrays["faces"]], hair_parts).any(1)
        triangles = arrays.get("lmk_mp_tri", np.zeros(0, np.int32))
        self.region_names = tuple(key[7:] for key in arrays if key.startswith("region_"))
        self._hold(
            {
                "faces": arrays["faces"][~hair].astype(np.int64),
                "uv_faces": arrays["uv_faces"][~hair].astype(np.int64),
                "hair_faces": arrays["faces"][hair].astype(np.int64),
                "hair_uv_faces": arrays["uv_faces"][hair].astype(np.int64),
                "uv": arrays["uv"].astype(np.float32),
                "part": arrays["part"].astype(np.uint8),
                **{f"region_{name}": arrays[f"region_{name}"] > 0 for name in self.region_names},
                "landmark_ids": arrays.get("lmk_mp_id", np.zeros(0)).astype(np.int64),
                "landmark_corners": arrays["faces"].astype(np.int64)[triangles],
                "landmark_bary": arrays.get("lmk_mp_bary", np.zeros((0, 3))).astype(np.float32),
                "landmark_sigma": arrays.get("lmk_mp_sigma", np.zeros(0)).astype(np.float32),
            }
        )

    def _hold_motion(self, arrays: Arrays) -> None:
        template = arrays["v_template"].astype(np.float32)
        size = template.size
        late_eyelids = np.zeros((0, size), np.float32)
        if self.eyelids_after_pose and "eyelid_basis" in arrays:
            late_eyelids = arrays["eyelid_basis"].astype(np.float32).reshape(-1, size)
        joints = arrays["joints"].astype(np.float32)
        joint_bases = [arrays["joint_shape_basis"].astype(np.float32)]
        self.joints_move = "joint_expr_basis" in arrays
        if self.joints_move:
            joint_bases.append(arrays["joint_expr_basis"].astype(np.float32))
        pose = arrays.get("pose_basis", np.zeros((0, size)))
        self._hold(
            {
                **rule_buffers(arrays, self.basis_rows),
                **contact_buffers(arrays),
                "v_template": template,
                "basis": linear_basis(arrays, self.basis_rows),
                "eyelid_basis_": late_eyelids,
                "gaze_range": arrays.get("gaze_range", np.zeros(0)).astype(np.float32),
                "joints": joints,
                "joint_basis": np.concatenate(joint_bases).reshape(-1, joints.size),
                "lbs_weights": arrays["lbs_weights"].astype(np.float32),
                "pose_basis": pose.astype(np.float32),
            }
        )

    @property
    def num_vertices(self) -> int:
        """V."""
        return int(self.v_template.shape[0])

    @property
    def has_named_actions(self) -> bool:
        """Whether the parameters translate to ARKit's weights."""
        return bool(self._sources)

    @property
    def regions(self) -> dict[str, Array]:
        """Vertex masks ``[V]`` by region name."""
        return {name: getattr(self, f"region_{name}") for name in self.region_names}

    def group(self, name: str) -> ParameterGroup:
        """Return a group of the spec by name."""
        return next(group for group in self.spec if group.name == name)

    @property
    def offsets(self) -> Array:
        """The linear offsets ``[K, V, 3]`` in metres, in the order of ``basis_rows``."""
        return self.basis.reshape(len(self.basis), self.num_vertices, 3)

    @property
    def eyelid_offsets(self) -> Array:
        """The eyelids' offsets ``[2, V, 3]`` in metres, left then right; none where absent."""
        if self.eyelids_after_pose:
            rows = self.eyelid_basis_
            return rows.reshape(len(rows), self.num_vertices, 3)
        return self.offsets[self.basis_rows.rows("eyelids")]

    @property
    def rules(self) -> ActionRules:
        """The rules by which actions change each other's effect."""
        return ActionRules(*(getattr(self, name) for name in RULE_BUFFERS))

    @property
    def contact(self) -> Contact:
        """The places where eyelids stop at the eyes and lips at each other."""
        return Contact(*(getattr(self, name) for name in CONTACT_BUFFERS))


def fingerprint(arrays: Arrays) -> str:
    """Return the SHA-256 over the arrays that give parameters their meaning.

    By it weights recognise the head whose parameters they estimate.
    """
    digest = hashlib.sha256()
    for name in _DEFINING_ARRAYS:
        if name in arrays:
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
    digest.update(" ".join(map(str, arrays["expr_names"])).encode())
    digest.update(" ".join(map(str, arrays["joint_names"])).encode())
    return digest.hexdigest()
