"""Metrics that protocols share: correlations and errors of paired values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import check_shape
from smirk3d.heads.action_names import mirrored_name

Array = NDArray[np.floating]


def correlation(a: Array, b: Array) -> float:
    """Return Pearson's correlation of paired values of any shape; nan where one is constant.

    Raises:
        ValueError: if the shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"paired values must have one shape, got {a.shape} and {b.shape}")
    x, y = a.ravel() - a.mean(), b.ravel() - b.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else float("nan")


def channel_correlations(a: Array, b: Array) -> Array:
    """Return the correlation of each channel ``[C]`` of paired values ``[N, C]``."""
    sizes = check_shape(a, "N C", "a")
    check_shape(b, "N C", "b", **sizes)
    return np.array([correlation(a[:, i], b[:, i]) for i in range(sizes["C"])])


def side_correlation(a: Array, b: Array) -> float:
    """Return the correlation of left minus right, over all paired channels.

    Args:
        a: weights ``[N, 52]`` in the order of ``conventions.ARKIT_NAMES``.
        b: the paired weights ``[N, 52]``.
    """
    left = [i for i, name in enumerate(ARKIT_NAMES) if name.endswith("Left")]
    right = [ARKIT_NAMES.index(mirrored_name(ARKIT_NAMES[i])) for i in left]
    return correlation(a[:, left] - a[:, right], b[:, left] - b[:, right])


def mean_absolute_error(a: Array, b: Array) -> float:
    """Return the mean absolute difference of paired values of one shape."""
    return float(np.abs(a - b).mean())
