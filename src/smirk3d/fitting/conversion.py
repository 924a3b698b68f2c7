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

from dataclasses import dataclass

from smirk3d.array_interface import require_finite
from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.errors import AssetError
from smirk3d.fitting.correspondence import SurfaceCorrespondence, find_correspondence
from smirk3d.fitting.point_head import MOVING, PointHead
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

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
    expression_error: Tensor
    surface_error: Tensor


class HeadConverter:
    """Converts parameters between two heads; finding their correspondence takes seconds, once."""

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
        self.source, self.target = source, target
        self.config = config or ConversionConfig()
        pairs = correspondence or find_correspondence(source, target)
        self.correspondence = pairs
        self._from = PointHead(source, pairs.source_corners, pairs.source_bary)
        self._onto = PointHead(target, pairs.target_corners, pairs.target_bary)
        self._weights = (pairs.weights.double() / pairs.weights.sum())[:, None]
        groups = [target.group(name) for name in MOVING]
        self._lo, self._hi, self._std = (
            torch.tensor([x for g in groups for x in getattr(g, key)], dtype=torch.float64)
            for key in ("lo", "hi", "prior_std")
        )
        self._named = source.has_named_actions and target.has_named_actions
        self._shape_solver = self._prepare_shape()

    @torch.no_grad()
    def __call__(
        self, parameters: FaceParameters, *, neutral: FaceParameters | None = None
    ) -> ConversionResult:
        """Return the target's parameters for B faces of the source.

        Args:
            parameters: B faces of the source head, in any floating-point precision; B may be 0.
            neutral: parameters of the source head for the same person at rest, one or B faces, for
                people whose rest is not zero expression (calibration). Its shape is not used.

        Returns:
            Parameters in the precision of the given ones, and errors in double precision.

        Raises:
            ShapeError: if the parameters are not of the source head.
            AssetError: if ``neutral`` has another number of faces than 1 or B.
            UsageError: if a parameter is not finite.
        """
        for name, values in parameters.items():
            require_finite(values, name)
        if not len(parameters):
            nobody = self.target.neutral(0).to(parameters.shape.dtype)
            none = torch.zeros(0, dtype=torch.float64)
            return ConversionResult(nobody, none, none)
        rest = self._rest(parameters, neutral)
        starts = range(0, len(parameters), self.config.batch_size)
        parts = [
            self._convert(
                parameters[start : start + self.config.batch_size].to(torch.float64),
                rest[start : start + self.config.batch_size].to(torch.float64),
            )
            for start in starts
        ]
        dtype = parameters.shape.dtype
        return ConversionResult(
            FaceParameters.cat([part.parameters for part in parts]).to(dtype),
            torch.cat([part.expression_error for part in parts]),
            torch.cat([part.surface_error for part in parts]),
        )

    def _rest(self, parameters: FaceParameters, neutral: FaceParameters | None) -> FaceParameters:
        at_rest = self.source.neutral(len(parameters)).to(parameters.shape.dtype)
        if neutral is not None:
            if len(neutral) not in (1, len(parameters)):
                raise AssetError(f"neutral holds {len(neutral)} faces, not 1 or {len(parameters)}")
            rows = torch.arange(len(parameters)) % len(neutral)
            at_rest = at_rest.replace(**{name: getattr(neutral, name)[rows] for name in MOVING})
        return at_rest.replace(shape=parameters.shape)

    def _convert(self, parameters: FaceParameters, rest: FaceParameters) -> ConversionResult:
        face = parameters.replace(
            head_pose=torch.zeros_like(parameters.head_pose), neck=torch.zeros_like(parameters.neck)
        )
        seen, at_rest = self._from.points(face), self._from.points(rest)
        shape, rotation, translation = self._identity(at_rest)
        # all in the target's frame from here
        seen, at_rest = (seen - translation) @ rotation, (at_rest - translation) @ rotation
        start = self.target.neutral(len(parameters)).to(torch.float64).replace(shape=shape)
        neutral = self._onto.points(start)
        start = start.replace(eyes=self._eyes(parameters, rotation))
        found = self._expression(start, neutral + seen - at_rest, self._named_prior(parameters))
        points = self._onto.points(found)
        return ConversionResult(
            self._placed(found, parameters, rotation),
            self._mean_distance((points - neutral) - (seen - at_rest)),
            self._mean_distance(points - seen),
        )

    def _mean_distance(self, difference: Tensor) -> Tensor:
        error: Tensor = (difference.norm(dim=2) @ self._weights)[:, 0] * 1e3
        return error

    def _prepare_shape(self) -> Tensor:
        """Return the matrix ``[S, 3 P]`` that gives the shape of offsets from the template."""
        columns = self._onto.shape_columns.flatten(1)
        weights = self._weights.repeat_interleave(3, dim=0).flatten()
        normal = columns * weights @ columns.T
        normal += self.config.shape_misfit**2 * torch.eye(len(columns), dtype=torch.float64)
        solver: Tensor = torch.linalg.solve(normal, columns * weights)
        return solver

    def _identity(self, at_rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return shapes ``[B, S]`` and the motion from the target's frame to the source's.

        Two people whose heads are aligned in one model need not be in the other, so that shape and
        alignment (rotation ``[B, 3, 3]``, translation ``[B, 1, 3]``) are found alternately.
        """
        template = self._onto.points(self.target.neutral().to(torch.float64))
        rotation = self.correspondence.rotation.double().expand(len(at_rest), 3, 3)
        translation = self.correspondence.translation.double().expand(len(at_rest), 1, 3)
        shape = at_rest.new_zeros(len(at_rest), len(self._shape_solver))
        for _ in range(_ALIGNMENTS):
            offsets = (at_rest - translation) @ rotation - template
            shape = offsets.flatten(1) @ self._shape_solver.T
            fitted = template + (shape @ self._onto.shape_columns.flatten(1)).unflatten(1, (-1, 3))
            rotation, translation = self._alignment(fitted, at_rest)
        return shape, rotation, translation

    def _alignment(self, points: Tensor, onto: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rigid motions that map points ``[B, P, 3]`` onto others (Kabsch 1976)."""
        middle = (points * self._weights).sum(1, keepdim=True)
        goal = (onto * self._weights).sum(1, keepdim=True)
        left, _, right = torch.linalg.svd(
            ((onto - goal) * self._weights).transpose(1, 2) @ (points - middle)
        )
        sign = torch.ones_like(points[:, 0])
        sign[:, 2] = torch.linalg.det(left @ right).sign()
        rotation = left * sign[:, None] @ right
        return rotation, goal - middle @ rotation.transpose(1, 2)

    def _eyes(self, parameters: FaceParameters, rotation: Tensor) -> Tensor:
        size = self.target.group("eyes").dim
        if not size or not parameters.eyes.shape[1]:
            return parameters.eyes.new_zeros(len(parameters), size)
        frame = rotation[:, None]
        rotations = axis_angle_to_matrix(parameters.eyes.unflatten(1, (2, 3)))
        rotations = frame.transpose(2, 3) @ rotations @ frame
        return self.target.group("eyes").clamp(matrix_to_axis_angle(rotations).flatten(1))

    def _named_prior(self, parameters: FaceParameters) -> tuple[Tensor, Tensor]:
        """Return the prior mean and standard deviation ``[B, D]`` of the moving parameters."""
        mean = parameters.expression.new_zeros(len(parameters), len(self._std))
        std = self._std.expand_as(mean)
        if self._named:
            named = self.target.from_arkit(self.source.arkit(parameters.to(torch.float32)))
            mean = torch.cat([getattr(named, name) for name in MOVING], 1).to(mean)
            std = torch.full_like(mean, self.config.named_std)
        return mean, std

    def _expression(
        self, start: FaceParameters, goal: Tensor, prior: tuple[Tensor, Tensor]
    ) -> FaceParameters:
        """Return parameters whose points come closest to goals ``[B, P, 3]``."""
        mean, std = prior
        misfit = self.config.named_misfit if self._named else self.config.misfit
        weights = (self._weights / misfit**2).expand(-1, 3).flatten()
        value = torch.minimum(torch.maximum(mean, self._lo), self._hi)
        damping = value.new_full((len(value), 1), 1e-3)

        def difference(values: Tensor) -> Tensor:
            return (self._onto.points(self._with(start, values)) - goal).flatten(1)

        def cost(values: Tensor, left: Tensor) -> Tensor:
            return left.square() @ weights + ((values - mean) / std).square().sum(1)

        left = difference(value)
        best = cost(value, left)
        for _ in range(self.config.num_steps):
            slopes = self._onto.slopes(self._with(start, value), left.view_as(goal) + goal)
            gradient = slopes.gradient(left * weights) + (value - mean) / std.square()
            curvature = slopes.curvature(weights) + torch.diag_embed(std.square().reciprocal())
            trial = value - self._step(value, gradient, curvature, damping)
            trial = torch.minimum(torch.maximum(trial, self._lo), self._hi)
            trial_left = difference(trial)
            trial_cost = cost(trial, trial_left)
            better = trial_cost < best
            settled = (best - trial_cost).abs() < _SETTLED * best
            value = torch.where(better[:, None], trial, value)
            left = torch.where(better[:, None], trial_left, left)
            best = torch.where(better, trial_cost, best)
            damping = torch.where(better[:, None], damping / 5, damping * 8).clamp(1e-9, 1e6)
            if settled.all():
                break
        return self._with(start, value)

    def _step(self, value: Tensor, gradient: Tensor, curvature: Tensor, damping: Tensor) -> Tensor:
        """Return the damped Newton step ``[B, D]`` within the bounds that do not hold it."""
        held = (value <= self._lo) & (gradient > 0) | (value >= self._hi) & (gradient < 0)
        free = (~held).to(value)
        step = torch.zeros_like(value)
        for _ in range(4):
            block = curvature * free[:, :, None] * free[:, None, :]
            diagonal = block.diagonal(dim1=1, dim2=2) * damping + (1 - free)
            factor = torch.linalg.cholesky(block + torch.diag_embed(diagonal))
            step = torch.cholesky_solve((gradient * free)[..., None], factor)[..., 0]
            # a component that would leave its range from its bound is held as well
            leaves = (value - step < self._lo) & (value <= self._lo)
            leaves |= (value - step > self._hi) & (value >= self._hi)
            if not leaves.any():
                break
            free = free * (~leaves).to(free)
        return step * free

    def _with(self, parameters: FaceParameters, values: Tensor) -> FaceParameters:
        groups = values.split(self._onto.sizes, 1)
        return parameters.replace(**dict(zip(MOVING, groups, strict=True)))

    def _placed(
        self, found: FaceParameters, parameters: FaceParameters, rotation: Tensor
    ) -> FaceParameters:
        """Return the faces with head pose and camera that make them cover the source's faces."""
        pose = axis_angle_to_matrix(parameters.head_pose)
        if parameters.neck.shape[1]:
            bent = axis_angle_to_matrix(parameters.neck)
            if found.neck.shape[1]:
                inside = rotation.transpose(1, 2) @ bent @ rotation
                found = found.replace(neck=matrix_to_axis_angle(inside))
            else:
                pose = pose @ bent
        found = found.replace(head_pose=matrix_to_axis_angle(pose @ rotation))
        apart = self._from.points(parameters) - self._onto.points(found)
        shift = (apart * self._weights).sum(1)[:, :2]
        camera = torch.cat([parameters.camera[:, :1], parameters.camera[:, 1:] + shift], 1)
        return found.replace(camera=camera)


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
