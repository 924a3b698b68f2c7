"""The parametric head: one class for every source of head data.

Vertices are the template plus linear offsets (identity, actions, jaw, eyelids, skin that follows
the gaze); linear blend skinning then rotates jaw, eyes and neck, and the head pose rotates all.
FLAME (Li et al. 2017, equations 1 to 5) is the special case with joints and pose correctives.
"""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface import (
    Array,
    array_namespace,
    constant,
    copied,
    identity_like,
    in_precision,
    is_torch,
    require_floating,
)
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, UsageError, check_shape
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.action_names import BLINKS, GAZE_ACTIONS, gaze_from_weights, gaze_weights
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

    vertices: Array
    joints: Array


class HeadModel(HeadBuffers):
    """A parametric head, made from the arrays of a head file.

    A call with parameters of B faces gives their :class:`HeadMesh`. The head computes with NumPy or
    with torch, whichever its arrays are of (:meth:`to_numpy`, :meth:`to_torch`), and takes
    parameters of that library.
    :class:`~smirk3d.heads.head_buffers.HeadBuffers` documents the attributes.
    """

    def neutral(self, batch_size: int = 1) -> FaceParameters:
        """Return the default parameters of B faces, looking at the camera."""
        xp = array_namespace(self.v_template)
        groups = {}
        for group in (*self.spec, *VIEW_SPEC):
            row = constant(group.default, self.v_template)
            groups[group.name] = copied(xp.broadcast_to(row, (batch_size, group.dim)))
        return FaceParameters(**groups)

    def __call__(self, parameters: FaceParameters) -> HeadMesh:
        """Return the posed heads of B parameters.

        Args:
            parameters: B faces of this head, in any floating-point precision; B may be 0.

        Returns:
            Vertices and joints in the head's precision.

        Raises:
            ShapeError: if a group's size is not the spec's.
            UsageError: if the parameters are of another library than the head.
        """
        for group in self.spec:
            check_shape(getattr(parameters, group.name), f"B {group.dim}", group.name)
        parameters = self._own(parameters)
        rotations = self.joint_rotations(parameters)
        vertices = self.shaped(parameters)
        if self.pose_basis.shape[0]:
            feature = rotations[:, 1:] - identity_like(3, rotations)
            feature = feature.reshape(len(rotations), self.pose_basis.shape[0])
            vertices = vertices + self._offsets(feature @ self.pose_basis)
        joints = self.rest_joints(parameters)
        vertices = self._in_contact(vertices, joints, rotations)
        transforms = joint_transforms(rotations, joints, self.parents)
        if "root" not in self.joint_names:
            transforms = axis_angle_to_matrix(parameters.head_pose)[:, None] @ transforms
        vertices = skin(vertices, self.lbs_weights, transforms)
        joints = (transforms[..., :3] @ joints[..., None])[..., 0] + transforms[..., 3]
        if self.eyelids_after_pose:
            vertices = vertices + self._offsets(parameters.eyelids @ self.eyelid_basis_)
        return HeadMesh(vertices, joints)

    def _own(self, parameters: FaceParameters) -> FaceParameters:
        """Return parameters in the head's precision."""
        if is_torch(parameters.shape) != is_torch(self.v_template):
            raise UsageError(
                "head and parameters must both be of NumPy or both of torch: "
                "head.to_numpy(), head.to_torch() and parameters.to(head.v_template) convert them"
            )
        return parameters.to(self.v_template.dtype)

    def _offsets(self, flat: Array) -> Array:
        """Return rows ``[B, 3 V]`` as ``[B, V, 3]``."""
        return flat.reshape(len(flat), self.num_vertices, 3)

    def _in_contact(self, vertices: Array, joints: Array, rotations: Array) -> Array:
        if not len(self.eye_surface):
            return vertices
        eyes = [self.joint_names.index(name) for name in ("eyeL", "eyeR")]
        return self.contact.resolved(vertices, joints[:, eyes], rotations[..., 2][:, eyes])

    def contact_offsets(self, parameters: FaceParameters) -> Array:
        """Return what contact adds to :meth:`shaped` ``[B, V, 3]``, before any joint rotates.

        It is zero on heads without contacts, and leaves out pose correctives.
        """
        shaped, joints = self.shaped(parameters), self.rest_joints(parameters)
        return self._in_contact(shaped, joints, self.joint_rotations(parameters)) - shaped

    def shaped(self, parameters: FaceParameters) -> Array:
        """Return the vertices ``[B, V, 3]`` with all linear offsets, before any joint rotates."""
        return self.v_template + self._offsets(self._weights(parameters) @ self.basis)

    def rest_joints(self, parameters: FaceParameters) -> Array:
        """Return the joints' positions ``[B, J, 3]`` in metres before any joint rotates."""
        codes = [parameters.shape]
        if self.joints_move:
            codes.append(self.gated_expression(parameters))
        flat = array_namespace(*codes).concat(codes, axis=1) @ self.joint_basis
        return self.joints + flat.reshape(len(flat), len(self.joint_names), 3)

    def gated_expression(self, parameters: FaceParameters) -> Array:
        """Return the expression's weights ``[B, E]`` in effect, after opposites and gates."""
        return self.channel_weights(parameters)[:, self.basis_rows.channels("expression")]

    def channel_weights(self, parameters: FaceParameters) -> Array:
        """Return the weights in effect ``[B, C + N]`` of all channels and correctives."""
        rules = self.rules
        return rules.with_correctives(rules.effective(self._asked(parameters)))

    def channel_slopes(self, parameters: FaceParameters) -> Array:
        """Return the effect ``[B, E + 2 or 0]`` of a unit of each expression and eyelid weight.

        Gates and the person's size multiply a weight; its effects through other actions' gates and
        through correctives are left out.
        """
        xp = array_namespace(parameters.expression)
        if self.eyelids_after_pose:
            return xp.ones_like(xp.concat([parameters.expression, parameters.eyelids], axis=1))
        slopes = self.rules.slopes(self._asked(parameters))
        scales = self.rules.scales(parameters.shape)
        if scales is not None:
            slopes = slopes * scales[:, : slopes.shape[1]]
        rows = self.basis_rows
        chosen = (rows.channels("expression"), rows.channels("eyelids"))
        return xp.concat([slopes[:, block] for block in chosen], axis=1)

    def _weights(self, parameters: FaceParameters) -> Array:
        weights = self.channel_weights(parameters)
        scales = self.rules.scales(parameters.shape)
        scaled = weights if scales is None else weights * scales
        return array_namespace(scaled).concat([parameters.shape, scaled], axis=1)

    def _asked(self, parameters: FaceParameters) -> Array:
        """Return the channels' weights ``[B, C]`` before the rules."""
        xp = array_namespace(parameters.expression)
        blocks: dict[Channel, Array] = {"expression": parameters.expression}
        if self.has_blend_jaw:
            jaw = parameters.jaw
            none = xp.zeros_like(jaw)
            blocks["jaw_positive"] = xp.where(jaw >= 0, jaw, none)
            blocks["jaw_negative"] = xp.where(jaw < 0, -jaw, none)
        if not self.eyelids_after_pose:
            blocks["eyelids"] = parameters.eyelids
        if self.has_gaze_basis:
            blocks["gaze"] = gaze_weights(parameters.eyes, self.gaze_range)
        return xp.concat([blocks[block] for block in CHANNEL_BLOCKS if block in blocks], axis=1)

    def pivot(self, parameters: FaceParameters) -> Array:
        """Return the point ``[B, 3]`` about which the head pose rotates the head, in metres.

        It is the joint named root, or the origin where there is none.
        """
        if "root" not in self.joint_names:
            return array_namespace(parameters.head_pose).zeros_like(parameters.head_pose)
        return self.rest_joints(parameters)[:, self.joint_names.index("root")]

    def joint_rotations(self, parameters: FaceParameters) -> Array:
        """Return each joint's rotation ``[B, J, 3, 3]`` relative to its parent."""
        xp = array_namespace(parameters.head_pose)
        rest = xp.zeros_like(parameters.head_pose)
        vectors_by_joint = {"root": parameters.head_pose, "neck": parameters.neck}
        if not self.has_blend_jaw:
            vectors_by_joint["jaw"] = parameters.jaw
        if parameters.eyes.shape[1]:
            vectors_by_joint["eyeL"], vectors_by_joint["eyeR"] = (
                parameters.eyes[:, :3],
                parameters.eyes[:, 3:],
            )
        rotations = [vectors_by_joint.get(name, rest) for name in self.joint_names]
        return axis_angle_to_matrix(xp.stack(rotations, axis=1))

    def landmarks(self, vertices: Array) -> Array:
        """Return the embedded landmarks ``[B, L, 3]`` on vertices ``[B, V, 3]``."""
        corners = vertices[:, self.landmark_corners]
        return (corners * self.landmark_bary[..., None]).sum(2)

    def at_landmarks(self) -> HeadModel:
        """Return a head whose vertices are the landmarks, as :meth:`at_points` does."""
        return at_landmarks(self)

    def at_points(self, corners: Array, bary: Array) -> HeadModel:
        """Return a head whose vertices are surface points (:func:`.reduced_heads.at_points`)."""
        return at_points(self, corners, bary)

    def at_vertices(self, vertex_ids: Array) -> HeadModel:
        """Return a head of some vertices ``[N]`` alone, in this order, without triangles."""
        return at_vertices(self, vertex_ids)

    def arkit(self, parameters: FaceParameters) -> Array:
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
        parameters = self._own(parameters)
        xp = array_namespace(parameters.expression)
        zero = xp.zeros_like(parameters.camera[:, 0])
        columns = dict.fromkeys(ARKIT_NAMES, zero)
        net = self.rules.net(self._asked(parameters))
        for name, indices in self._sources.items():
            columns[name] = net[:, indices].mean(1)
        if parameters.eyelids.shape[1]:
            columns["eyeBlinkLeft"] = parameters.eyelids[:, 0]
            columns["eyeBlinkRight"] = parameters.eyelids[:, 1]
        if self.has_blend_jaw:
            opened, side, forward = (parameters.jaw[:, component] for component in range(3))
            columns |= {"jawOpen": opened, "jawForward": forward}
            columns |= {"jawLeft": side.clip(0, None), "jawRight": (-side).clip(0, None)}
        if self.has_gaze_basis:
            gaze = gaze_weights(parameters.eyes, self.gaze_range)
            columns |= {name: gaze[:, number] for number, name in enumerate(GAZE_ACTIONS)}
        return xp.stack([columns[name] for name in ARKIT_NAMES], axis=1)

    def from_arkit(self, weights: Array) -> FaceParameters:
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
        xp = array_namespace(weights)
        column = {name: weights[:, number] for number, name in enumerate(ARKIT_NAMES)}
        parameters = self.neutral(len(weights)).to(weights.dtype)
        expression = copied(parameters.expression)
        for name, indices in self._sources.items():
            expression[:, indices] = column[name][:, None]
        groups: dict[str, Array] = {"expression": expression}
        if parameters.eyelids.shape[1]:
            groups["eyelids"] = xp.stack([column[name] for name in BLINKS], axis=1)
        if self.has_blend_jaw:
            side = column["jawLeft"] - column["jawRight"]
            groups["jaw"] = xp.stack([column["jawOpen"], side, column["jawForward"]], axis=1)
        if self.has_gaze_basis:
            gaze = xp.stack([column[name] for name in GAZE_ACTIONS], axis=1)
            groups["eyes"] = in_precision(gaze_from_weights(gaze, self.gaze_range), weights)
        return parameters.replace(**groups)
