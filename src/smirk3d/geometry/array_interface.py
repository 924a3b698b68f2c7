"""Formulas written once for NumPy arrays and torch tensors, by the array API standard."""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeVar

import array_api_compat
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.errors import UsageError

ArrayT = TypeVar("ArrayT", Tensor, NDArray[Any])
"""A NumPy array or a torch tensor; what goes in comes out."""


def array_namespace(*arrays: Tensor | NDArray[Any]) -> ModuleType:
    """Return the namespace that computes with arrays: NumPy's or torch's.

    Its functions have the names and arguments of the array API standard (2024.12).

    Raises:
        UsageError: if the arrays are of different libraries, or of none.
    """
    try:
        namespace: ModuleType = array_api_compat.array_namespace(*arrays)
    except TypeError as error:
        kinds = ", ".join(type(array).__name__ for array in arrays)
        text = f"expected NumPy arrays alone or torch tensors alone, got {kinds}"
        raise UsageError(text) from error
    return namespace


def constant(values: list[float] | list[list[float]], like: ArrayT) -> ArrayT:
    """Return numbers as an array of the library, precision and device of another one."""
    xp = array_namespace(like)
    array: ArrayT = xp.asarray(values, dtype=like.dtype, device=array_api_compat.device(like))
    return array


def require_finite(array: Tensor | NDArray[Any], name: str) -> None:
    """Refuse an array of integers, or with numbers that are not finite.

    Raises:
        UsageError: if a number is infinite or not a number; the text names the first row.
    """
    require_floating(array, name)
    xp = array_namespace(array)
    finite = xp.isfinite(array)
    if bool(xp.all(finite)):
        return
    row = int(xp.nonzero(~finite)[0][0])
    raise UsageError(f"{name} must be finite numbers, but row {row} is not: leave that face out")


def require_floating(array: Tensor | NDArray[Any], name: str) -> None:
    """Refuse an array of integers or truth values, which formulas would silently round.

    Raises:
        UsageError: if the array does not hold real floating-point numbers; the text names it.
    """
    xp = array_namespace(array)
    if not xp.isdtype(array.dtype, "real floating"):
        raise UsageError(
            f"{name} must hold floating-point numbers, got {array.dtype}: convert it first"
        )
