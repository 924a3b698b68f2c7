"""Pictures drawn side by side: NumPy's operations and compiled loops hold no Python lock."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_threads(draw: Callable[[T], None], parts: Iterable[T]) -> None:
    """Draw parts of some pictures, in as many threads as torch may use, or as there are cores.

    Args:
        draw: draws a part; parts do not depend on each other.
        parts: what ``draw`` takes.
    """
    parts = list(parts)
    loaded = sys.modules.get("torch")
    available = int(loaded.get_num_threads()) if loaded is not None else os.cpu_count() or 1
    threads = min(available, len(parts))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(draw, parts))
    else:
        for part in parts:
            draw(part)
