"""Points of a head as a function of a flat parameter vector, with its Jacobian."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, skew
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_LINEAR = ("expression", "eyelids")
_NONLINEAR = ("jaw", "eyes")
LOCAL_GROUPS = (*_LINEAR, *_NONLINEAR)
"""Groups of ``FitState.local``, in their order."""

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

    shape: Tensor
    local: Tensor
    rotation: Tensor
    view: Tensor

    def moved(self, shape_step: Tensor, rest_step: Tensor) -> FitState:
        """Return the state after steps ``[N, S']`` and ``[B, D + 6]`` (local, rotation, view)."""
        local_size = self.local.shape[1]
        local, axis_angle, view = rest_step.split([local_size, 3, 3], 1)
        return FitState(
            self.shape + shape_step,
            self.local + local,
            axis_angle_to_matrix(axis_angle) @ self.rotation,
            self.view + view,
        )

    def where(self, photo: Tensor, person: Tensor, other: FitState) -> FitState:
        """Return this state where photos ``[B]`` and persons ``[N]`` are true, else the other."""
        return FitState(
            torch.where(person[:, None], self.shape, other.shape),
            torch.where(photo[:, None], self.local, other.local),
            torch.where(photo[:, None, None], self.rotation, other.rotation),
            torch.where(photo[:, None], self.view, other.view),
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

        def flat(attribute: str) -> Tensor:
            return like.new_tensor([x for group in groups for x in getattr(group, attribute)])

        self.lo, self.hi = flat("lo"), flat("hi")
        self.prior_mean, self.prior_std = flat("default"), flat("prior_std")
        offsets, rows = self.head.offsets, self.head.basis_rows
        parts = [offsets[rows.rows("shape")][: self.num_shape], offsets[rows.rows("expression")]]
        columns = torch.cat([*parts, self.head.eyelid_offsets])
        self._columns = columns.permute(1, 2, 0).contiguous()

    def parameters(self, state: FitState, person: Tensor) -> FaceParameters:
        """Return the head's parameters ``[B]`` of a state; persons' shapes are repeated."""
        start = self.head.neutral(len(state.local)).to(state.local.device)
        shape = start.shape.clone()
        shape[:, : self.num_shape] = state.shape[person]
        groups = dict(zip(LOCAL_GROUPS, state.local.split(self.sizes, 1), strict=True))
        unseen = start.replace(
            shape=shape, **groups, head_pose=matrix_to_axis_angle(state.rotation)
        )
        scale = state.view[:, :1]
        shift = state.view[:, 1:] / scale - self._pivot_shift(unseen, state.rotation)
        return unseen.replace(camera=torch.cat([scale, shift], 1))

    def shapes(self, shape: Tensor, person: Tensor) -> Tensor:
        """Return the leading components ``[N, S']``, each person's mean over photos ``[B, S]``."""
        leading = shape[:, : self.num_shape]
        count = int(person.max()) + 1
        total = leading.new_zeros(count, self.num_shape).index_add(0, person, leading)
        photos = leading.new_zeros(count).index_add(0, person, leading.new_ones(len(leading)))
        return total / photos[:, None]

    def state(self, parameters: FaceParameters, person: Tensor) -> FitState:
        """Return the state of parameters ``[B]``; a person's shape is the mean over its photos."""
        scale = parameters.camera[:, :1]
        rotation = axis_angle_to_matrix(parameters.head_pose)
        shift = parameters.camera[:, 1:] + self._pivot_shift(parameters, rotation)
        return FitState(
            self.shapes(parameters.shape, person),
            torch.cat([getattr(parameters, name) for name in LOCAL_GROUPS], 1),
            rotation,
            torch.cat([scale, shift * scale], 1),
        )

    def _pivot_shift(self, parameters: FaceParameters, rotation: Tensor) -> Tensor:
        """Return the shift in metres (x, y) of the origin by rotation about the root ``[B, 2]``."""
        if "root" not in self.head.joint_names:
            return torch.zeros_like(parameters.camera[:, 1:])
        root = self.head.rest_joints(parameters)[:, self.head.joint_names.index("root"), :, None]
        return (root - rotation @ root)[:, :2, 0]

    def posed(self, state: FitState, person: Tensor) -> Tensor:
        """Return the points ``[B, P, 3]`` in metres, rotated about the head's origin."""
        return self._unposed(state, person) @ state.rotation.transpose(1, 2)

    def _unposed(self, state: FitState, person: Tensor) -> Tensor:
        parameters = self.parameters(state, person)
        still = parameters.replace(head_pose=torch.zeros_like(parameters.head_pose))
        return self.head(still).vertices

    def project(self, state: FitState, person: Tensor) -> Tensor:
        """Return the projected landmarks ``[B, L, 2]`` in ndc with y up."""
        posed = self.posed(state, person)
        return state.view[:, None, :1] * posed[..., :2] + state.view[:, None, 1:]

    def jacobian(self, state: FitState, person: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the landmarks and their derivatives.

        Returns:
            Landmarks ``[B, L, 2]`` in ndc with y up; derivatives ``[B, 2 L, S']`` by shape; and
            ``[B, 2 L, D + 6]`` by the rest, as :meth:`FitState.moved` takes steps. Coordinates
            are ordered landmark by landmark, x before y.
        """
        unposed = self._unposed(state, person)
        scaled = state.view[:, :1, None] * state.rotation[:, :2]
        posed = unposed @ state.rotation.transpose(1, 2)
        seen = state.view[:, None, :1] * posed[..., :2] + state.view[:, None, 1:]
        blended = self._blended_rotations(state, person)
        # [L, 2 B, 3] @ [L, 3, K]: one product a landmark serves the whole batch
        factor = (scaled[:, None] @ blended).permute(1, 0, 2, 3).flatten(1, 2)
        linear = (factor @ self._columns).unflatten(1, (len(unposed), 2)).permute(1, 0, 2, 3)
        linear = linear.flatten(1, 2)
        by_shape, by_linear = linear.split([self.num_shape, sum(self.sizes[:2])], 2)
        slopes = self.head.channel_slopes(self.parameters(state, person))
        by_linear = by_linear * slopes[:, None]
        by_nonlinear = self._nonlinear_derivatives(state, person, unposed, scaled)
        # a small rotation d moves a posed point by d x p = -[p]x d
        by_rotation = -state.view[:, None, :1, None] * skew(posed)[..., :2, :]
        ones = torch.ones_like(posed[..., 0])
        zeros = torch.zeros_like(ones)
        by_view = torch.stack(
            [
                torch.stack([posed[..., 0], ones, zeros], -1),
                torch.stack([posed[..., 1], zeros, ones], -1),
            ],
            -2,
        )
        rest = [by_linear, by_nonlinear, by_rotation.flatten(1, 2), by_view.flatten(1, 2)]
        return seen, by_shape, torch.cat(rest, 2)

    def _blended_rotations(self, state: FitState, person: Tensor) -> Tensor:
        rotations = self.head.joint_rotations(self.parameters(state, person))
        if "root" in self.head.joint_names:
            identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
            rotations = rotations.clone()
            rotations[:, self.head.joint_names.index("root")] = identity
        return (self.head.lbs_weights @ rotations.flatten(2)).unflatten(-1, (3, 3))

    def _nonlinear_derivatives(
        self, state: FitState, person: Tensor, unposed: Tensor, scaled: Tensor
    ) -> Tensor:
        start = sum(self.sizes[:2])
        columns = []
        for component in range(start, state.local.shape[1]):
            if self.lo[component] == self.hi[component]:
                columns.append(torch.zeros_like(unposed[..., :2]))
                continue
            local = state.local.clone()
            # downwards at the upper bound, where the function may have a kink
            sign = torch.where(local[:, component] + _DIFFERENCE > self.hi[component], -1.0, 1.0)
            local[:, component] += sign * _DIFFERENCE
            other = FitState(state.shape, local, state.rotation, state.view)
            change = (self._unposed(other, person) - unposed) / (sign * _DIFFERENCE)[:, None, None]
            columns.append(change @ scaled.transpose(1, 2))
        if not columns:
            return unposed.new_zeros(len(unposed), unposed.shape[1] * 2, 0)
        return torch.stack(columns, -1).flatten(1, 2)
