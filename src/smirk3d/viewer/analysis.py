"""Curves of actions over a clip, and how left and right differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.head_model import HeadModel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curves:
    """Values by name over the frames of a clip.

    Attributes:
        seconds: ``[T]``.
        values: ``[T]`` each by name; not a number in frames without the face.
    """

    seconds: Array
    values: dict[str, Array]

    def liveliest(self, count: int) -> list[str]:
        """Return the names of the values that change most, the liveliest first."""
        spreads = {name: float(np.nanstd(values)) for name, values in self.values.items()}
        return sorted(spreads, key=lambda name: -spreads[name])[:count]


@dataclass(frozen=True)
class Asymmetry:
    """How one pair of actions differs between the subject's sides.

    Attributes:
        left, right: names of the pair.
        mean: of left minus right; positive where the subject's left is stronger.
        size: mean of its absolute value.
        correlation: of left and right over the clip; None where one stays still.
    """

    left: str
    right: str
    mean: float
    size: float
    correlation: float | None


def clip_curves(
    head: HeadModel, parameters: FaceParameters, frames: NDArray[np.int64], seconds: Array
) -> Curves:
    """Return the curves of a face: ARKit's 52, or the expression of heads without names.

    Args:
        head: the face's head.
        parameters: in the F frames that show it ``[F, D]``.
        frames: the clip's frame of each ``[F]``.
        seconds: of the clip's frames ``[T]``.
    """
    if head.has_named_actions:
        with torch.no_grad():
            rows, names = head.arkit(parameters.to(head.v_template)).cpu().numpy(), ARKIT_NAMES
    else:
        rows, names = parameters.expression.numpy(), head.group("expression").names
    whole = np.full((len(seconds), len(names)), np.nan)
    whole[frames] = rows
    return Curves(np.asarray(seconds, np.float64), dict(zip(names, whole.T, strict=True)))


def asymmetries(curves: Curves) -> list[Asymmetry]:
    """Return how each left action differs from its right one, the largest difference first."""
    found = []
    for left, values in curves.values.items():
        right = mirrored_name(left)
        if right == left or "Right" in left or right not in curves.values:
            continue
        there = np.isfinite(values)
        ours, theirs = values[there], curves.values[right][there]
        gap = ours - theirs
        mean, size = float(gap.mean()), float(np.abs(gap).mean())
        found.append(Asymmetry(left, right, mean, size, _correlation(ours, theirs)))
    return sorted(found, key=lambda pair: -pair.size)


def _correlation(ours: Array, theirs: Array) -> float | None:
    if len(ours) < 3 or ours.std() < 1e-4 or theirs.std() < 1e-4:
        return None
    return float(np.corrcoef(ours, theirs)[0, 1])


def chart(
    curves: Curves, names: list[str], now: float, *, difference: bool = False
) -> tuple[list[str], tuple[Array, ...]]:
    """Return labels and columns of a chart with an upright line at a time.

    The line is drawn by two samples at one time, so every column is two longer than the clip.

    Args:
        curves: the clip's.
        names: what to draw.
        now: where the line is, in seconds.
        difference: draw left minus right for names that have another side.
    """
    labels, columns = [], []
    for name in names:
        values, label = curves.values[name], name
        other = mirrored_name(name)
        if difference and other != name and other in curves.values:
            values, label = values - curves.values[other], f"{name} - {other}"
        labels.append(label)
        columns.append(values)
    at = int(np.searchsorted(curves.seconds, now, "right"))
    low = min((float(np.nanmin(c)) for c in columns if np.isfinite(c).any()), default=0.0)
    high = max((float(np.nanmax(c)) for c in columns if np.isfinite(c).any()), default=1.0)
    line = np.full(len(curves.seconds), np.nan)
    widened = tuple(
        np.insert(column, at, [fill, fill2])
        for column, fill, fill2 in [
            (curves.seconds, now, now),
            *((c, _before(c, at), _before(c, at)) for c in columns),
            (line, min(low, 0.0), max(high, min(low, 0.0) + 0.1)),
        ]
    )
    return [*labels, "now"], widened


def _before(column: Array, at: int) -> float:
    return float(column[max(at - 1, 0)])
