"""Signals over time as a maximum a posteriori estimate: nearly constant velocity, rare motion.

Each frame's value is observed with a normal error. Changes of velocity follow Student's t
distribution: nearly none while a face rests, and any where it moves, since a large one costs only
the logarithm of its size. The estimate uses frames on both sides and so has no lag.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FRAME = 1 / 30
"""Seconds; changes of velocity are counted over this time, whatever the rate of a clip."""

_FREEDOM = 1.0
"""Degrees of freedom of Student's t distribution: 1 is Cauchy's, the heaviest of the usual ones."""

_START = 1.0
"""Standard deviation of the change of velocity from which the estimate begins, in units of the
observations' error: little is smoothed at first, so that motion is seen before it is smoothed."""

_ROUNDS = 8
"""Reweighted solutions. Over the first half the standard deviation falls to the one asked for."""


def smoothest_path(
    values: Array, seconds: Array, error: Array, *, change: float, together: bool = False
) -> Array:
    """Return the most probable path ``[T, D]`` of signals.

    Args:
        values: observations ``[T, D]``.
        seconds: their times ``[T]``, increasing, T at least 3.
        error: standard deviations of the observations ``[T, D]``, above 0.
        change: standard deviation of the change of velocity over a thirtieth of a second while
            nothing moves, in units of the median error.
        together: the D signals are one vector, which rests or moves as one.
    """
    operator, step = _second_differences(seconds)
    precision = error**-2
    unit = np.median(error, axis=0)
    if together:
        unit = np.full_like(unit, np.sqrt(np.mean(unit**2)))
    path = values
    for round_ in range(_ROUNDS):
        fall = min(1.0, round_ / (_ROUNDS / 2))
        std = unit * _START * (change / _START) ** fall
        if round_:
            size = _pooled(_applied(operator, path), together) / std**2
            weight = (_FREEDOM + 1) / (_FREEDOM + size)
        else:
            weight = np.ones((len(values) - 2, values.shape[1]))
        path = _solved(operator, weight / std**2 * step[:, None], precision, precision * values)
    return path


def _second_differences(seconds: Array) -> tuple[Array, Array]:
    """Return the change of velocity over :data:`FRAME` at inner frames, and their times' weights.

    Returns:
        Factors ``[T - 2, 3]`` of a frame before, a frame and a frame after, and the time
        ``[T - 2]`` about each frame in units of :data:`FRAME`.
    """
    before, after = np.diff(seconds)[:-1], np.diff(seconds)[1:]
    whole = (before + after) / 2
    outer = np.stack([1 / (before * whole), 1 / (after * whole)], 1) * FRAME**2
    return np.stack([outer[:, 0], -outer.sum(1), outer[:, 1]], 1), whole / FRAME


def _applied(operator: Array, path: Array) -> Array:
    return np.asarray(
        operator[:, :1] * path[:-2] + operator[:, 1:2] * path[1:-1] + operator[:, 2:] * path[2:]
    )


def _pooled(change: Array, together: bool) -> Array:
    """Return the mean square of changes ``[T - 2, D]`` over a frame and its neighbours."""
    square = change**2
    if together:
        square = np.broadcast_to(square.mean(1, keepdims=True), square.shape)
    padded = np.concatenate([square[:1], square, square[-1:]])
    return np.asarray((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4)


def _solved(operator: Array, weight: Array, precision: Array, right: Array) -> Array:
    """Solve for D paths whose second derivatives are pentadiagonal, by an LDL decomposition."""
    count = len(right)
    diagonal, first, second = precision.copy(), np.zeros_like(right), np.zeros_like(right)
    a, b, c = (operator[:, column, None] for column in range(3))
    diagonal[:-2] += weight * a * a
    diagonal[1:-1] += weight * b * b
    diagonal[2:] += weight * c * c
    first[:-2] += weight * a * b
    first[1:-1] += weight * b * c
    second[:-2] += weight * a * c
    # first[t] and second[t] couple frame t with t + 1 and t + 2
    path = right.copy()
    for t in range(count):
        if t >= 1:
            factor = first[t - 1] / diagonal[t - 1]
            diagonal[t] -= factor * first[t - 1]
            first[t] -= factor * second[t - 1]
            path[t] -= factor * path[t - 1]
        if t >= 2:
            factor = second[t - 2] / diagonal[t - 2]
            diagonal[t] -= factor * second[t - 2]
            path[t] -= factor * path[t - 2]
    for t in range(count - 1, -1, -1):
        if t + 1 < count:
            path[t] -= first[t] * path[t + 1]
        if t + 2 < count:
            path[t] -= second[t] * path[t + 2]
        path[t] /= diagonal[t]
    return path
