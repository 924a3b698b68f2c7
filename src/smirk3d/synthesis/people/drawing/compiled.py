"""Compilation of the hot loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function compiled when it is first called, kept on disk where that can be written.

    What a compiled function calls must be in its own module: the cache notices changes of that
    file alone.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "arcp", "nsz", "reassoc"}}
    try:
        made: Callable[..., Any] = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        made = numba.njit(**options)(function)
    return made
