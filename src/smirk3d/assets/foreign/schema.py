"""Rules for arrays: shape, kind of values and range, checked on headers and on values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.foreign.npy import NpyHeader
from smirk3d.assets.foreign.origin import Unfit
from smirk3d.errors import check_shape

REAL, WHOLE, NUMBER, TEXT, TRUTH = "f", "iu", "fiu", "U", "b"
"""Kinds of values, by numpy's letters."""

_NAMES = {"b": "truth values", "i": "whole numbers", "u": "whole numbers", "f": "real numbers"}
_NAMES |= {"S": "bytes", "U": "text", "O": "objects"}


_WRONG: dict[str, Callable[[NDArray[Any]], NDArray[np.bool_]]] = {
    "all": lambda array: ~np.isfinite(array),
    "no nan": np.isnan,
    "no infinity": np.isinf,
}
"""What numbers may not be, by the choices of :attr:`ArrayRule.finite`."""


@dataclass(frozen=True)
class ArrayRule:
    """A rule that an array must fit.

    Attributes:
        shape: pattern of :func:`smirk3d.errors.check_shape`, names shared by a file's arrays;
            ``...`` for any.
        kinds: numpy's letters of the types that it may have.
        optional: whether it may be absent.
        finite: ``"all"``, ``"no nan"`` where infinities mean something, or ``"no infinity"`` where
            NaN means that a number is not known.
        low: the smallest number that it may hold.
        high: the largest.
    """

    shape: str
    kinds: str = REAL
    optional: bool = False
    finite: Literal["all", "no nan", "no infinity"] = "all"
    low: float | None = None
    high: float | None = None

    def check_header(self, header: NpyHeader, name: str, sizes: dict[str, int]) -> None:
        """Refuse a header of another kind or shape; sizes of named dimensions are added.

        Raises:
            Unfit: with the reason.
            ShapeError: if the shape differs.
        """
        if header.kind not in self.kinds:
            wanted = " or ".join(dict.fromkeys(_NAMES[kind] for kind in self.kinds))
            raise Unfit(f"{name} holds {_NAMES[header.kind]}, not {wanted}")
        self.check_shape(header, name, sizes)

    def check_shape(
        self, array: NpyHeader | NDArray[Any], name: str, sizes: dict[str, int]
    ) -> None:
        """Refuse an array or header of another shape; sizes of named dimensions are added.

        Raises:
            ShapeError: if the shape differs.
        """
        known = set(self.shape.split())
        sizes |= check_shape(
            array, self.shape, name, **{k: v for k, v in sizes.items() if k in known}
        )

    def check_values(self, array: NDArray[Any], name: str) -> None:
        """Refuse values that are not finite or out of range.

        Raises:
            Unfit: with the reason.
        """
        if array.dtype.kind not in "fiu" or not array.size:
            return
        if array.dtype.kind == "f" and _WRONG[self.finite](array).any():
            raise Unfit(f"{name} has a number that is not finite")
        if self.low is not None and (least := float(array.min())) < self.low:
            raise Unfit(f"{name} has {least:g}, the least possible is {self.low:g}")
        if self.high is not None and (most := float(array.max())) > self.high:
            raise Unfit(f"{name} has {most:g}, the most possible is {self.high:g}")
