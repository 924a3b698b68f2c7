"""The nearest triangle that each pixel sees."""

from __future__ import annotations

import numpy as np

from smirk3d.synthesis.people.drawing.kernels.compiling import compiled
from smirk3d.synthesis.people.drawing.kernels.records import F32, I32

Placed = tuple[tuple[int, int, int], tuple[float, ...], float, tuple[int, int, int, int]]
"""Corners of a triangle; the first one's x and y and the others' relative to it; twice its area;
the first and one past the last row and column of pixels that it may cover."""


@compiled
def _limits(a: float, b: float, c: float, size: int) -> tuple[int, int]:
    """Return the first and one past the last pixel centre between three coordinates."""
    low, high = min(a, b, c), max(a, b, c)
    return max(int(np.ceil(low - 0.5)), 0), min(int(np.floor(high - 0.5)) + 1, size)


@compiled
def placed(points: F32, faces: I32, f: int, height: int, width: int) -> Placed:
    """Return where a triangle is on a screen."""
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    ax, ay = points[a, 0], points[a, 1]
    bx, by = points[b, 0], points[b, 1]
    cx, cy = points[c, 0], points[c, 1]
    y0, y1 = _limits(ay, by, cy, height)
    x0, x1 = _limits(ax, bx, cx, width)
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    sides = (ax, ay, bx - ax, by - ay, cx - ax, cy - ay)
    return (a, b, c), sides, area, (y0, y1, x0, x1)


@compiled
def draw_ids(points: F32, faces: I32, ids: I32, nearest: F32) -> None:
    """Write the triangle that each pixel sees, and its q, into ``[H, W]`` of -1 and of 0.

    Without ids, ``[0, 0]``, the map is raised to the q of the nearest triangle, of either sign.
    """
    named = ids.shape[0] > 0
    height, width = nearest.shape
    for f in range(faces.shape[0]):
        (a, b, c), sides, area, (y0, y1, x0, x1) = placed(points, faces, f, height, width)
        aq, bq, cq = points[a, 2], points[b, 2], points[c, 2]
        if not abs(area) > 1e-9 or (named and min(aq, bq, cq) <= 0):
            continue
        ax, ay, bx, by, cx, cy = sides
        inverse = 1 / area
        bdx, bdy = cy * inverse, -cx * inverse
        cdx, cdy = -by * inverse, bx * inverse
        for row in range(y0, y1):
            y = row + 0.5 - ay
            for column in range(x0, x1):
                x = column + 0.5 - ax
                wb = x * bdx + y * bdy
                wc = x * cdx + y * cdy
                if wb >= 0 and wc >= 0 and wb + wc <= 1:
                    q = aq + wb * (bq - aq) + wc * (cq - aq)
                    if q > nearest[row, column]:
                        nearest[row, column] = q
                        if named:
                            ids[row, column] = f


@compiled
def depth_map(points: F32, faces: I32, nearest: F32) -> None:
    """Raise a map ``[H, W]`` to the q of the nearest triangle."""
    draw_ids(points, faces, np.empty((0, 0), np.int32), nearest)
