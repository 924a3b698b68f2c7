"""Fit a head to landmarks by bounded least squares, in batches, with a shared identity on request.

The cost of a photo is the weighted squared distance of its landmarks plus the squared parameters,
both in units of their standard deviations. Levenberg-Marquardt steps
are taken with components held at the bounds that they press against (projected Newton, Bertsekas
1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import (
    Array,
    add_at,
    array_namespace,
    as_like,
    beside,
    constant,
    diagonal_matrices,
    in_precision,
    norm,
    require_finite,
    without_gradients,
)
from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import AssetError, check_shape
from smirk3d.fitting.initial_view import initial_view
from smirk3d.fitting.normal_equations import NormalEquations
from smirk3d.fitting.observations.irises import iris_visibility, with_full_irises
from smirk3d.fitting.observed_head import FitState, ObservedHead
from smirk3d.geometry.cameras import pixels_to_ndc
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.devices import in_double
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_TURN = math.radians(30)
"""Angle between a head and the camera at which the variance of its landmarks has doubled. On
rendered people MediaPipe's error on lips and eyelids has a variance of 1, 1.4, 3.3 and 9 at 0 to
15, 15 to 30, 30 to 45 and 45 to 60 degrees of yaw (benchmarks/landmark_errors.py)."""

SPARSITY = 2.0
"""The ``sparsity`` of fits that training learns from: with it, and a
refine prior of 0.5, sneers average 0.11 on the training
photos instead of 0.21, pressed lips 0.06 instead of 0.22 (docs/weights.md)."""


@dataclass(frozen=True, kw_only=True)
class LandmarkFitConfig:
    """Settings of the fit.

    Attributes:
        num_shape: number of leading identity components that vary.
        num_steps: number of Levenberg-Marquardt steps.
        sigma_floor: standard deviation in metres of the detector's error, whose square is added
            to that of each landmark's own.
        emphasis: weight of the landmarks on lips and eyelids relative to the others.
        shape_prior: weight of the squared standard normal identity coefficients. Above 1, because
            landmarks err together: on 102 rendered people 0.5 leaves 2.96 mm, 5 leaves 2.47 mm.
        expression_prior: weight of the squared expression, eyelid, jaw and eye parameters in units
            of their standard deviation.
        refine_prior: weight of the squared difference from the given start when refining. At 0.1
            landmarks overrule what an encoder knows of the actions: on 102 rendered people the
            correlation with truth falls from 0.39 to 0.12, at 10 to 0.32.
        sparsity: weight of the named actions' sum, in units of their standard deviation (an L1
            penalty, because actions are not negative).
        iris_gain: how far the detector's irises are taken to move aside for what a person's do. On
            1,182 rendered people MediaPipe's follow with r 0.80 and a slope of 0.53, and move no
            farther on photos, beside what encoders read; 0.75 leaves the least error, because what
            stretches their motion stretches their noise.
        batch_size: number of photos fitted at once.
    """

    num_shape: int = 60
    num_steps: int = 9
    sigma_floor: float = 0.0015
    emphasis: float = 3.0
    shape_prior: float = 5.0
    expression_prior: float = 0.1
    refine_prior: float = 10.0
    sparsity: float = 0.0
    iris_gain: float = 0.75
    batch_size: int = 128


@dataclass(frozen=True)
class FitResult:
    """Fitted parameters and how well they reproject.

    Attributes:
        parameters: parameters of B faces in the frame of their crops.
        error: mean reprojection error of the stable landmarks in crop pixels ``[B]``.
    """

    parameters: FaceParameters
    error: Array


@dataclass(frozen=True)
class _Problem:
    """Least-squares problem of a batch.

    Attributes:
        targets: landmarks ``[B, L, 2]`` in ndc with y up.
        weights: weight of each landmark's squared distance ``[B, L]``.
        prior_mean: prior mean of the photos' parameters ``[B, D]``.
        prior_weight: weight of the squared difference from it ``[D]``.
        person: person of each photo ``[B]``.
        shape_mean: prior mean of the shapes ``[N, S']``.
    """

    targets: Array
    weights: Array
    prior_mean: Array
    prior_weight: Array
    person: Array
    shape_mean: Array


class LandmarkFit:
    """Fits a head to MediaPipe's landmarks; the head is not changed.

    It computes in double precision, as
    :class:`~smirk3d.fitting.joint_estimate.JointEstimator` does, and answers in the head's.
    """

    STABLE_SIGMA = 0.004
    """Largest standard deviation in metres of landmarks in the reported error; chosen by eye."""

    def __init__(self, head: HeadModel, config: LandmarkFitConfig | None = None) -> None:
        """Prepare the head's landmarks.

        Args:
            head: the head, with landmarks.
            config: settings; the defaults unless given.

        Raises:
            AssetError: if the head has no landmark embedding.
        """
        if not len(head.landmark_ids):
            raise AssetError(
                f"head {head.name!r} has no landmarks: convert it again with `smirk3d heads import`"
            )
        self.config = config or LandmarkFitConfig()
        self.observed = ObservedHead(in_double(head.at_landmarks()), self.config.num_shape)
        self._like = head.v_template
        self.landmark_ids = head.landmark_ids
        self.stable = (head.landmark_sigma <= self.STABLE_SIGMA) & (head.landmark_ids < 468)
        expressive = head.regions.get("lips", head.part < 0) | head.regions.get(
            "eyelids", head.regions.get("eyes", head.part < 0)
        )
        xp = array_namespace(head.landmark_sigma)
        on_expressive = xp.any(expressive[head.landmark_corners], axis=1)
        variance = head.landmark_sigma**2 + self.config.sigma_floor**2
        plain = xp.ones_like(variance)
        self._weights = xp.where(on_expressive, plain * self.config.emphasis, plain) / variance
        # named actions are never negative, so that their sum is their size
        action = xp.zeros_like(self.observed.lo)
        if head.has_named_actions:
            action[: head.group("expression").dim] = 1.0
        self._slope = self.config.sparsity * action / self.observed.prior_std

    def __call__(
        self,
        landmarks: Array,
        *,
        size: int = CROP_SIZE,
        person: Sequence[int] | None = None,
        start: FaceParameters | None = None,
        shape_mean: Array | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> FitResult:
        """Return the fitted parameters of B crops.

        Args:
            landmarks: all 478 landmarks ``[B, 478, 2]`` in crop pixels, in any floating-point
                precision; B may be 0.
            size: side of the crops in pixels.
            person: person of each photo ``[B]``; photos of one person share the shape. Without it
                every photo shows another person.
            start: parameters ``[B]`` to start from and stay near (refinement). The shape starts
                there too, but its prior mean stays ``shape_mean``.
            shape_mean: prior mean ``[B, S]`` of the shapes where the person is known; zero, that
                of people, unless given.
            on_progress: called with the number of photos done so far.

        Raises:
            ShapeError: if a shape differs.
            UsageError: if landmarks are integers or not finite; the text names the first row.
        """
        landmarks, start = self._checked(landmarks, start)
        if not len(landmarks):
            nobody = self.observed.head.neutral(0).to(self._like)
            return FitResult(nobody, as_like(landmarks[:, 0, 0], self._like))
        groups = person_batches(len(landmarks), person, self.config.batch_size)
        parameters: list[FaceParameters] = []
        errors: list[Array] = []
        done = 0
        for rows, persons in groups:
            chosen = start[rows] if start is not None else None
            known = as_like(shape_mean[rows], landmarks) if shape_mean is not None else None
            part = self._fit(landmarks[rows], size, beside(persons, landmarks), chosen, known)
            parameters.append(part.parameters)
            errors.append(part.error)
            done += len(rows)
            if on_progress is not None:
                on_progress(done)
        order = np.argsort(np.concatenate([rows for rows, _ in groups]))
        error = array_namespace(*errors).concat(errors)[order]
        fitted = FaceParameters.cat(parameters)[order].to(self._like)
        return FitResult(fitted, as_like(error, self._like))

    def _checked(
        self, landmarks: Array, start: FaceParameters | None
    ) -> tuple[Array, FaceParameters | None]:
        """Return the arguments of a call in double precision after checking them."""
        check_shape(landmarks, "B 478 2", "landmarks")
        require_finite(landmarks, "landmarks")
        seen = in_precision(landmarks, self.observed.lo)
        if start is None:
            return seen, None
        check_shape(start.shape, "B S", "start", B=len(landmarks))
        for name, values in start.items():
            require_finite(values, f"start.{name}")
        return seen, start.to(self.observed.lo.dtype)

    @without_gradients
    def _fit(
        self,
        landmarks: Array,
        size: int,
        person: Array,
        start: FaceParameters | None,
        shape_mean: Array | None,
    ) -> FitResult:
        xp = array_namespace(landmarks)
        num_persons = int(person.max()) + 1
        seen = with_full_irises(pixels_to_ndc(landmarks, size), self.config.iris_gain)
        targets = seen[:, self.landmark_ids] * constant([1.0, -1.0], seen)
        state = self._initial_state(targets, person, start)
        problem = self._problem(seen, targets, state, person, refining=start is not None)
        if shape_mean is not None:
            problem = replace(problem, shape_mean=self.observed.shapes(shape_mean, person))
        damping = constant([1e-3] * num_persons, targets)
        cost = self._cost(state, problem)
        for _ in range(self.config.num_steps):
            trial = self._step(state, problem, damping)
            trial_cost = self._cost(trial, problem)
            better = trial_cost < cost
            state = trial.where(better[person], better, state)
            cost = xp.where(better, trial_cost, cost)
            damping = xp.where(better, damping / 5, damping * 8).clip(1e-6, 1e3)
        difference = (self.observed.project(state, person) - targets)[:, self.stable]
        error = norm(difference).mean(1) * (size / 2)
        return FitResult(self.observed.parameters(state, person), error)

    def _initial_state(
        self, targets: Array, person: Array, start: FaceParameters | None
    ) -> FitState:
        if start is not None:
            return self.observed.state(start, person)
        xp = array_namespace(targets)
        neutral = self.observed.head.neutral(len(targets))
        points = self.observed.head(neutral).vertices
        weights = self._weights * self.stable * xp.ones_like(targets[..., 0])
        flip = constant([1.0, -1.0], targets)
        rotation, camera = initial_view(points, targets * flip, weights)
        placed = neutral.replace(head_pose=matrix_to_axis_angle(rotation), camera=camera)
        # the closed form rotates about the origin, the head perhaps about its root joint
        state = self.observed.state(placed, person)
        state.view = xp.concat([camera[:, :1], camera[:, 1:] * camera[:, :1]], axis=1)
        return state

    def _problem(
        self, seen: Array, targets: Array, state: FitState, person: Array, *, refining: bool
    ) -> _Problem:
        xp = array_namespace(state.local)
        away = xp.acos(state.rotation[:, 2, 2].clip(-1, 1))[:, None]
        weights = self._weights / state.view[:, :1] ** 2 / (1 + (away / _TURN) ** 2)
        weights = weights * iris_visibility(seen, self.landmark_ids)
        strength = self.config.refine_prior if refining else self.config.expression_prior
        mean = state.local
        if not refining:
            mean = xp.zeros_like(mean) + self.observed.prior_mean
        return _Problem(
            targets,
            weights,
            mean,
            strength / self.observed.prior_std**2,
            person,
            xp.zeros_like(state.shape),
        )

    def _cost(self, state: FitState, problem: _Problem) -> Array:
        """Return the cost ``[N]`` of each person."""
        difference = self.observed.project(state, problem.person) - problem.targets
        photo = ((difference**2).sum(-1) * problem.weights).sum(1)
        photo = photo + ((state.local - problem.prior_mean) ** 2 * problem.prior_weight).sum(1)
        photo = photo + (state.local * self._slope).sum(1)
        shape = self.config.shape_prior * ((state.shape - problem.shape_mean) ** 2).sum(1)
        return add_at(shape, 0, problem.person, photo)

    def _step(self, state: FitState, problem: _Problem, damping: Array) -> FitState:
        seen, by_shape, by_rest = self.observed.jacobian(state, problem.person)
        xp = array_namespace(seen)
        root = xp.repeat(xp.sqrt(problem.weights), 2, axis=1)
        residual = (seen - problem.targets).reshape(len(seen), 2 * seen.shape[1]) * root
        by_shape, by_rest = by_shape * root[..., None], by_rest * root[..., None]
        prior = self.config.shape_prior
        shape_block = diagonal_matrices(xp.full_like(state.shape, prior))
        transposed = xp.matrix_transpose(by_shape)
        from_residual = (transposed @ residual[..., None])[..., 0]
        shape_gradient = prior * (state.shape - problem.shape_mean)
        local_size = state.local.shape[1]
        rest_block = xp.matrix_transpose(by_rest) @ by_rest
        rest_gradient = (xp.matrix_transpose(by_rest) @ residual[..., None])[..., 0]
        rest_block[:, range(local_size), range(local_size)] += problem.prior_weight
        rest_gradient[:, :local_size] += (state.local - problem.prior_mean) * problem.prior_weight
        rest_gradient[:, :local_size] += self._slope / 2
        equations = NormalEquations(
            add_at(shape_block, 0, problem.person, transposed @ by_shape),
            add_at(shape_gradient, 0, problem.person, from_residual),
            transposed @ by_rest,
            rest_block,
            rest_gradient,
            problem.person,
        )
        moved = state.moved(*equations.solve(damping, self._held(state, rest_gradient)))
        moved.local = xp.minimum(xp.maximum(moved.local, self.observed.lo), self.observed.hi)
        return moved

    def _held(self, state: FitState, gradient: Array) -> Array:
        local_gradient = gradient[:, : state.local.shape[1]]
        at_lo = (state.local <= self.observed.lo) & (local_gradient > 0)
        at_hi = (state.local >= self.observed.hi) & (local_gradient < 0)
        fixed = self.observed.lo == self.observed.hi
        return held_view(at_lo | at_hi | fixed, 6)


def held_view(held: Array, count: int) -> Array:
    """Return a mask ``[B, D + count]`` of which the last components are free."""
    xp = array_namespace(held)
    free = xp.zeros_like(held[:, :1])
    return xp.concat([held, *[free] * count], axis=1)


def person_batches(
    count: int, person: Sequence[int] | None, batch_size: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return batches of photos in which the photos of a person stay together.

    Args:
        count: number of photos.
        person: the person of each photo; None if each is another person.
        batch_size: photos in a batch; more where one person has more.

    Returns:
        For each batch the photos' rows ``[B]`` and the number of each one's person ``[B]``,
        counted from 0 in the batch.
    """
    labels = np.arange(count) if person is None else np.asarray(person)
    check_shape(labels, "B", "person", B=count)
    order = labels.argsort(kind="stable")
    _, sizes = np.unique(labels, return_counts=True)
    batches: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    first, persons = 0, 0
    while persons < len(sizes):
        last, size = persons, 0
        while last < len(sizes) and (last == persons or size + int(sizes[last]) <= batch_size):
            size += int(sizes[last])
            last += 1
        ids = np.repeat(np.arange(last - persons), sizes[persons:last])
        batches.append((order[first : first + size], ids))
        first, persons = first + size, last
    return batches
