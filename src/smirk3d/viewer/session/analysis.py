"""Curves of actions over a clip, and how left and right differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

Array = NDArray[np.float64]

_AXIS_STEP = 0.25
"""Axes end at multiples of this weight; set by eye."""
_RESTS = 1e-4
"""Standard deviation below which a curve counts as at rest: more than rounding of single
precision."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Values by name over the frames of a clip.

    Attributes:
        seconds: times ``[T]`` of the frames.
        values: values ``[T]`` by name; not a number in frames without the face.
    """

    seconds: Array
    values: dict[str, Array]

    def most_varying(self, count: int) -> list[str]:
        """Return the names of the values that vary most, in order; none that rest."""
        stds = {name: float(np.nanstd(values)) for name, values in self.values.items()}
        moving = [name for name, std in stds.items() if std > _RESTS]
        return sorted(moving, key=lambda name: -stds[name])[:count]


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
        parameters: of the F frames that show it.
        frames: the clip's frame of each ``[F]``.
        seconds: times ``[T]`` of the clip's frames.
    """
    if head.has_named_actions:
        rows, names = head.arkit(parameters.to(head.v_template)), ARKIT_NAMES
    else:
        rows, names = parameters.expression, head.group("expression").names
    whole = np.full((len(seconds), len(names)), np.nan)
    whole[frames] = to_numpy(rows)
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


@dataclass(frozen=True, eq=False)
class Chart:
    """The data of a chart.

    Attributes:
        labels: names of the columns but the first.
        columns: seconds, each curve, and the upright line.
        lowest, highest: ends of the upright axis.
    """

    labels: list[str]
    columns: tuple[Array, ...]
    lowest: float
    highest: float


def chart(curves: Curves, names: list[str], now: float, *, difference: bool = False) -> Chart:
    """Return the chart of some curves with an upright line at a time.

    The line is drawn by two samples at one time, so every column is two longer than the clip.

    Args:
        curves: the clip's.
        names: the curves to draw.
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
    # in whole steps, so that the axis stays while values change a little
    values = np.concatenate([np.array([0.0, 0.5]), *(c[np.isfinite(c)] for c in columns)])
    lowest = math.floor(values.min() / _AXIS_STEP) * _AXIS_STEP
    highest = math.ceil(values.max() / _AXIS_STEP) * _AXIS_STEP
    at = int(np.searchsorted(curves.seconds, now, "right"))
    line = np.full(len(curves.seconds), np.nan)
    widened = (
        np.insert(curves.seconds, at, [now, now]),
        *(np.insert(c, at, [c[max(at - 1, 0)]] * 2) for c in columns),
        np.insert(line, at, [lowest, highest]),
    )
    return Chart([*labels, "now"], widened, lowest, highest)
