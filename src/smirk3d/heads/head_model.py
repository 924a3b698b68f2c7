"""The parametric head: one class for every source of head data.

Vertices come from the template plus linear offsets (identity, actions, eyelids, jaw, lids that
follow the gaze), then linear blend skinning turns jaw, eyes and neck, then the head pose turns all.
FLAME (Li et al. 2017, equations 1 to 5) is the special case with joints and pose correctives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smirk3d.conventions import ARKIT_NAMES, CAMERA_SCALE_DEFAULT
from smirk3d.errors import AssetError, check_shape
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.action_names import (
    GAZE_ACTIONS,
    expression_sources,
    gaze_from_weights,
    gaze_weights,
)
from smirk3d.heads.action_rules import RULE_BUFFERS, ActionRules, linear_bases, rule_buffers
from smirk3d.heads.contact import CONTACT_BUFFERS, Contact, contact_buffers
from smirk3d.heads.fingerprint import fingerprint
from smirk3d.heads.reduced_heads import at_landmarks, at_points, at_vertices
from smirk3d.heads.skinning import joint_transforms, skin
from smirk3d.heads.spec import HAIR_PARTS, PARTS, head_spec
from smirk3d.parameters.face_parameters import FaceParameters, ParameterGroup

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class HeadMesh:
    """A head's surface.

    Attributes:
        vertices: ``[B, V, 3]`` in metres, head axes, head pose applied.
        joints: ``[B, J, 3]`` likewise.
    """

    vertices: Tensor
    joints: Tensor


class HeadModel(nn.Module):
    """A parametric head read from the arrays of a head file.

    Attributes:
        name: what the registry and checkpoints call it.
        meta: version, source, licence, notice and hashes of the sources.
        fingerprint: SHA-256 over the arrays that give parameters their meaning.
        spec: the parameter groups, in the order of
            :data:`~smirk3d.parameters.face_parameters.HEAD_GROUPS`.
        expression_names: one a coefficient; empty strings for PCA coefficients.
        faces: triangles ``[F, 3]``; uv: ``[T, 2]``, v upwards; uv_faces: ``[F, 3]``.
        hair_faces, hair_uv_faces: likewise ``[H, 3]``, of the strips that carry hairs.
        part: part of each vertex ``[V]`` (:data:`~smirk3d.heads.spec.PARTS`).
        landmark_ids: MediaPipe's number of each landmark ``[L]``.
        landmark_sigma: standard deviation of each landmark in metres ``[L]``.
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
        """Build from the arrays of a head file (``../shared/head-models.md`` section 6)."""
        super().__init__()
        self.name = str(meta["name"])
        self.meta = dict(meta)
        self.fingerprint = fingerprint(arrays)
        self.spec = head_spec(arrays)
        self.expression_names = tuple(str(name) for name in arrays["expr_names"])
        self.joint_names = tuple(str(name) for name in arrays["joint_names"])
        self.parents = tuple(int(parent) for parent in arrays["joint_parents"])
        self.has_blend_jaw = "jaw_basis" in arrays
        self.eyelids_after_pose = bool(meta.get("eyelids_after_pose", False))
        self._register_surface(arrays)
        self._register_motion(arrays)
        self._sources = expression_sources(self.expression_names)

    def _keep(
        self, name: str, array: NDArray[Any] | Tensor, dtype: torch.dtype | None = None
    ) -> None:
        self.register_buffer(name, torch.as_tensor(array).to(dtype=dtype), persistent=False)

    def _register_surface(self, arrays: Arrays) -> None:
        hair_parts = [PARTS.index(part) for part in HAIR_PARTS]
        hair = np.isin(arrays["part"][arrays["faces"]], hair_parts).any(1)
        for name, chosen in (("", ~hair), ("hair_", hair)):
            for array in ("faces", "uv_faces"):
                self._keep(name + array, arrays[array][chosen].astype(np.int64), torch.int64)
        self._keep("uv", arrays["uv"], torch.float32)
        self._keep("part", arrays["part"], torch.uint8)
        self.region_names = tuple(key[7:] for key in arrays if key.startswith("region_"))
        for region in self.region_names:
            self._keep(f"region_{region}", arrays[f"region_{region}"] > 0, torch.bool)
        ids = arrays.get("lmk_mp_id", np.zeros(0, np.int32))
        triangles = arrays.get("lmk_mp_tri", np.zeros(0, np.int32))
        corners = arrays["faces"].astype(np.int64)[triangles]
        self._keep("landmark_ids", ids, torch.int64)
        self._keep("landmark_corners", corners, torch.int64)
        self._keep("landmark_bary", arrays.get("lmk_mp_bary", np.zeros((0, 3))), torch.float32)
        self._keep("landmark_sigma", arrays.get("lmk_mp_sigma", np.zeros(0)), torch.float32)

    def _register_motion(self, arrays: Arrays) -> None:
        template = torch.as_tensor(arrays["v_template"]).float()
        num_vertices = len(template)
        lids = arrays.get("eyelid_basis", np.zeros((0, num_vertices, 3)))
        self.has_gaze_basis = "gaze_basis" in arrays
        basis, kinds = linear_bases(arrays, lids[:0] if self.eyelids_after_pose else lids)
        for name, rule in (rule_buffers(arrays, kinds) | contact_buffers(arrays)).items():
            self._keep(name, rule)
        self._keep("v_template", template, torch.float32)
        self._keep("basis", basis, torch.float32)
        late_eyelids = lids if self.eyelids_after_pose else lids[:0]
        self._keep("eyelid_basis_", late_eyelids.reshape(-1, num_vertices * 3), torch.float32)
        self._keep("gaze_range", arrays.get("gaze_range", np.zeros(0)), torch.float32)
        joints = arrays["joints"].astype(np.float32)
        joint_bases = [arrays["joint_shape_basis"].astype(np.float32)]
        if "joint_expr_basis" in arrays:
            joint_bases.append(arrays["joint_expr_basis"].astype(np.float32))
        self.joints_move = "joint_expr_basis" in arrays
        self._keep("joints", joints, torch.float32)
        flat = np.concatenate(joint_bases).reshape(-1, joints.size)
        self._keep("joint_basis", flat, torch.float32)
        self._keep("lbs_weights", arrays["lbs_weights"], torch.float32)
        pose = arrays.get("pose_basis", np.zeros((0, num_vertices * 3), np.float32))
        self._keep("pose_basis", pose, torch.float32)

    @property
    def num_vertices(self) -> int:
        """V."""
        return self.v_template.shape[0]

    @property
    def has_named_actions(self) -> bool:
        """Whether ARKit's weights can be read from the parameters."""
        return bool(self._sources)

    @property
    def regions(self) -> dict[str, Tensor]:
        """Vertex masks ``[V]`` by region name."""
        return {name: getattr(self, f"region_{name}") for name in self.region_names}

    def group(self, name: str) -> ParameterGroup:
        """Return a group of the spec by name."""
        return next(group for group in self.spec if group.name == name)

    def neutral(self, batch_size: int = 1) -> FaceParameters:
        """Return the default parameters of B faces, looking at the camera."""
        like = self.v_template
        groups = {g.name: like.new_tensor(g.default).repeat(batch_size, 1) for g in self.spec}
        camera = like.new_tensor([CAMERA_SCALE_DEFAULT, 0.0, 0.0]).repeat(batch_size, 1)
        return FaceParameters(**groups, head_pose=like.new_zeros(batch_size, 3), camera=camera)

    def forward(self, parameters: FaceParameters) -> HeadMesh:
        """Return the posed heads of B parameters.

        Raises:
            ShapeError: if a group's size is not the spec's.
        """
        for group in self.spec:
            check_shape(getattr(parameters, group.name), f"B {group.dim}", group.name)
        rotations = self.joint_rotations(parameters)
        vertices = self.shaped(parameters)
        if self.pose_basis.shape[0]:
            identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
            feature = (rotations[:, 1:] - identity).flatten(1)
            vertices = vertices + (feature @ self.pose_basis).unflatten(-1, (-1, 3))
        joints = self.rest_joints(parameters)
        if len(self.eye_surface):
            eyes = [self.joint_names.index(name) for name in ("eyeL", "eyeR")]
            gaze = rotations[:, eyes, :, 2]
            vertices = self.contact.resolved(vertices, joints[:, eyes], gaze)
        transforms = joint_transforms(rotations, joints, self.parents)
        vertices = skin(vertices, self.lbs_weights, transforms)
        joints = (transforms[..., :3] @ joints[..., None])[..., 0] + transforms[..., 3]
        if "root" not in self.joint_names:
            turn = axis_angle_to_matrix(parameters.head_pose).transpose(1, 2)
            vertices, joints = vertices @ turn, joints @ turn
        if self.eyelids_after_pose:
            vertices = vertices + (parameters.eyelids @ self.eyelid_basis_).unflatten(-1, (-1, 3))
        return HeadMesh(vertices, joints)

    def shaped(self, parameters: FaceParameters) -> Tensor:
        """Return the vertices ``[B, V, 3]`` with all linear offsets, before any joint turns."""
        return self.v_template + (self._weights(parameters) @ self.basis).unflatten(-1, (-1, 3))

    @property
    def offsets(self) -> Tensor:
        """The linear offsets ``[K, V, 3]`` in metres.

        Identity, expression, jaw to positive and to negative values, eyelids, lids that follow the
        gaze, correctives; each as far as the head has it.
        """
        return self.basis.unflatten(1, (-1, 3))

    @property
    def rules(self) -> ActionRules:
        """What the actions do to each other."""
        return ActionRules(*(getattr(self, name) for name in RULE_BUFFERS))

    @property
    def contact(self) -> Contact:
        """Where lids stop at the eyes and lips at each other."""
        return Contact(*(getattr(self, name) for name in CONTACT_BUFFERS))

    @property
    def eyelid_offsets(self) -> Tensor:
        """The eyelids' offsets ``[2, V, 3]`` in metres, left then right; none where absent."""
        if self.eyelids_after_pose:
            return self.eyelid_basis_.unflatten(1, (-1, 3))
        own = self.channel_kind[: len(self.channel_kind) - len(self.corrective_pair)]
        start = self.group("shape").dim + int((own < 2).sum())
        return self.offsets[start : start + self.group("eyelids").dim]

    def rest_joints(self, parameters: FaceParameters) -> Tensor:
        """Return the joints' positions ``[B, J, 3]`` before any joint turns, in metres."""
        codes = [parameters.shape]
        if self.joints_move:
            codes.append(self.gated_expression(parameters))
        return self.joints + (torch.cat(codes, 1) @ self.joint_basis).unflatten(-1, (-1, 3))

    def gated_expression(self, parameters: FaceParameters) -> Tensor:
        """Return the expression's weights ``[B, E]`` as they take effect: opposites, gates."""
        return self.channel_weights(parameters)[:, : parameters.expression.shape[1]]

    def channel_weights(self, parameters: FaceParameters) -> Tensor:
        """Return the weights in effect of all channels and correctives ``[B, C + N]``."""
        rules = self.rules
        return rules.with_correctives(rules.effective(self._asked(parameters)))

    def channel_slopes(self, parameters: FaceParameters) -> Tensor:
        """Return by how much expression and eyelids ``[B, E + 2 or 0]`` act, a unit of weight.

        Gates and the person's size multiply a weight; what it does through the gates of others and
        through correctives is left out.
        """
        size, lids = parameters.expression.shape[1], parameters.eyelids.shape[1]
        if self.eyelids_after_pose:
            return torch.ones_like(torch.cat([parameters.expression, parameters.eyelids], 1))
        slopes = self.rules.slopes(self._asked(parameters))
        scales = self.rules.scales(parameters.shape)
        if scales is not None:
            slopes = slopes * scales[:, : slopes.shape[1]]
        first = size + (6 if self.has_blend_jaw else 0)
        return torch.cat([slopes[:, :size], slopes[:, first : first + lids]], 1)

    def _weights(self, parameters: FaceParameters) -> Tensor:
        weights = self.channel_weights(parameters)
        scales = self.rules.scales(parameters.shape)
        return torch.cat([parameters.shape, weights if scales is None else weights * scales], 1)

    def _asked(self, parameters: FaceParameters) -> Tensor:
        """Return the channels' weights ``[B, C]`` that the parameters ask for."""
        weights = [parameters.expression]
        if self.has_blend_jaw:
            jaw = parameters.jaw
            weights += [torch.where(jaw >= 0, jaw, 0.0), torch.where(jaw < 0, -jaw, 0.0)]
        if not self.eyelids_after_pose:
            weights.append(parameters.eyelids)
        if self.has_gaze_basis:
            weights.append(gaze_weights(parameters.eyes, self.gaze_range))
        return torch.cat(weights, 1)

    def pivot(self, parameters: FaceParameters) -> Tensor:
        """Return the point ``[B, 3]`` that the head pose turns the head about, in metres.

        That is the joint named root, and the origin of heads without one.
        """
        if "root" not in self.joint_names:
            return torch.zeros_like(parameters.head_pose)
        return self.rest_joints(parameters)[:, self.joint_names.index("root")]

    def joint_rotations(self, parameters: FaceParameters) -> Tensor:
        """Return each joint's rotation ``[B, J, 3, 3]`` relative to its parent."""
        rest = torch.zeros_like(parameters.head_pose)
        turned = {"root": parameters.head_pose, "neck": parameters.neck}
        if not self.has_blend_jaw:
            turned["jaw"] = parameters.jaw
        if parameters.eyes.shape[1]:
            turned["eyeL"], turned["eyeR"] = parameters.eyes[:, :3], parameters.eyes[:, 3:]
        vectors = [turned.get(name, rest) for name in self.joint_names]
        return axis_angle_to_matrix(torch.stack(vectors, 1))

    def landmarks(self, vertices: Tensor) -> Tensor:
        """Return the embedded landmarks ``[B, L, 3]`` on vertices ``[B, V, 3]``."""
        corners = vertices[:, self.landmark_corners]
        return (corners * self.landmark_bary[..., None]).sum(2)

    def at_landmarks(self) -> HeadModel:
        """Return a head whose vertices are the landmarks, as :meth:`at_points` does."""
        return at_landmarks(self)

    def at_points(self, corners: Tensor, bary: Tensor) -> HeadModel:
        """Return a head whose vertices are surface points (:func:`.reduced_heads.at_points`)."""
        return at_points(self, corners, bary)

    def at_vertices(self, vertex_ids: Tensor) -> HeadModel:
        """Return a head of some vertices ``[N]`` alone, in this order, without triangles."""
        return at_vertices(self, vertex_ids)

    def arkit(self, parameters: FaceParameters) -> Tensor:
        """Return ARKit's weights ``[B, 52]`` in the order of ``conventions.ARKIT_NAMES``.

        Of two actions that oppose each other one is zero.

        Raises:
            AssetError: if the head has no named actions (FLAME): convert its parameters first.
        """
        if not self._sources:
            raise AssetError(
                f"head {self.name!r} has no named actions: convert with `export --to-head open`"
            )
        zero = parameters.expression.new_zeros(len(parameters))
        columns = dict.fromkeys(ARKIT_NAMES, zero)
        net = self.rules.net(self._asked(parameters))
        for name, indices in self._sources.items():
            columns[name] = net[:, indices].mean(1)
        if parameters.eyelids.shape[1]:
            columns["eyeBlinkLeft"], columns["eyeBlinkRight"] = parameters.eyelids.unbind(1)
        if self.has_blend_jaw:
            opened, side, forward = parameters.jaw.unbind(1)
            columns |= {"jawOpen": opened, "jawForward": forward}
            columns |= {"jawLeft": side.clamp(min=0), "jawRight": (-side).clamp(min=0)}
        if self.has_gaze_basis:
            gaze = gaze_weights(parameters.eyes, self.gaze_range)
            columns |= dict(zip(GAZE_ACTIONS, gaze.unbind(1), strict=True))
        return torch.stack([columns[name] for name in ARKIT_NAMES], 1)

    def from_arkit(self, weights: Tensor) -> FaceParameters:
        """Return the parameters ``[B]`` of ARKit weights ``[B, 52]`` on the mean identity.

        Inverse of :meth:`arkit` for weights in [0, 1] that do not oppose each other (looking in
        and out, jaw left and right): opposed ones cancel.
        """
        check_shape(weights, "B 52", "weights")
        column = dict(zip(ARKIT_NAMES, weights.unbind(1), strict=True))
        parameters = self.neutral(len(weights)).to(weights.dtype)
        expression = parameters.expression.clone()
        for name, indices in self._sources.items():
            expression[:, indices] = column[name][:, None]
        groups: dict[str, Tensor] = {"expression": expression}
        if parameters.eyelids.shape[1]:
            groups["eyelids"] = torch.stack([column["eyeBlinkLeft"], column["eyeBlinkRight"]], 1)
        if self.has_blend_jaw:
            side = column["jawLeft"] - column["jawRight"]
            groups["jaw"] = torch.stack([column["jawOpen"], side, column["jawForward"]], 1)
        if self.has_gaze_basis:
            gaze = torch.stack([column[name] for name in GAZE_ACTIONS], 1)
            groups["eyes"] = gaze_from_weights(gaze, self.gaze_range)
        return parameters.replace(**groups)
