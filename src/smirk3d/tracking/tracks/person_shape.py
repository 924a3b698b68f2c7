"""The shape of a person: a robust mean over frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SETTLED = 8
"""Frames after which a distance from the mean so far marks an outlier."""
_FORGET = 0.98
"""Weight of the usual distance so far: about the last fifty frames count."""


class PersonShape:
    """The weighted mean of one person's shape coefficients, in which outliers count little.

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
            raise ValueError("no frame was added yet: add one before the mean is taken")
        return self._mean

    @property
    def num_frames(self) -> int:
        """The number of frames that were added."""
        return self._count

    def add(self, shape: NDArray[np.floating], quality: float) -> None:
        """Add one frame.

        Args:
            shape: coefficients ``[S]`` that were estimated from the frame.
            quality: how much the frame is to be trusted, in [0, 1].
        """
        estimate = np.asarray(shape, np.float64)
        weight = max(float(quality), 1e-3)
        if self._mean is None:
            self._mean = estimate.copy()
        distance = float(np.sqrt(np.mean((estimate - self._mean) ** 2)))
        if self._count >= _SETTLED:
            weight /= 1 + (distance / max(2 * self._usual, 1e-6)) ** 2
        fraction = 1 / (self._count + 1) if self._count < _SETTLED else 1 - _FORGET
        self._usual += fraction * (distance - self._usual)
        self._weight += weight
        self._count += 1
        self._mean += weight / self._weight * (estimate - self._mean)

    def joined(self, other: PersonShape) -> PersonShape:
        """Return the mean over the frames of this one and of another, by their weights."""
        both = PersonShape()
        both._count = self._count + other._count
        both._weight = self._weight + other._weight
        both._mean = (self._weight * self.mean + other._weight * other.mean) / both._weight
        both._usual = (self._count * self._usual + other._count * other._usual) / both._count
        return both

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
