"""One maximum a posteriori estimate of a face from all that is known about a crop.

Observations are what an encoder says of the parameters, its surface points, and the detector's
landmarks, each with its standard deviations; each may be absent. Identity is standard normal among
people. The picture is taken by a perspective camera at an unknown distance, which is estimated too;
the answer has the scaled-orthographic camera that shows the points nearest to there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.evidence import Evidence
from smirk3d.errors import UsageError, check_shape
from smirk3d.fitting.landmark_fit import person_batches
from smirk3d.fitting.normal_equations import NormalEquations
from smirk3d.fitting.observations.belief import Belief, encoder_belief
from smirk3d.fitting.observations.iris_visibility import iris_visibility
from smirk3d.fitting.observations.landmark_errors import region_of_points
from smirk3d.fitting.observations.point_targets import (
    PointTargets,
    Whitening,
    landmark_targets,
    surface_targets,
)
from smirk3d.fitting.observed_head import LOCAL_GROUPS, FitState, ObservedHead
from smirk3d.fitting.perspective import (
    NEAREST,
    NEARNESS_MEAN,
    NEARNESS_STD,
    nearest_view,
    perspective,
    perspective_view,
)
from smirk3d.geometry.array_interface import require_finite
from smirk3d.geometry.cameras import pixels_to_ndc
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

SurfacePoints = tuple[Tensor, Tensor]
"""Corners and barycentric coordinates ``[P, 3]`` of points on a head."""


@dataclass(frozen=True, kw_only=True)
class JointEstimateConfig:
    """Settings of the estimate.

    Attributes:
        num_shape: number of leading identity components that vary.
        num_steps: number of Levenberg-Marquardt steps.
        batch_size: number of crops estimated at once.
    """

    num_shape: int = 60
    num_steps: int = 4
    batch_size: int = 64


@dataclass(frozen=True, eq=False)
class JointEstimate:
    """The most probable parameters of B faces, and how far they are from certain.

    Attributes:
        parameters: of B faces in the frame of their crops.
        std: standard deviations of the posterior (Laplace's approximation), of the head pose as a
            rotation vector; bounds are not taken into account.
    """

    parameters: FaceParameters
    std: FaceParameters


@dataclass(frozen=True, eq=False)
class _Problem:
    """The posterior of a batch: belief, points, and whose the photos are."""

    belief: Belief
    targets: PointTargets
    whiten: Whitening
    person: Tensor


@dataclass(frozen=True, eq=False)
class _Unknowns:
    """A state and the nearness ``[B, 1]`` of the camera."""

    state: FitState
    nearness: Tensor


class JointEstimator:
    """Estimates faces of one head from an encoder's evidence, landmarks, or both."""

    def __init__(
        self,
        head: HeadModel,
        surface: SurfacePoints | None = None,
        config: JointEstimateConfig | None = None,
        *,
        landmarks: bool = True,
    ) -> None:
        """Prepare a head.

        Args:
            head: the head.
            surface: the surface points of the encoder; None for encoders without them.
            config: settings; the defaults unless given.
            landmarks: whether landmarks will be given; without them an estimate costs less.
        """
        self.config = config or JointEstimateConfig()
        kept = slice(None) if landmarks else slice(0)
        self.landmark_ids = head.landmark_ids[kept]
        corners, bary = head.landmark_corners[kept], head.landmark_bary[kept]
        self.num_landmarks = len(corners)
        if surface is not None:
            corners = torch.cat([corners, surface[0].to(corners)])
            bary = torch.cat([bary, surface[1].to(bary)])
        self.region = region_of_points(head, corners)
        self.observed = ObservedHead(head.at_points(corners, bary), self.config.num_shape)
        self.head = head

    @torch.no_grad()
    def __call__(
        self,
        evidence: Evidence,
        landmarks: Tensor | None,
        *,
        person: Sequence[int] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> JointEstimate:
        """Return the estimate of B crops.

        Args:
            evidence: what the encoder says, B faces.
            landmarks: all 478 landmarks ``[B, 478, 2]`` in crop pixels; None if there are none.
            person: person of each crop ``[B]``; crops of one person share the shape. Without it
                every crop shows another person.
            on_progress: called with the number of crops done so far.

        Raises:
            ShapeError: if a shape differs.
            UsageError: if values are not finite.
        """
        count = len(evidence.parameters)
        if landmarks is not None:
            check_shape(landmarks, "B 478 2", "landmarks", B=count)
            require_finite(landmarks, "landmarks")
            landmarks = landmarks.to(self.observed.lo)
        for name, values in evidence.parameters.items():
            require_finite(values, name)
        if not count:
            return JointEstimate(evidence.parameters, evidence.parameters)
        parts, done = [], 0
        groups = person_batches(count, person, self.config.batch_size)
        for rows, persons in groups:
            seen = landmarks[rows] if landmarks is not None else None
            parts.append(self._estimated(_rows(evidence, rows), seen, persons.to(self.region)))
            done += len(rows)
            if on_progress is not None:
                on_progress(done)
        order = torch.cat([rows for rows, _ in groups]).argsort()
        return JointEstimate(
            FaceParameters.cat([part.parameters for part in parts])[order],
            FaceParameters.cat([part.std for part in parts])[order],
        )

    def _estimated(
        self, evidence: Evidence, landmarks: Tensor | None, person: Tensor
    ) -> JointEstimate:
        belief = encoder_belief(self.observed, evidence, person)
        nearness = torch.full_like(belief.view[:, :1], NEARNESS_MEAN)
        posed = self.observed.posed(belief.mean, person)
        belief.mean.view = perspective_view(posed, belief.mean.view, nearness)
        targets = self._targets(evidence, landmarks, belief.mean)
        problem = _Problem(belief, targets, targets.whitening(), person)
        unknowns = _Unknowns(self._bounded(belief.mean), nearness)
        damping = nearness.new_full((int(person.max()) + 1,), 1e-3)
        cost = self._cost(unknowns, problem)
        for _ in range(self.config.num_steps):
            trial = self._moved(unknowns, problem, damping)
            trial_cost = self._cost(trial, problem)
            better = trial_cost < cost
            chosen = better[person]
            unknowns = _Unknowns(
                trial.state.where(chosen, better, unknowns.state),
                torch.where(chosen[:, None], trial.nearness, unknowns.nearness),
            )
            cost = torch.where(better, trial_cost, cost)
            damping = torch.where(better, damping / 5, damping * 8).clamp(1e-6, 1e3)
        return self._answer(unknowns, problem, evidence)

    def _targets(
        self, evidence: Evidence, landmarks: Tensor | None, state: FitState
    ) -> PointTargets:
        """Return the places of all points of the observed head, unseen ones with no precision."""
        count, split = len(state.view), self.num_landmarks
        up = state.view.new_tensor([1.0, -1.0])
        if landmarks is None:
            places = state.view.new_zeros(count, split, 2)
            visible = state.view.new_zeros(count, split)
        else:
            seen = pixels_to_ndc(landmarks, CROP_SIZE)
            places = seen[:, self.landmark_ids] * up
            visible = iris_visibility(seen, self.landmark_ids)
        cosine, scale = state.rotation[:, 2, 2], state.view[:, 0]
        targets = landmark_targets(places, self.region[:split], cosine, scale, visible)
        if len(self.region) == split:
            return targets
        if evidence.points is None or evidence.points_std is None:
            raise UsageError("the encoder gives no surface points: make the estimator without them")
        shown = evidence.points_visible
        dense = surface_targets(
            evidence.points.to(up) * up,
            evidence.points_std.to(up),
            torch.ones_like(evidence.points_std) if shown is None else shown.to(up),
            self.region[split:],
        )
        return PointTargets.cat(targets, dense)

    def _cost(self, unknowns: _Unknowns, problem: _Problem) -> Tensor:
        """Return twice the negative logarithm of the posterior ``[N]`` of each person."""
        state, belief = unknowns.state, problem.belief
        posed = self.observed.posed(state, problem.person)
        seen, _ = perspective(posed, state.view, unknowns.nearness)
        off = problem.whiten((seen - problem.targets.places)[..., None])
        photo = off.square().sum((1, 2))
        photo += ((state.local - belief.mean.local).square() * belief.local).sum(1)
        photo += (_turn(state, belief).square() * belief.rotation).sum(1)
        photo += ((state.view - belief.mean.view).square() * belief.view).sum(1)
        photo += ((unknowns.nearness[:, 0] - NEARNESS_MEAN) / NEARNESS_STD).square()
        shape = ((state.shape - belief.mean.shape).square() * belief.shape).sum(1)
        return shape.index_add(0, problem.person, photo)

    def _equations(self, unknowns: _Unknowns, problem: _Problem) -> NormalEquations:
        state, belief, person = unknowns.state, problem.belief, problem.person
        _, by_shape, by_rest = self.observed.jacobian(state, person)
        posed = self.observed.posed(state, person)
        seen, enlarged = perspective(posed, state.view, unknowns.nearness)
        # what a parameter changes in depth is left out: a twelfth of what it changes aside
        by_nearness = state.view[:, None, :1] * posed[..., :2] * posed[..., 2:] * enlarged.square()
        size = (len(posed), posed.shape[1], 2)
        off = (seen - problem.targets.places)[..., None]
        # the view's shift is not enlarged
        rest = by_rest.view(*size, -1)
        grown = rest * enlarged[..., None]
        grown[..., -2:] = rest[..., -2:]
        rows = [off, by_shape.reshape(*size, -1) * enlarged[..., None], grown,
                by_nearness[..., None]]  # fmt: skip
        white = problem.whiten(torch.cat(rows, 3))
        off, by_shape, by_all = white.split([1, by_shape.shape[-1], grown.shape[-1] + 1], 2)
        precision = torch.cat(
            [belief.local, belief.rotation, belief.view,
             torch.full_like(unknowns.nearness, NEARNESS_STD**-2)], 1,
        )  # fmt: skip
        away = torch.cat(
            [state.local - belief.mean.local, _turn(state, belief),
             state.view - belief.mean.view, unknowns.nearness - NEARNESS_MEAN], 1,
        )  # fmt: skip
        shape_away = (state.shape - belief.mean.shape) * belief.shape
        transposed = by_shape.transpose(1, 2)
        return NormalEquations(
            torch.diag_embed(belief.shape).index_add(0, person, transposed @ by_shape),
            shape_away.index_add(0, person, (transposed @ off)[..., 0]),
            transposed @ by_all,
            by_all.transpose(1, 2) @ by_all + torch.diag_embed(precision),
            (by_all.transpose(1, 2) @ off)[..., 0] + away * precision,
            person,
        )

    def _moved(self, unknowns: _Unknowns, problem: _Problem, damping: Tensor) -> _Unknowns:
        equations = self._equations(unknowns, problem)
        state = unknowns.state
        gradient = equations.rest_gradient[:, : state.local.shape[1]]
        held = (state.local <= self.observed.lo) & (gradient > 0)
        held |= (state.local >= self.observed.hi) & (gradient < 0)
        held |= self.observed.lo == self.observed.hi
        shape_step, rest_step = equations.solve(damping, torch.nn.functional.pad(held, (0, 7)))
        moved = state.moved(shape_step, rest_step[:, :-1])
        nearness = (unknowns.nearness + rest_step[:, -1:]).clamp(0, NEAREST)
        return _Unknowns(self._bounded(moved), nearness)

    def _bounded(self, state: FitState) -> FitState:
        local = torch.minimum(torch.maximum(state.local, self.observed.lo), self.observed.hi)
        return FitState(state.shape, local, state.rotation, state.view)

    def _answer(self, unknowns: _Unknowns, problem: _Problem, evidence: Evidence) -> JointEstimate:
        state, person = unknowns.state, problem.person
        shape_variance, variance = self._equations(unknowns, problem).variances()
        posed = self.observed.posed(state, person)[:, : self.num_landmarks or None]
        seen, _ = perspective(posed, state.view, unknowns.nearness)
        flat = FitState(state.shape, state.local, state.rotation, nearest_view(posed, seen))
        parameters = self.observed.parameters(flat, person)
        like = evidence.parameters
        std = variance.clamp(min=0).sqrt()
        sizes = [*self.observed.sizes, 3, 3, 1]
        parts = dict(zip((*LOCAL_GROUPS, "head_pose", "camera", "_"), std.split(sizes, 1),
                         strict=True))  # fmt: skip
        del parts["_"]
        scale = parameters.camera[:, :1]
        parts["camera"] = torch.cat([parts["camera"][:, :1], parts["camera"][:, 1:] / scale], 1)
        shape = torch.ones_like(like.shape)
        shape[:, : self.observed.num_shape] = shape_variance.clamp(min=0).sqrt()[person]
        neck = self.head.group("neck").prior_std
        parts |= {"shape": shape, "neck": like.neck.new_tensor(neck).expand_as(like.neck)}
        return JointEstimate(parameters, FaceParameters(**parts))


def _turn(state: FitState, belief: Belief) -> Tensor:
    """Return the rotation vector ``[B, 3]`` from the believed rotation to a state's."""
    return matrix_to_axis_angle(state.rotation @ belief.mean.rotation.transpose(1, 2))


def _rows(evidence: Evidence, rows: Tensor) -> Evidence:
    def some(values: Tensor | None) -> Tensor | None:
        return None if values is None else values[rows]

    return Evidence(
        parameters=evidence.parameters[rows],
        std=None if evidence.std is None else evidence.std[rows],
        points=some(evidence.points),
        points_std=some(evidence.points_std),
        points_visible=some(evidence.points_visible),
    )
