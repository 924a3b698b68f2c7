"""How the loops of this folder are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smirk3d.rasterization import compilation

_FASTMATH = ("contract", "arcp", "nsz", "reassoc")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function compiled so that sums may be reordered; NaN and infinity keep their sense.

    It may use functions and constants of this folder alone; see
    :func:`smirk3d.rasterization.compilation.compiled`.
    """
    return compilation.compiled(function, fastmath=_FASTMATH)
