"""Detects cuts between scenes on a coarse grid of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS, _COLUMNS = 36, 64
"""Size of the grid, in the shape of common videos: coarse, so that small motion does not count."""
_LIKENESS = 0.6
"""Correlation of brightness between frames up to which they can be different scenes."""
_PIXEL_CHANGE = 0.08
"""Mean change of the grid's pixels, of 1, at a cut."""
_SUDDENNESS = 3.0
"""How many times the usual change between frames a cut is. A frame that comes late, as a busy
machine sees a camera's, may differ as many times more as it is later than usual."""
_MEMORY = 0.8
"""Weight of the usual change and of the usual time so far: about the last five frames count."""


class SceneCuts:
    """Compares each frame with the one before; a pan or a flash is no cut."""

    def __init__(self) -> None:
        self._grid: NDArray[np.float32] | None = None
        self._size: tuple[int, int] = (0, 0)
        self._seconds = self._gap = self._usual = 0.0
        self._count = 0

    def is_cut(self, image: NDArray[np.uint8], seconds: float) -> bool:
        """Return whether a frame uint8 ``[H, W, 3]``, shown at a time, begins another scene."""
        height, width = image.shape[:2]
        rows = (np.arange(_ROWS) + 0.5) * height / _ROWS
        columns = (np.arange(_COLUMNS) + 0.5) * width / _COLUMNS
        grid = image[rows.astype(int)[:, None], columns.astype(int)].astype(np.float32) / 255
        before, size, gap = self._grid, self._size, seconds - self._seconds
        self._grid, self._size, self._seconds = grid, (height, width), seconds
        if before is None:
            return False
        late = gap / self._gap if self._gap > 0 else 1.0
        pixels = float(np.abs(grid - before).mean())
        sudden = pixels > _SUDDENNESS * self._usual * max(late, 1.0)
        cut = sudden and pixels > _PIXEL_CHANGE and _likeness(grid, before) < _LIKENESS
        cut = cut or size != (height, width)
        if not cut:
            self._count += 1
            newest = max(1 - _MEMORY, 1 / self._count)
            self._usual += newest * (pixels - self._usual)
            self._gap += newest * (gap - self._gap)
        return cut

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {
            "grid": self._grid,
            "size": list(self._size),
            "seconds": self._seconds,
            "gap": self._gap,
            "usual": self._usual,
            "count": self._count,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._grid, self._usual = state["grid"], state["usual"]
        self._seconds, self._gap = state["seconds"], state["gap"]
        self._count = state["count"]
        self._size = (state["size"][0], state["size"][1])


def _likeness(grid: NDArray[np.float32], before: NDArray[np.float32]) -> float:
    """Return the correlation of two grids' brightness; 1 where either is flat."""
    now, then = (g.mean(2).ravel() - g.mean() for g in (grid, before))
    lengths = float(np.linalg.norm(now) * np.linalg.norm(then))
    return float(now @ then) / lengths if lengths > 1e-6 else 1.0
