"""The parametric head: one class for every source of head data.

Vertices are the template plus linear offsets (identity, actions, jaw, eyelids, skin that follows
the gaze); linear blend skinning then rotates jaw, eyes and neck, and the head pose rotates all.
FLAME (Li et al. 2017, equations 1 to 5) is the special case with joints and pose correctives.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, check_shape
from smirk3d.geometry.array_interface import require_floating
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.action_names import GAZE_ACTIONS, gaze_from_weights, gaze_weights
from smirk3d.heads.head_buffers import HeadBuffers
from smirk3d.heads.reduced_heads import at_landmarks, at_points, at_vertices
from smirk3d.heads.skinning import joint_transforms, skin
from smirk3d.parameters.basis_rows import CHANNEL_BLOCKS, Channel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import VIEW_SPEC


@dataclass(frozen=True)
class HeadMesh:
    """Vertices and joints of B posed heads.

    Attributes:
        vertices: positions ``[B, V, 3]`` in metres, head axes, head pose applied.
        joints: positions ``[B, J, 3]`` in metres, head axes, head pose applied.
    """

    vertices: Tensor
    joints: Tensor


class HeadModel(HeadBuffers):
    """A parametric head, made from the arrays of a head file.

    A call with parameters of B faces gives their :class:`HeadMesh`.
    :class:`~smirk3d.heads.head_buffers.HeadBuffers` documents the attributes.
    """

    def neutral(self, batch_size: int = 1) -> FaceParameters:
        """Return the default parameters of B faces, looking at the camera."""
        like = self.v_template
        spec = (*self.spec, *VIEW_SPEC)
        groups = {g.name: like.new_tensor(g.default).repeat(batch_size, 1) for g in spec}
        return FaceParameters(**groups)

    def forward(self, parameters: FaceParameters) -> HeadMesh:
        """Return the posed heads of B parameters.

        Args:
            parameters: B faces of this head, in any floating-point precision; B may be 0.

        Returns:
            Vertices and joints in the head's precision.

        Raises:
            ShapeError: if a group's size is not the spec's.
        """
        for group in self.spec:
            check_shape(getattr(parameters, group.name), f"B {group.dim}", group.name)
        parameters = parameters.to(self.v_template.dtype)
        rotations = self.joint_rotations(parameters)
        vertices = self.shaped(parameters)
        if self.pose_basis.shape[0]:
            identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
            feature = (rotations[:, 1:] - identity).flatten(1)
            vertices = vertices + (feature @ self.pose_basis).unflatten(-1, (-1, 3))
        joints = self.rest_joints(parameters)
        vertices = self._in_contact(vertices, joints, rotations)
        transforms = joint_transforms(rotations, joints, self.parents)
        vertices = skin(vertices, self.lbs_weights, transforms)
        joints = (transforms[..., :3] @ joints[..., None])[..., 0] + transforms[..., 3]
        if "root" not in self.joint_names:
            rotation = axis_angle_to_matrix(parameters.head_pose).transpose(1, 2)
            vertices, joints = vertices @ rotation, joints @ rotation
        if self.eyelids_after_pose:
            vertices = vertices + (parameters.eyelids @ self.eyelid_basis_).unflatten(-1, (-1, 3))
        return HeadMesh(vertices, joints)

    def _in_contact(self, vertices: Tensor, joints: Tensor, rotations: Tensor) -> Tensor:
        if not len(self.eye_surface):
            return vertices
        eyes = [self.joint_names.index(name) for name in ("eyeL", "eyeR")]
        return self.contact.resolved(vertices, joints[:, eyes], rotations[:, eyes, :, 2])

    def contact_offsets(self, parameters: FaceParameters) -> Tensor:
        """Return what contact adds to :meth:`shaped` ``[B, V, 3]``, before any joint rotates.

        It is zero on heads without contacts, and leaves out pose correctives.
        """
        shaped, joints = self.shaped(parameters), self.rest_joints(parameters)
        return self._in_contact(shaped, joints, self.joint_rotations(parameters)) - shaped

    def shaped(self, parameters: FaceParameters) -> Tensor:
        """Return the vertices ``[B, V, 3]`` with all linear offsets, before any joint rotates."""
        return self.v_template + (self._weights(parameters) @ self.basis).unflatten(-1, (-1, 3))

    def rest_joints(self, parameters: FaceParameters) -> Tensor:
        """Return the joints' positions ``[B, J, 3]`` in metres before any joint rotates."""
        codes = [parameters.shape]
        if self.joints_move:
            codes.append(self.gated_expression(parameters))
        return self.joints + (torch.cat(codes, 1) @ self.joint_basis).unflatten(-1, (-1, 3))

    def gated_expression(self, parameters: FaceParameters) -> Tensor:
        """Return the expression's weights ``[B, E]`` in effect, after opposites and gates."""
        return self.channel_weights(parameters)[:, self.basis_rows.channels("expression")]

    def channel_weights(self, parameters: FaceParameters) -> Tensor:
        """Return the weights in effect ``[B, C + N]`` of all channels and correctives."""
        rules = self.rules
        return rules.with_correctives(rules.effective(self._asked(parameters)))

    def channel_slopes(self, parameters: FaceParameters) -> Tensor:
        """Return the effect ``[B, E + 2 or 0]`` of a unit of each expression and eyelid weight.

        Gates and the person's size multiply a weight; its effects through other actions' gates and
        through correctives are left out.
        """
        if self.eyelids_after_pose:
            return torch.ones_like(torch.cat([parameters.expression, parameters.eyelids], 1))
        slopes = self.rules.slopes(self._asked(parameters))
        scales = self.rules.scales(parameters.shape)
        if scales is not None:
            slopes = slopes * scales[:, : slopes.shape[1]]
        rows = self.basis_rows
        chosen = (rows.channels("expression"), rows.channels("eyelids"))
        return torch.cat([slopes[:, block] for block in chosen], 1)

    def _weights(self, parameters: FaceParameters) -> Tensor:
        weights = self.channel_weights(parameters)
        scales = self.rules.scales(parameters.shape)
        return torch.cat([parameters.shape, weights if scales is None else weights * scales], 1)

    def _asked(self, parameters: FaceParameters) -> Tensor:
        """Return the channels' weights ``[B, C]`` before the rules."""
        blocks: dict[Channel, Tensor] = {"expression": parameters.expression}
        if self.has_blend_jaw:
            jaw = parameters.jaw
            blocks["jaw_positive"] = torch.where(jaw >= 0, jaw, 0.0)
            blocks["jaw_negative"] = torch.where(jaw < 0, -jaw, 0.0)
        if not self.eyelids_after_pose:
            blocks["eyelids"] = parameters.eyelids
        if self.has_gaze_basis:
            blocks["gaze"] = gaze_weights(parameters.eyes, self.gaze_range)
        return torch.cat([blocks[block] for block in CHANNEL_BLOCKS if block in blocks], 1)

    def pivot(self, parameters: FaceParameters) -> Tensor:
        """Return the point ``[B, 3]`` about which the head pose rotates the head, in metres.

        It is the joint named root, or the origin where there is none.
        """
        if "root" not in self.joint_names:
            return torch.zeros_like(parameters.head_pose)
        return self.rest_joints(parameters)[:, self.joint_names.index("root")]

    def joint_rotations(self, parameters: FaceParameters) -> Tensor:
        """Return each joint's rotation ``[B, J, 3, 3]`` relative to its parent."""
        rest = torch.zeros_like(parameters.head_pose)
        vectors_by_joint = {"root": parameters.head_pose, "neck": parameters.neck}
        if not self.has_blend_jaw:
            vectors_by_joint["jaw"] = parameters.jaw
        if parameters.eyes.shape[1]:
            vectors_by_joint["eyeL"], vectors_by_joint["eyeR"] = (
                parameters.eyes[:, :3],
                parameters.eyes[:, 3:],
            )
        rotations = [vectors_by_joint.get(name, rest) for name in self.joint_names]
        return axis_angle_to_matrix(torch.stack(rotations, 1))

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

        At most one of two opposite actions is not zero.

        Args:
            parameters: B faces of this head, in any floating-point precision.

        Raises:
            AssetError: if the head has no named actions (FLAME): convert its parameters first.
        """
        if not self._sources:
            raise AssetError(
                f"head {self.name!r} has no named actions: convert with "
                f"`export --to-head {DEFAULT_HEAD}`"
            )
        parameters = parameters.to(self.v_template.dtype)
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

        Inverse of :meth:`arkit` for weights in [0, 1] without opposites (looking in and out, jaw
        left and right), which cancel each other.

        Args:
            weights: ARKit's weights ``[B, 52]`` in the order of ``conventions.ARKIT_NAMES``.

        Raises:
            ShapeError: if the weights have another shape.
            UsageError: if they are not floating-point numbers.
        """
        check_shape(weights, "B 52", "weights")
        require_floating(weights, "weights")
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
            groups["eyes"] = gaze_from_weights(gaze, self.gaze_range).to(weights.dtype)
        return parameters.replace(**groups)
