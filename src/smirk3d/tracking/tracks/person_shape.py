"""One person, one shape: a robust mean that grows with the frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SETTLED = 8
"""Frames after which outliers are told from the mean so far."""
_FORGET = 0.98


class PersonShape:
    """The weighted mean of one person's shape coefficients, in which odd frames count little.

    A frame's weight falls with the square of its distance from the mean once that exceeds twice
    the usual distance (Cauchy's weights).
    """

    def __init__(self) -> None:
        self._mean: NDArray[np.float64] | None = None
        self._weight = 0.0
        self._usual = 0.0
        self._count = 0

    @property
    def mean(self) -> NDArray[np.float64]:
        """The shape so far ``[S]``.

        Raises:
            ValueError: before the first frame.
        """
        if self._mean is None:
            raise ValueError("no frame has told a shape yet")
        return self._mean

    @property
    def num_frames(self) -> int:
        """How many frames were added."""
        return self._count

    def add(self, shape: NDArray[np.floating], quality: float) -> None:
        """Take in one frame.

        Args:
            shape: ``[S]`` as one frame tells it.
            quality: how much the frame is to be trusted, in [0, 1].
        """
        told = np.asarray(shape, np.float64)
        weight = max(float(quality), 1e-3)
        if self._mean is None:
            self._mean = told.copy()
        distance = float(np.sqrt(np.mean((told - self._mean) ** 2)))
        if self._count >= _SETTLED:
            weight /= 1 + (distance / max(2 * self._usual, 1e-6)) ** 2
        fraction = 1 / (self._count + 1) if self._count < _SETTLED else 1 - _FORGET
        self._usual += fraction * (distance - self._usual)
        self._weight += weight
        self._count += 1
        self._mean += weight / self._weight * (told - self._mean)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {
            "mean": self._mean,
            "weight": self._weight,
            "usual": self._usual,
            "count": self._count,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> PersonShape:
        """Return the mean whose :meth:`state` this was."""
        shape = cls()
        shape._mean, shape._weight = state["mean"], state["weight"]
        shape._usual, shape._count = state["usual"], state["count"]
        return shape
