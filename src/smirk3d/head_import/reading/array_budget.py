"""How much a pickle may build, counted in bytes before anything is allocated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_TOTAL = 384 << 20
"""Bytes of all that one pickle builds, arrays counted as float64. FLAME's model has 53 MB."""
LARGEST_PICKLE = 256 << 20
"""Bytes of the pickle itself."""

_NUMBER_BYTES = 8
"""Arrays are converted to float64 or int64 by those who ask for them."""
_ENTRY_BYTES = 120
"""Of a list's or dictionary's entry."""
_PLAIN = "fiub"


class Refused(ValueError):
    """A pickle that asks for something else than arrays, or for too much."""


class ByteBudget:
    """Counts what is built, and refuses before it is too much."""

    def __init__(self, largest: int = LARGEST_TOTAL) -> None:
        """Begin with nothing built."""
        self._largest = self._left = largest

    def charge(self, count: int) -> None:
        """Take bytes off the budget.

        Raises:
            Refused: if it is spent.
        """
        self._left -= count
        if self._left < 0:
            raise Refused(f"it would build more than {self._largest >> 20} MiB")

    def charge_array(self, shape: tuple[int, ...], item: int = _NUMBER_BYTES) -> None:
        """Take an array of values of so many bytes off the budget.

        Raises:
            Refused: if it is spent.
        """
        self.charge(math.prod(shape) * max(item, _NUMBER_BYTES))

    def charge_values(self, values: tuple[Any, ...]) -> None:
        """Take copies of values off the budget, as a function makes them of its arguments.

        Raises:
            Refused: if it is spent.
        """
        for value in values:
            if isinstance(value, str | bytes):
                self.charge(len(value))
            elif isinstance(value, list | tuple | dict):
                self.charge(_ENTRY_BYTES * len(value))


def plain_array(value: Any, budget: ByteBudget) -> NDArray[Any]:
    """Return numbers, arrays of numbers, or nested lists of both as an array.

    Raises:
        Refused: if it holds anything else, is ragged, or exceeds the budget.
    """
    if isinstance(value, np.ndarray):
        array = value
    else:
        budget.charge(_NUMBER_BYTES * _count(value))
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError) as error:
            raise Refused("it has lists of different lengths where an array should be") from error
    if array.dtype.kind not in _PLAIN:
        raise Refused("it has something else than numbers where an array should be")
    return array


def _count(value: Any) -> int:
    """Return how many numbers nested lists hold; what is listed twice counts twice."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _PLAIN:
            raise Refused("it has a list of something else than numbers")
        return value.size
    if isinstance(value, list | tuple):
        return sum(_count(item) for item in value)
    if isinstance(value, bool | int | float | np.generic):
        return 1
    raise Refused("it has something else than numbers where an array should be")
