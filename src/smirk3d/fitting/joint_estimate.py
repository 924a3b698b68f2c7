"""One maximum a posteriori estimate of a face from all that is known about a crop.

Observations are what an encoder says of the parameters, its surface points, and the detector's
landmarks, each with its standard deviations; each may be absent. Identity is standard normal among
people. The picture is taken by a perspective camera at an unknown distance, which is estimated too;
the answer has the scaled-orthographic camera that shows the points nearest to there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smirk3d.array_interface import (
    Array,
    add_at,
    array_namespace,
    as_like,
    beside,
    constant,
    diagonal_matrices,
    require_finite,
    split,
    without_gradients,
)
from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.evidence import Evidence
from smirk3d.errors import UsageError, check_shape
from smirk3d.fitting.landmark_fit import held_view, person_batches
from smirk3d.fitting.normal_equations import NormalEquations
from smirk3d.fitting.observations.belief import (
    ACTIONS_STD,
    SHAPE_STD,
    Belief,
    encoder_belief,
)
from smirk3d.fitting.observations.irises import iris_visibility
from smirk3d.fitting.observations.landmark_errors import region_of_points
from smirk3d.fitting.observations.point_targets import (
    PointPrecision,
    PointTargets,
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
from smirk3d.geometry.cameras import pixels_to_ndc
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.devices import in_double
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

SurfacePoints = tuple[Array, Array]
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
    precision: PointPrecision
    person: Array


@dataclass(frozen=True, eq=False)
class _Unknowns:
    """A state and the nearness ``[B, 1]`` of the camera."""

    state: FitState
    nearness: Array


class JointEstimator:
    """Estimates faces of one head from an encoder's evidence, landmarks, or both.

    It computes in double precision: in single precision a cost near its least is too coarse to tell
    whether a step is better, so that libraries that sum in another order would part ways.
    """

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
            xp = array_namespace(corners)
            corners = xp.concat([corners, as_like(surface[0], corners)])
            bary = xp.concat([bary, as_like(surface[1], bary)])
        self.region = region_of_points(head, corners)
        points = in_double(head.at_points(corners, bary))
        self.observed = ObservedHead(points, self.config.num_shape)
        self.head = head

    @without_gradients
    def __call__(
        self,
        evidence: Evidence,
        landmarks: Array | None,
        *,
        person: Sequence[int] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> JointEstimate:
        """Return the estimate of B crops, in the precision of the evidence.

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
            landmarks = as_like(landmarks, self.observed.lo)
        for name, values in evidence.parameters.items():
            require_finite(values, name)
        if not count:
            return JointEstimate(evidence.parameters, evidence.parameters)
        parts, done = [], 0
        given, evidence = evidence.parameters.camera, evidence.like(self.observed.lo)
        groups = person_batches(count, person, self.config.batch_size)
        for rows, persons in groups:
            seen = landmarks[rows] if landmarks is not None else None
            parts.append(self._estimated(evidence[rows], seen, beside(persons, self.region)))
            done += len(rows)
            if on_progress is not None:
                on_progress(done)
        order = np.argsort(np.concatenate([rows for rows, _ in groups]))
        return JointEstimate(
            FaceParameters.cat([part.parameters for part in parts])[order].to(given),
            FaceParameters.cat([part.std for part in parts])[order].to(given),
        )

    def _estimated(
        self, evidence: Evidence, landmarks: Array | None, person: Array
    ) -> JointEstimate:
        belief = encoder_belief(self.observed, evidence, person)
        xp = array_namespace(belief.view)
        nearness = xp.full_like(belief.view[:, :1], NEARNESS_MEAN)
        posed = self.observed.posed(belief.mean, person)
        belief.mean.view = perspective_view(posed, belief.mean.view, nearness)
        targets = self._targets(evidence, landmarks, belief.mean)
        problem = _Problem(belief, targets, targets.precision(), person)
        unknowns = _Unknowns(self._bounded(belief.mean), nearness)
        damping = constant([1e-3] * (int(person.max()) + 1), nearness)
        cost = self._cost(unknowns, problem)
        for _ in range(self.config.num_steps):
            trial = self._moved(unknowns, problem, damping)
            trial_cost = self._cost(trial, problem)
            better = trial_cost < cost
            chosen = better[person]
            unknowns = _Unknowns(
                trial.state.where(chosen, better, unknowns.state),
                xp.where(chosen[:, None], trial.nearness, unknowns.nearness),
            )
            cost = xp.where(better, trial_cost, cost)
            damping = xp.where(better, damping / 5, damping * 8).clip(1e-6, 1e3)
        return self._answer(unknowns, problem, evidence)

    def _targets(
        self, evidence: Evidence, landmarks: Array | None, state: FitState
    ) -> PointTargets:
        """Return the places of all points of the observed head, unseen ones with no precision."""
        xp = array_namespace(state.view)
        shown_landmarks = self.num_landmarks
        up = constant([1.0, -1.0], state.view)
        if landmarks is None:
            visible = xp.zeros_like(state.view[:, :1]) * constant([0.0] * shown_landmarks, up)
            places = xp.stack([visible, visible], axis=-1)
        else:
            seen = pixels_to_ndc(landmarks, CROP_SIZE)
            places = seen[:, self.landmark_ids] * up
            visible = iris_visibility(seen, self.landmark_ids)
        cosine, scale = state.rotation[:, 2, 2], state.view[:, 0]
        targets = landmark_targets(places, self.region[:shown_landmarks], cosine, scale, visible)
        if len(self.region) == shown_landmarks:
            return targets
        if evidence.points is None or evidence.points_std is None:
            raise UsageError("the encoder gives no surface points: make the estimator without them")
        shown = evidence.points_visible
        dense_std = as_like(evidence.points_std, up)
        dense = surface_targets(
            as_like(evidence.points, up) * up,
            dense_std,
            xp.ones_like(dense_std) if shown is None else as_like(shown, up),
            self.region[shown_landmarks:],
        )
        return PointTargets.cat(targets, dense)

    def _cost(self, unknowns: _Unknowns, problem: _Problem) -> Array:
        """Return twice the negative logarithm of the posterior ``[N]`` of each person."""
        state, belief = unknowns.state, problem.belief
        posed = self.observed.posed(state, problem.person)
        seen, _ = perspective(posed, state.view, unknowns.nearness)
        off = problem.precision.products((seen - problem.targets.places)[..., None])
        photo = off[:, 0, 0]
        photo = photo + ((state.local - belief.mean.local) ** 2 * belief.local).sum(1)
        photo = photo + (_turn(state, belief) ** 2 * belief.rotation).sum(1)
        photo = photo + ((state.view - belief.mean.view) ** 2 * belief.view).sum(1)
        photo = photo + ((unknowns.nearness[:, 0] - NEARNESS_MEAN) / NEARNESS_STD) ** 2
        shape = ((state.shape - belief.mean.shape) ** 2 * belief.shape).sum(1)
        return add_at(shape, 0, problem.person, photo)

    def _equations(self, unknowns: _Unknowns, problem: _Problem) -> NormalEquations:
        state, belief, person = unknowns.state, problem.belief, problem.person
        xp = array_namespace(state.view)
        _, by_shape, by_rest = self.observed.jacobian(state, person)
        posed = self.observed.posed(state, person)
        seen, enlarged = perspective(posed, state.view, unknowns.nearness)
        # what a parameter changes in depth is left out: a twelfth of what it changes aside
        by_nearness = state.view[:, None, :1] * posed[..., :2] * posed[..., 2:] * enlarged**2
        size = (len(posed), posed.shape[1], 2)
        off = (seen - problem.targets.places)[..., None]
        # the view's shift is not enlarged
        by_rest = by_rest.reshape(*size, by_rest.shape[2])
        grown = by_rest * enlarged[..., None]
        grown[..., -2:] = by_rest[..., -2:]
        rows = [off, by_shape.reshape(*size, by_shape.shape[2]) * enlarged[..., None], grown,
                by_nearness[..., None]]  # fmt: skip
        products = problem.precision.products(xp.concat(rows, axis=3))
        shape, rest = slice(1, 1 + by_shape.shape[-1]), slice(1 + by_shape.shape[-1], None)
        precision = xp.concat(
            [belief.local, belief.rotation, belief.view,
             xp.full_like(unknowns.nearness, NEARNESS_STD**-2)], axis=1,
        )  # fmt: skip
        away = xp.concat(
            [state.local - belief.mean.local, _turn(state, belief),
             state.view - belief.mean.view, unknowns.nearness - NEARNESS_MEAN], axis=1,
        )  # fmt: skip
        shape_away = (state.shape - belief.mean.shape) * belief.shape
        return NormalEquations(
            add_at(diagonal_matrices(belief.shape), 0, person, products[:, shape, shape]),
            add_at(shape_away, 0, person, products[:, shape, 0]),
            products[:, shape, rest],
            products[:, rest, rest] + diagonal_matrices(precision),
            products[:, rest, 0] + away * precision,
            person,
        )

    def _moved(self, unknowns: _Unknowns, problem: _Problem, damping: Array) -> _Unknowns:
        equations = self._equations(unknowns, problem)
        state = unknowns.state
        gradient = equations.rest_gradient[:, : state.local.shape[1]]
        held = (state.local <= self.observed.lo) & (gradient > 0)
        held |= (state.local >= self.observed.hi) & (gradient < 0)
        held |= self.observed.lo == self.observed.hi
        shape_step, rest_step = equations.solve(damping, held_view(held, 7))
        moved = state.moved(shape_step, rest_step[:, :-1])
        nearness = (unknowns.nearness + rest_step[:, -1:]).clip(0, NEAREST)
        return _Unknowns(self._bounded(moved), nearness)

    def _bounded(self, state: FitState) -> FitState:
        xp = array_namespace(state.local)
        local = xp.minimum(xp.maximum(state.local, self.observed.lo), self.observed.hi)
        return FitState(state.shape, local, state.rotation, state.view)

    def _answer(self, unknowns: _Unknowns, problem: _Problem, evidence: Evidence) -> JointEstimate:
        state, person = unknowns.state, problem.person
        shape_variance, variance = self._equations(unknowns, problem).variances()
        posed = self.observed.posed(state, person)[:, : self.num_landmarks or None]
        seen, _ = perspective(posed, state.view, unknowns.nearness)
        flat = FitState(state.shape, state.local, state.rotation, nearest_view(posed, seen))
        parameters = self.observed.parameters(flat, person)
        like = evidence.parameters
        xp = array_namespace(variance)
        std = xp.sqrt(variance.clip(0, None))
        sizes = [*self.observed.sizes, 3, 3, 1]
        parts = dict(zip((*LOCAL_GROUPS, "head_pose", "camera", "_"), split(std, sizes, 1),
                         strict=True))  # fmt: skip
        del parts["_"]
        scale = parameters.camera[:, :1]
        camera = parts["camera"]
        parts["camera"] = xp.concat([camera[:, :1], camera[:, 1:] / scale], axis=1)
        shape = xp.ones_like(like.shape)
        shape[:, : self.observed.num_shape] = xp.sqrt(shape_variance.clip(0, None))[person]
        if evidence.std is not None:
            parts["expression"] = parts["expression"] / ACTIONS_STD
            shape = (shape / SHAPE_STD).clip(None, 1)
        neck = self.head.group("neck").prior_std
        parts |= {"shape": shape, "neck": xp.zeros_like(like.neck) + constant(neck, like.neck)}
        return JointEstimate(parameters, FaceParameters(**parts))


def _turn(state: FitState, belief: Belief) -> Array:
    """Return the rotation vector ``[B, 3]`` from the believed rotation to a state's."""
    believed = belief.mean.rotation
    return matrix_to_axis_angle(
        state.rotation @ array_namespace(believed).matrix_transpose(believed)
    )
