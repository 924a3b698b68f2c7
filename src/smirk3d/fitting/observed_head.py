"""Points of a head as a function of a flat parameter vector, with its Jacobian."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface import (
    Array,
    array_namespace,
    constant,
    copied,
    identity_like,
    split,
    zeros,
)
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, skew
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_LINEAR = ("expression", "eyelids")
_NONLINEAR = ("jaw", "eyes")
LOCAL_GROUPS = (*_LINEAR, *_NONLINEAR)
"""Groups of ``FitState.local``, in their order."""

_EVALUATED_TOGETHER = 64
"""Faces evaluated at once for derivatives, a choice: few are as fast as one, many fill memory."""
_DIFFERENCE = 1e-3
"""Step of forward differences in single precision, in units of jaw and eyes (weights, radians)."""


@dataclass
class FitState:
    """The unknowns of a fit.

    Attributes:
        shape: leading identity components of each person ``[N, S']``.
        local: expression, eyelids, jaw and eyes of each photo ``[B, D]``.
        rotation: head pose of each photo as a matrix ``[B, 3, 3]``.
        view: scale, and the head origin's x and y (up) in ndc of each photo ``[B, 3]``.
    """

    shape: Array
    local: Array
    rotation: Array
    view: Array

    def moved(self, shape_step: Array, rest_step: Array) -> FitState:
        """Return the state after steps ``[N, S']`` and ``[B, D + 6]`` (local, rotation, view)."""
        local_size = self.local.shape[1]
        local, axis_angle, view = split(rest_step, [local_size, 3, 3], 1)
        return FitState(
            self.shape + shape_step,
            self.local + local,
            axis_angle_to_matrix(axis_angle) @ self.rotation,
            self.view + view,
        )

    def where(self, photo: Array, person: Array, other: FitState) -> FitState:
        """Return this state where photos ``[B]`` and persons ``[N]`` are true, else the other."""
        xp = array_namespace(self.view)
        return FitState(
            xp.where(person[:, None], self.shape, other.shape),
            xp.where(photo[:, None], self.local, other.local),
            xp.where(photo[:, None, None], self.rotation, other.rotation),
            xp.where(photo[:, None], self.view, other.view),
        )


class ObservedHead:
    """A head under a scaled-orthographic camera, evaluated at some points only.

    The bases are reduced to the points once, so that a step costs what the points cost.
    Shape, expression and eyelids are differentiated by formula; jaw and eyes, which act through
    joints, gates and eyelids, by differences.

    Attributes:
        lo: lower bound of each component of ``FitState.local`` ``[D]``.
        hi: upper bound of each component ``[D]``.
        prior_mean: prior mean of each component ``[D]``.
        prior_std: prior standard deviation of each component ``[D]``.
    """

    def __init__(self, head: HeadModel, num_shape: int) -> None:
        """Prepare a reduced head.

        Args:
            head: a head whose vertices are the observed points (``HeadModel.at_landmarks``,
                ``at_points``).
            num_shape: number of leading identity components that vary.
        """
        self.head = head
        self.num_shape = min(num_shape, head.group("shape").dim)
        groups = [head.group(name) for name in LOCAL_GROUPS]
        self.sizes = [group.dim for group in groups]
        like = head.v_template

        def flat(attribute: str) -> Array:
            return constant([x for group in groups for x in getattr(group, attribute)], like)

        self.lo, self.hi = flat("lo"), flat("hi")
        self.prior_mean, self.prior_std = flat("default"), flat("prior_std")
        offsets, rows = self.head.offsets, self.head.basis_rows
        parts = [offsets[rows.rows("shape")][: self.num_shape], offsets[rows.rows("expression")]]
        xp = array_namespace(like)
        columns = xp.concat([*parts, self.head.eyelid_offsets])
        self._columns = xp.concat([xp.permute_dims(columns, (1, 2, 0))])  # contiguous

    def parameters(self, state: FitState, person: Array) -> FaceParameters:
        """Return the head's parameters ``[B]`` of a state; persons' shapes are repeated."""
        xp = array_namespace(state.local)
        start = self.head.neutral(len(state.local))
        shape = copied(start.shape)
        shape[:, : self.num_shape] = state.shape[person]
        groups = dict(zip(LOCAL_GROUPS, split(state.local, self.sizes, 1), strict=True))
        unseen = start.replace(
            shape=shape, **groups, head_pose=matrix_to_axis_angle(state.rotation)
        )
        scale = state.view[:, :1]
        shift = state.view[:, 1:] / scale - self._pivot_shift(unseen, state.rotation)
        return unseen.replace(camera=xp.concat([scale, shift], axis=1))

    def shapes(self, shape: Array, person: Array) -> Array:
        """Return the leading components ``[N, S']``, each person's mean over photos ``[B, S]``."""
        leading = shape[:, : self.num_shape]
        count = int(person.max()) + 1
        member = identity_like(count, shape)[person]
        xp = array_namespace(shape)
        return (xp.matrix_transpose(member) @ leading) / member.sum(0)[:, None]

    def state(self, parameters: FaceParameters, person: Array) -> FitState:
        """Return the state of parameters ``[B]``; a person's shape is the mean over its photos."""
        scale = parameters.camera[:, :1]
        rotation = axis_angle_to_matrix(parameters.head_pose)
        shift = parameters.camera[:, 1:] + self._pivot_shift(parameters, rotation)
        xp = array_namespace(rotation)
        return FitState(
            self.shapes(parameters.shape, person),
            xp.concat([getattr(parameters, name) for name in LOCAL_GROUPS], axis=1),
            rotation,
            xp.concat([scale, shift * scale], axis=1),
        )

    def _pivot_shift(self, parameters: FaceParameters, rotation: Array) -> Array:
        """Return the shift in metres (x, y) of the origin by rotation about the root ``[B, 2]``."""
        if "root" not in self.head.joint_names:
            return array_namespace(rotation).zeros_like(parameters.camera[:, 1:])
        root = self.head.rest_joints(parameters)[:, self.head.joint_names.index("root"), :, None]
        return (root - rotation @ root)[:, :2, 0]

    def posed(self, state: FitState, person: Array) -> Array:
        """Return the points ``[B, P, 3]`` in metres, rotated about the head's origin."""
        turned_back = array_namespace(state.rotation).matrix_transpose(state.rotation)
        return self._unposed(state, person) @ turned_back

    def _unposed(self, state: FitState, person: Array) -> Array:
        parameters = self.parameters(state, person)
        xp = array_namespace(parameters.head_pose)
        still = parameters.replace(head_pose=xp.zeros_like(parameters.head_pose))
        return self.head(still).vertices

    def project(self, state: FitState, person: Array) -> Array:
        """Return the projected landmarks ``[B, L, 2]`` in ndc with y up."""
        posed = self.posed(state, person)
        return state.view[:, None, :1] * posed[..., :2] + state.view[:, None, 1:]

    def jacobian(self, state: FitState, person: Array) -> tuple[Array, Array, Array]:
        """Return the landmarks and their derivatives.

        Returns:
            Landmarks ``[B, L, 2]`` in ndc with y up; derivatives ``[B, 2 L, S']`` by shape; and
            ``[B, 2 L, D + 6]`` by the rest, as :meth:`FitState.moved` takes steps. Coordinates
            are ordered landmark by landmark, x before y.
        """
        xp = array_namespace(state.rotation)
        unposed = self._unposed(state, person)
        count, points = unposed.shape[:2]
        scaled = state.view[:, :1, None] * state.rotation[:, :2]
        posed = unposed @ xp.matrix_transpose(state.rotation)
        seen = state.view[:, None, :1] * posed[..., :2] + state.view[:, None, 1:]
        blended = self._blended_rotations(state, person)
        # [L, 2 B, 3] @ [L, 3, K]: one product a landmark serves the whole batch
        factor = xp.permute_dims(scaled[:, None] @ blended, (1, 0, 2, 3))
        linear = factor.reshape(points, 2 * count, 3) @ self._columns
        columns = self._columns.shape[2]
        linear = xp.permute_dims(linear.reshape(points, count, 2, columns), (1, 0, 2, 3))
        linear = linear.reshape(count, 2 * points, columns)
        by_shape, by_linear = linear[..., : self.num_shape], linear[..., self.num_shape :]
        slopes = self.head.channel_slopes(self.parameters(state, person))
        by_linear = by_linear * slopes[:, None]
        by_nonlinear = self._nonlinear_derivatives(state, person, unposed, scaled)
        # a small rotation d moves a posed point by d x p = -[p]x d
        by_rotation = -state.view[:, None, :1, None] * skew(posed)[..., :2, :]
        ones = xp.ones_like(posed[..., 0])
        nothing = xp.zeros_like(ones)
        by_view = xp.stack(
            [
                xp.stack([posed[..., 0], ones, nothing], axis=-1),
                xp.stack([posed[..., 1], nothing, ones], axis=-1),
            ],
            axis=-2,
        )
        by_view_and_rotation = [
            part.reshape(count, 2 * points, 3) for part in (by_rotation, by_view)
        ]
        return seen, by_shape, xp.concat([by_linear, by_nonlinear, *by_view_and_rotation], axis=2)

    def _blended_rotations(self, state: FitState, person: Array) -> Array:
        rotations = self.head.joint_rotations(self.parameters(state, person))
        if "root" in self.head.joint_names:
            rotations = copied(rotations)
            rotations[:, self.head.joint_names.index("root")] = identity_like(3, rotations)
        flat = rotations.reshape(*rotations.shape[:2], 9)
        weights = self.head.lbs_weights
        return (weights @ flat).reshape(len(flat), len(weights), 3, 3)

    def _nonlinear_derivatives(
        self, state: FitState, person: Array, unposed: Array, scaled: Array
    ) -> Array:
        xp = array_namespace(unposed)
        count, points = unposed.shape[:2]
        components = range(sum(self.sizes[:2]), state.local.shape[1])
        derivatives = zeros((count, 2 * points, len(components)), unposed)
        free = [c for c in components if self.lo[c] != self.hi[c]]
        together = max(1, _EVALUATED_TOGETHER // max(count, 1))
        for start in range(0, len(free), together):
            chosen = free[start : start + together]
            # one copy of all faces for each component
            local = xp.tile(state.local, (len(chosen), 1))
            steps = []
            for rows, component in enumerate(chosen):
                moved = local[rows * count : (rows + 1) * count, component]
                # downwards at the upper bound, where the function may have a kink
                one = xp.ones_like(moved)
                sign = xp.where(moved + _DIFFERENCE > self.hi[component], -one, one)
                moved += sign * _DIFFERENCE
                steps.append(sign * _DIFFERENCE)
            others = FitState(
                state.shape, local, xp.tile(state.rotation, (len(chosen), 1, 1)),
                xp.tile(state.view, (len(chosen), 1)),
            )  # fmt: skip
            changed = self._unposed(others, xp.tile(person, (len(chosen),)))
            change = changed.reshape(len(chosen), count, points, 3) - unposed
            change = change / xp.stack(steps)[..., None, None]
            for column, part in zip(chosen, change @ xp.matrix_transpose(scaled), strict=True):
                derivatives[..., column - components.start] = part.reshape(count, 2 * points)
        return derivatives
