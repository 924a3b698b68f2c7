"""The arrays of a head as buffers of a module; :mod:`~smirk3d.heads.head_model` evaluates them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smirk3d.heads.action_names import expression_sources
from smirk3d.heads.action_rules import (
    RULE_BUFFERS,
    ActionRules,
    basis_rows,
    linear_basis,
    rule_buffers,
)
from smirk3d.heads.contact import CONTACT_BUFFERS, Contact, contact_buffers
from smirk3d.heads.fingerprint import fingerprint
from smirk3d.heads.spec import HAIR_PARTS, PARTS, head_spec
from smirk3d.parameters.groups import ParameterGroup

Arrays = Mapping[str, NDArray[Any]]
HeadT = TypeVar("HeadT", bound="HeadBuffers")


class HeadBuffers(nn.Module):
    """The arrays of a head file, held on one device in one precision.

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

    faces: Tensor
    uv: Tensor
    uv_faces: Tensor
    hair_faces: Tensor
    hair_uv_faces: Tensor
    part: Tensor
    landmark_ids: Tensor
    landmark_sigma: Tensor
    landmark_corners: Tensor
    landmark_bary: Tensor
    v_template: Tensor
    basis: Tensor
    eyelid_basis_: Tensor
    pose_basis: Tensor
    gaze_range: Tensor
    eye_surface: Tensor
    channel_kind: Tensor
    corrective_pair: Tensor
    action_scale: Tensor
    joints: Tensor
    joint_basis: Tensor
    lbs_weights: Tensor

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        """Build from arrays and metadata as :func:`~smirk3d.heads.head_file.read_head_file` gives.

        Args:
            arrays: the arrays of a head file by name.
            meta: the file's metadata.
        """
        super().__init__()
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
        self._register_surface(arrays)
        self._register_motion(arrays)
        self._sources = expression_sources(self.expression_names)

    def keep(
        self, name: str, array: NDArray[Any] | Tensor, dtype: torch.dtype | None = None
    ) -> None:
        """Register or replace a buffer, which moves with the module and is in no state dict."""
        self.register_buffer(name, torch.as_tensor(array).to(dtype=dtype), persistent=False)

    def shallow_copy(self: HeadT) -> HeadT:
        """Return a head that shares all tensors and whose buffers can be replaced by its own."""
        twin = copy.copy(self)
        twin._buffers = dict(self._buffers)
        return twin

    def _register_surface(self, arrays: Arrays) -> None:
        hair_parts = [PARTS.index(part) for part in HAIR_PARTS]
        hair = np.isin(arrays["part"][arrays["faces"]], hair_parts).any(1)
        for name, chosen in (("", ~hair), ("hair_", hair)):
            for array in ("faces", "uv_faces"):
                self.keep(name + array, arrays[array][chosen].astype(np.int64), torch.int64)
        self.keep("uv", arrays["uv"], torch.float32)
        self.keep("part", arrays["part"], torch.uint8)
        self.region_names = tuple(key[7:] for key in arrays if key.startswith("region_"))
        for region in self.region_names:
            self.keep(f"region_{region}", arrays[f"region_{region}"] > 0, torch.bool)
        ids = arrays.get("lmk_mp_id", np.zeros(0, np.int32))
        triangles = arrays.get("lmk_mp_tri", np.zeros(0, np.int32))
        corners = arrays["faces"].astype(np.int64)[triangles]
        self.keep("landmark_ids", ids, torch.int64)
        self.keep("landmark_corners", corners, torch.int64)
        self.keep("landmark_bary", arrays.get("lmk_mp_bary", np.zeros((0, 3))), torch.float32)
        self.keep("landmark_sigma", arrays.get("lmk_mp_sigma", np.zeros(0)), torch.float32)

    def _register_motion(self, arrays: Arrays) -> None:
        template = torch.as_tensor(arrays["v_template"]).float()
        num_vertices = len(template)
        buffers = rule_buffers(arrays, self.basis_rows) | contact_buffers(arrays)
        for name, buffer in buffers.items():
            self.keep(name, buffer)
        self.keep("v_template", template, torch.float32)
        self.keep("basis", linear_basis(arrays, self.basis_rows), torch.float32)
        late_eyelids = np.zeros((0, num_vertices, 3))
        if self.eyelids_after_pose:
            late_eyelids = arrays.get("eyelid_basis", late_eyelids)
        self.keep("eyelid_basis_", late_eyelids.reshape(-1, num_vertices * 3), torch.float32)
        self.keep("gaze_range", arrays.get("gaze_range", np.zeros(0)), torch.float32)
        joints = arrays["joints"].astype(np.float32)
        joint_bases = [arrays["joint_shape_basis"].astype(np.float32)]
        if "joint_expr_basis" in arrays:
            joint_bases.append(arrays["joint_expr_basis"].astype(np.float32))
        self.joints_move = "joint_expr_basis" in arrays
        self.keep("joints", joints, torch.float32)
        flat = np.concatenate(joint_bases).reshape(-1, joints.size)
        self.keep("joint_basis", flat, torch.float32)
        self.keep("lbs_weights", arrays["lbs_weights"], torch.float32)
        pose = arrays.get("pose_basis", np.zeros((0, num_vertices * 3), np.float32))
        self.keep("pose_basis", pose, torch.float32)

    @property
    def num_vertices(self) -> int:
        """V."""
        return self.v_template.shape[0]

    @property
    def has_named_actions(self) -> bool:
        """Whether the parameters translate to ARKit's weights."""
        return bool(self._sources)

    @property
    def regions(self) -> dict[str, Tensor]:
        """Vertex masks ``[V]`` by region name."""
        return {name: getattr(self, f"region_{name}") for name in self.region_names}

    def group(self, name: str) -> ParameterGroup:
        """Return a group of the spec by name."""
        return next(group for group in self.spec if group.name == name)

    @property
    def offsets(self) -> Tensor:
        """The linear offsets ``[K, V, 3]`` in metres, in the order of ``basis_rows``."""
        return self.basis.unflatten(1, (-1, 3))

    @property
    def eyelid_offsets(self) -> Tensor:
        """The eyelids' offsets ``[2, V, 3]`` in metres, left then right; none where absent."""
        if self.eyelids_after_pose:
            return self.eyelid_basis_.unflatten(1, (-1, 3))
        return self.offsets[self.basis_rows.rows("eyelids")]

    @property
    def rules(self) -> ActionRules:
        """The rules by which actions change each other's effect."""
        return ActionRules(*(getattr(self, name) for name in RULE_BUFFERS))

    @property
    def contact(self) -> Contact:
        """The places where eyelids stop at the eyes and lips at each other."""
        return Contact(*(getattr(self, name) for name in CONTACT_BUFFERS))
