"""Compilation of hot loops, kept on disk until a file changes that they are made of."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from smirk3d.assets.optional import require


def compiled(function: Callable[..., Any], *, fastmath: Collection[str] = ()) -> Callable[..., Any]:
    """Return a function compiled when it is first called, kept on disk where that can be written.

    The function may use functions and constants of modules in its own folder, and no others: what
    is on disk is made anew when any module of that folder has changed. numba alone would notice
    changes of the function's own module only.

    Args:
        function: a loop over arrays that numba understands; it runs without Python's lock.
        fastmath: LLVM's flags for liberties with floating-point arithmetic; none by default.

    Raises:
        MissingExtra: if numba is not installed.
    """
    numba = require("numba", extra="train")
    options: dict[str, Any] = {"nogil": True, "fastmath": set(fastmath) or False}
    if numba.config.DISABLE_JIT:
        return function
    try:
        made: Callable[..., Any] = numba.njit(cache=True, **options)(function)
        # numba compares this with what is stored, and has no public way to set it
        made._cache._cache_file._source_stamp = _digest(  # type: ignore[attr-defined]
            Path(inspect.getfile(function)).parent
        )
    except (RuntimeError, AttributeError):
        # neither the package's folder nor the user's cache can be written, or numba has changed
        made = numba.njit(**options)(function)
    return made


@functools.cache
def _digest(folder: Path) -> str:
    """Return a hash of all modules in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
