"""Sums of losses by weight, in which a weight of zero saves the computation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from smirk3d.losses.loss_weights import LossWeights


@dataclass(frozen=True, eq=False)
class WeightedLoss:
    """A sum of losses.

    Attributes:
        total: weighted sum to minimize, a scalar.
        terms: computed losses before their weights, detached scalars by name.
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
        weights: weights by name of the term; weights without a term have no effect, because paths
            of training have terms of their own.

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
