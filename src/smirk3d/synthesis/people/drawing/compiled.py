"""Compilation of the hot loops, with the extra ``fast``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from smirk3d.assets.optional import require
from smirk3d.errors import MissingExtra


def require_numba() -> ModuleType:
    """Return numba, without which nobody can be drawn.

    Raises:
        MissingExtra: if it is not installed.
    """
    return require("numba", extra="fast")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function compiled when it is first called, kept on disk where that can be written.

    What a compiled function calls must be in its own module: the cache notices changes of that
    file alone. Without numba the function that is returned raises ``MissingExtra``.
    """
    try:
        numba = require_numba()
    except MissingExtra:
        return _refusing(function)
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "arcp", "nsz", "reassoc"}}
    try:
        made: Callable[..., Any] = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        made = numba.njit(**options)(function)
    return made


def _refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def refuse(*_: Any, **__: Any) -> Any:
        return require_numba()

    return refuse
