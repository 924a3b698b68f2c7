"""Conversion of parameters between heads: FLAME to ARKit's actions and back, open to ICT.

Identity: the target's shape whose neutral face lies closest to the source's neutral face.
Expression: displacements of the source's face from its own neutral, in metres at corresponding
surface points, are reproduced by the target relative to its neutral, by bounded least squares over
expression, eyelids and jaw (Levenberg-Marquardt steps; components at a bound that they press
against are held, projected Newton, Bertsekas 1982). So a person's neutral stays neutral, whatever
either head cannot express of the identity. Where both heads name their actions, the source's
weights are the start and the prior. Eyes, head pose and camera follow from the heads' frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, beside, diagonal_matrices, norm, require_finite, split
from smirk3d.errors import AssetError
from smirk3d.fitting.correspondence import SurfaceCorrespondence, find_correspondence
from smirk3d.fitting.point_head import MOVING, PointHead
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

Values = NDArray[np.float64]

_ALIGNMENTS = 3
"""Alternations of shape and alignment; not tuned."""

_SETTLED = 1e-4
"""Relative change of the cost below which a step ends the search; not tuned."""


@dataclass(frozen=True, kw_only=True)
class ConversionConfig:
    """Settings of a conversion.

    Attributes:
        num_steps: largest number of Levenberg-Marquardt steps.
        misfit: root mean square distance in metres over the surface that costs as much as one
            standard deviation of a parameter.
        named_misfit: misfit between heads that name their actions. Smaller values follow the
            surface more closely, larger ones keep the weights of each name; the default is the
            compromise of benchmarks/results/head_conversion-ict.md.
        named_std: standard deviation of a weight around the source's weight of the same name.
        shape_misfit: misfit of the identity.
        batch_size: number of faces converted at once.
    """

    num_steps: int = 15
    misfit: float = 3e-5
    named_misfit: float = 4e-4
    named_std: float = 0.25
    shape_misfit: float = 3e-5
    batch_size: int = 64


@dataclass(frozen=True)
class ConversionResult:
    """Converted parameters and how well they reproduce the source.

    Attributes:
        parameters: parameters of the target head for B faces.
        expression_error: mean distance in millimetres between the displacements of both faces from
            their neutral, over corresponding points ``[B]``.
        surface_error: mean distance in millimetres between both faces, identity included ``[B]``.
    """

    parameters: FaceParameters
    expression_error: Array
    surface_error: Array


class HeadConverter:
    """Converts parameters between two heads; finding their correspondence takes seconds, once.

    It computes with NumPy, whichever library heads and parameters are of.
    """

    def __init__(
        self,
        source: HeadModel,
        target: HeadModel,
        *,
        correspondence: SurfaceCorrespondence | None = None,
        config: ConversionConfig | None = None,
    ) -> None:
        """Prepare a pair of heads.

        Args:
            source: head of the given parameters.
            target: head of the converted parameters.
            correspondence: their correspondence; found unless given.
            config: settings; the defaults unless given.

        Raises:
            AssetError: if the heads share too few landmarks.
        """
        self.source, self.target = source.to_numpy(), target.to_numpy()
        self.config = config or ConversionConfig()
        pairs = correspondence or find_correspondence(source, target)
        self.correspondence = pairs
        self._from = PointHead(source, pairs.source_corners, pairs.source_bary)
        self._onto = PointHead(target, pairs.target_corners, pairs.target_bary)
        self._weights = (pairs.weights.astype(np.float64) / pairs.weights.sum())[:, None]
        groups = [target.group(name) for name in MOVING]
        self._lo, self._hi, self._std = (
            np.array([x for g in groups for x in getattr(g, key)], np.float64)
            for key in ("lo", "hi", "prior_std")
        )
        self._named = source.has_named_actions and target.has_named_actions
        self._shape_solver = self._prepare_shape()

    def __call__(
        self, parameters: FaceParameters, *, neutral: FaceParameters | None = None
    ) -> ConversionResult:
        """Return the target's parameters for B faces of the source.

        Args:
            parameters: B faces of the source head, in any floating-point precision; B may be 0.
            neutral: parameters of the source head for the same person at rest, one or B faces, for
                people whose rest is not zero expression (calibration). Its shape is not used.

        Returns:
            Parameters in the library and precision of the given ones, errors in double precision.

        Raises:
            ShapeError: if the parameters are not of the source head.
            AssetError: if ``neutral`` has another number of faces than 1 or B.
            UsageError: if a parameter is not finite.
        """
        for name, values in parameters.items():
            require_finite(values, name)
        given, parameters = parameters.shape, parameters.to_numpy().to(np.float64)
        rest = self._rest(parameters, neutral)
        starts = range(0, max(len(parameters), 1), self.config.batch_size)
        parts = [
            self._convert(
                parameters[start : start + self.config.batch_size],
                rest[start : start + self.config.batch_size],
            )
            for start in starts
        ]
        return ConversionResult(
            FaceParameters.cat([part.parameters for part in parts]).to(given),
            beside(np.concatenate([part.expression_error for part in parts]), given),
            beside(np.concatenate([part.surface_error for part in parts]), given),
        )

    def _rest(self, parameters: FaceParameters, neutral: FaceParameters | None) -> FaceParameters:
        at_rest = self.source.neutral(len(parameters)).to(np.float64)
        if neutral is not None:
            if len(neutral) not in (1, len(parameters)):
                raise AssetError(f"neutral holds {len(neutral)} faces, not 1 or {len(parameters)}")
            neutral = neutral.to_numpy()
            rows = np.arange(len(parameters)) % len(neutral)
            at_rest = at_rest.replace(**{name: getattr(neutral, name)[rows] for name in MOVING})
        return at_rest.replace(shape=parameters.shape)

    def _convert(self, parameters: FaceParameters, rest: FaceParameters) -> ConversionResult:
        face = parameters.replace(
            head_pose=np.zeros_like(parameters.head_pose), neck=np.zeros_like(parameters.neck)
        )
        seen, at_rest = self._from.points(face), self._from.points(rest)
        shape, rotation, translation = self._identity(at_rest)
        # all in the target's frame from here
        seen, at_rest = (seen - translation) @ rotation, (at_rest - translation) @ rotation
        start = self.target.neutral(len(parameters)).to(np.float64).replace(shape=shape)
        neutral = self._onto.points(start)
        start = start.replace(eyes=self._eyes(parameters, rotation))
        found = self._expression(start, neutral + seen - at_rest, self._named_prior(parameters))
        points = self._onto.points(found)
        return ConversionResult(
            self._placed(found, parameters, rotation),
            self._mean_distance((points - neutral) - (seen - at_rest)),
            self._mean_distance(points - seen),
        )

    def _mean_distance(self, difference: Values) -> Values:
        error: Values = (norm(difference) @ self._weights)[:, 0] * 1e3
        return error

    def _prepare_shape(self) -> Values:
        """Return the matrix ``[S, 3 P]`` that gives the shape of offsets from the template."""
        columns = _flat(self._onto.shape_columns)
        weights = np.repeat(self._weights, 3)
        normal = columns * weights @ columns.T
        normal += self.config.shape_misfit**2 * np.eye(len(columns))
        return np.linalg.solve(normal, columns * weights)

    def _identity(self, at_rest: Values) -> tuple[Values, Values, Values]:
        """Return shapes ``[B, S]`` and the motion from the target's frame to the source's.

        Two people whose heads are aligned in one model need not be in the other, so that shape and
        alignment (rotation ``[B, 3, 3]``, translation ``[B, 1, 3]``) are found alternately.
        """
        template = self._onto.points(self.target.neutral().to(np.float64))
        pairs = self.correspondence
        rotation = np.tile(pairs.rotation.astype(np.float64), (len(at_rest), 1, 1))
        translation = np.tile(pairs.translation.astype(np.float64), (len(at_rest), 1, 1))
        shape = np.zeros((len(at_rest), len(self._shape_solver)))
        for _ in range(_ALIGNMENTS):
            offsets = (at_rest - translation) @ rotation - template
            shape = _flat(offsets) @ self._shape_solver.T
            moved = shape @ _flat(self._onto.shape_columns)
            fitted = template + moved.reshape(at_rest.shape)
            rotation, translation = self._alignment(fitted, at_rest)
        return shape, rotation, translation

    def _alignment(self, points: Values, onto: Values) -> tuple[Values, Values]:
        """Return the rigid motions that map points ``[B, P, 3]`` onto others (Kabsch 1976)."""
        middle = (points * self._weights).sum(1, keepdims=True)
        goal = (onto * self._weights).sum(1, keepdims=True)
        left, _, right = np.linalg.svd(
            ((onto - goal) * self._weights).swapaxes(1, 2) @ (points - middle)
        )
        sign = np.ones_like(points[:, 0])
        sign[:, 2] = np.sign(np.linalg.det(left @ right))
        rotation = left * sign[:, None] @ right
        return rotation, goal - middle @ rotation.swapaxes(1, 2)

    def _eyes(self, parameters: FaceParameters, rotation: Values) -> Values:
        size = self.target.group("eyes").dim
        if not size or not parameters.eyes.shape[1]:
            return np.zeros((len(parameters), size))
        frame = rotation[:, None]
        rotations = axis_angle_to_matrix(parameters.eyes.reshape(-1, 2, 3))
        rotations = frame.swapaxes(2, 3) @ rotations @ frame
        eyes: Values = self.target.group("eyes").clamp(_flat(matrix_to_axis_angle(rotations)))
        return eyes

    def _named_prior(self, parameters: FaceParameters) -> tuple[Values, Values]:
        """Return the prior mean and standard deviation ``[B, D]`` of the moving parameters."""
        mean = np.zeros((len(parameters), len(self._std)))
        if not self._named:
            return mean, np.broadcast_to(self._std, mean.shape)
        named = self.target.from_arkit(self.source.arkit(parameters.to(np.float32)))
        mean[:] = np.concatenate([getattr(named, name) for name in MOVING], 1)
        return mean, np.full_like(mean, self.config.named_std)

    def _expression(
        self, start: FaceParameters, goal: Values, prior: tuple[Values, Values]
    ) -> FaceParameters:
        """Return parameters whose points come closest to goals ``[B, P, 3]``."""
        mean, std = prior
        misfit = self.config.named_misfit if self._named else self.config.misfit
        weights = np.repeat(self._weights / misfit**2, 3)
        value = mean.clip(self._lo, self._hi)
        damping = np.full((len(value), 1), 1e-3)

        def difference(values: Values) -> Values:
            return _flat(self._onto.points(self._with(start, values)) - goal)

        def cost(values: Values, left: Values) -> Values:
            apart: Values = left**2 @ weights + (((values - mean) / std) ** 2).sum(1)
            return apart

        left = difference(value)
        best = cost(value, left)
        for _ in range(self.config.num_steps):
            slopes = self._onto.slopes(self._with(start, value), left.reshape(goal.shape) + goal)
            gradient = slopes.gradient(left * weights) + (value - mean) / std**2
            curvature = slopes.curvature(weights) + diagonal_matrices(1 / std**2)
            trial = value - self._step(value, gradient, curvature, damping)
            trial = trial.clip(self._lo, self._hi)
            trial_left = difference(trial)
            trial_cost = cost(trial, trial_left)
            better = trial_cost < best
            settled = np.abs(best - trial_cost) < _SETTLED * best
            value = np.where(better[:, None], trial, value)
            left = np.where(better[:, None], trial_left, left)
            best = np.where(better, trial_cost, best)
            damping = np.where(better[:, None], damping / 5, damping * 8).clip(1e-9, 1e6)
            if settled.all():
                break
        return self._with(start, value)

    def _step(self, value: Values, gradient: Values, curvature: Values, damping: Values) -> Values:
        """Return the damped Newton step ``[B, D]`` within the bounds that do not hold it."""
        held = (value <= self._lo) & (gradient > 0) | (value >= self._hi) & (gradient < 0)
        free = (~held).astype(np.float64)
        step = np.zeros_like(value)
        for _ in range(4):
            block = curvature * free[:, :, None] * free[:, None, :]
            diagonal = block.diagonal(axis1=1, axis2=2) * damping + (1 - free)
            block = block + diagonal_matrices(diagonal)
            step = np.linalg.solve(block, (gradient * free)[..., None])[..., 0]
            # a component that would leave its range from its bound is held as well
            leaves = (value - step < self._lo) & (value <= self._lo)
            leaves |= (value - step > self._hi) & (value >= self._hi)
            if not leaves.any():
                break
            free = free * ~leaves
        return step * free

    def _with(self, parameters: FaceParameters, values: Values) -> FaceParameters:
        groups = split(values, self._onto.sizes, 1)
        return parameters.replace(**dict(zip(MOVING, groups, strict=True)))

    def _placed(
        self, found: FaceParameters, parameters: FaceParameters, rotation: Values
    ) -> FaceParameters:
        """Return the faces with head pose and camera that make them cover the source's faces."""
        pose = axis_angle_to_matrix(parameters.head_pose)
        if parameters.neck.shape[1]:
            bent = axis_angle_to_matrix(parameters.neck)
            if found.neck.shape[1]:
                inside = rotation.swapaxes(1, 2) @ bent @ rotation
                found = found.replace(neck=matrix_to_axis_angle(inside))
            else:
                pose = pose @ bent
        found = found.replace(head_pose=matrix_to_axis_angle(pose @ rotation))
        apart = self._from.points(parameters) - self._onto.points(found)
        shift = (apart * self._weights).sum(1)[:, :2]
        camera = np.concatenate([parameters.camera[:, :1], parameters.camera[:, 1:] + shift], 1)
        return found.replace(camera=camera)


def _flat(points: Values) -> Values:
    """Return points ``[B, P, 3]`` as rows ``[B, 3 P]``."""
    return points.reshape(len(points), math.prod(points.shape[1:]))


def convert_parameters(
    source: HeadModel,
    target: HeadModel,
    parameters: FaceParameters,
    *,
    neutral: FaceParameters | None = None,
) -> ConversionResult:
    """Return the target head's parameters for B faces of the source head.

    See :class:`HeadConverter`, which converts repeatedly without preparing again.

    Raises:
        AssetError: if the heads share too few landmarks.
        ShapeError: if the parameters are not of the source head.
    """
    return HeadConverter(source, target)(parameters, neutral=neutral)
