"""Sums of losses by weight, in which a weight of zero saves the computation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The weight of each loss; the defaults are those of SMIRK's core stage.

    Attributes:
        landmarks: surface landmarks, in squared device coordinates.
        contour: landmarks of the jaw line that switch with yaw.
        openings: distances between lids and between lips; SMIRK has none.
        photometric: painting against photo.
        perceptual: features of the painting against those of the photo.
        emotion: the same with a network for expressions; its gradient is for the encoder alone.
        identity: the same with a network for recognition; SMIRK has none.
        shape_prior: distance of the shape to the mean.
        shape_target: distance of the shape to a known one, as MICA's.
        expression_prior: distance of the expression to the neutral one.
        jaw_prior: of the jaw.
        eyelids_prior: of the eyelids; SMIRK has none.
        eyes_prior: of the gaze; SMIRK has none.
        warm_start: distance of all groups to a fit by optimisation; SMIRK has none.
        change: of the expression between two pictures of a person; SMIRK has none.
        cycle: parameters painted and read back.
    """

    landmarks: float = 100.0
    contour: float = 100.0
    openings: float = 0.0
    photometric: float = 10.0
    perceptual: float = 10.0
    emotion: float = 1.0
    identity: float = 0.0
    shape_prior: float = 0.0
    shape_target: float = 0.0
    expression_prior: float = 1e-3
    jaw_prior: float = 1e-2
    eyelids_prior: float = 0.0
    eyes_prior: float = 0.0
    warm_start: float = 0.0
    change: float = 0.0
    cycle: float = 1.0

    def __post_init__(self) -> None:
        """Check that no weight is negative."""
        for name, weight in asdict(self).items():
            if weight < 0:
                raise ValueError(f"the weight of {name} must not be negative, got {weight}")


PRETRAINING = LossWeights(
    photometric=0.0,
    perceptual=0.0,
    emotion=0.0,
    shape_target=10.0,
    expression_prior=1e-2,
    jaw_prior=0.0,
    cycle=0.0,
)
"""SMIRK's weights of the first stage."""


@dataclass(frozen=True, eq=False)
class WeightedLoss:
    """A sum of losses.

    Attributes:
        total: to descend on, a scalar.
        terms: each computed loss before its weight, detached scalars by name.
    """

    total: Tensor
    terms: dict[str, Tensor]

    def report(self) -> dict[str, float]:
        """Return ``total`` and the terms as numbers; on a GPU this waits for them, once."""
        names = ["total", *self.terms]
        values = torch.stack([self.total.detach(), *self.terms.values()]).tolist()
        return dict(zip(names, values, strict=True))

    def not_finite(self) -> list[str]:
        """Return the names of terms that are NaN or infinite; on a GPU this waits for them."""
        report = self.report()
        return [name for name in self.terms if not math.isfinite(report[name])]


def weighted_sum(
    terms: Mapping[str, Callable[[], Tensor]], weights: LossWeights | Mapping[str, float]
) -> WeightedLoss:
    """Return the weighted sum of losses.

    Args:
        terms: functions that compute a scalar each; those of weight zero are not called.
        weights: by name of the term; weights without a term have no effect, because paths of
            training have terms of their own.

    Raises:
        ValueError: if a term has no weight, or all weights of the terms are zero.
    """
    table = asdict(weights) if isinstance(weights, LossWeights) else dict(weights)
    unknown = sorted(set(terms) - set(table))
    if unknown:
        raise ValueError(f"losses without a weight: {', '.join(unknown)}")
    values = {name: term() for name, term in terms.items() if table[name]}
    if not values:
        raise ValueError(f"all weights are zero of {', '.join(sorted(terms)) or 'no terms'}")
    total = torch.stack([table[name] * value for name, value in values.items()]).sum()
    return WeightedLoss(total, {name: value.detach() for name, value in values.items()})
