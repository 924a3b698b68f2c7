"""The definition of a correct picture: one pixel after another, in double precision.

Vertices are device coordinates: x right, y down, z away from the viewer, each from -1 to 1 over the
picture. They are converted to double precision before anything else.

- A pixel (row i, column j) is evaluated at its centre, x = j + 0.5, y = i + 0.5 in pixels.
- An edge crosses the row y if ``y_upper <= y < y_lower``, at
  ``x_upper + (y - y_upper) * ((x_lower - x_upper) / (y_lower - y_upper))``. A triangle covers the
  centres with ``smaller crossing <= x < larger crossing``. This is the top-left rule; because both
  neighbours of an edge compute the same crossing, each centre on it belongs to exactly one of them.
- Depth is the triangle's plane at the centre, rounded to single precision. The nearest triangle
  wins; of equally near ones, that of the smallest index.
- Triangles with a vertex that is not finite, or of less than 0.5e-9 square pixels, are left out;
  back-facing ones too if asked. There is no clipping in depth.
"""

from __future__ import annotations

import math

import numpy as np

from smirk3d.array_interface import Array, beside, to_numpy

SMALLEST_DOUBLE_AREA = 1e-9
"""Twice the smallest area, in square pixels, of a triangle that is drawn."""

_Point = tuple[float, float, float]
_Triangle = tuple[_Point, _Point, _Point]


def rasterize_ids_reference(
    vertices_ndc: Array, faces: Array, height: int, width: int, cull_backfaces: bool = False
) -> Array:
    """Return the triangle ``[B, H, W]`` seen in each pixel, -1 where none.

    Visits every pixel of every triangle's bounding box in Python: for tests and tiny pictures.

    Args:
        vertices_ndc: ``[B, V, 3]``.
        faces: ``[F, 3]``.
        height: H.
        width: W.
        cull_backfaces: leave out triangles that run clockwise in head space, seen by the viewer.
    """
    pixels = to_numpy(vertices_ndc).astype(np.float64) + np.array([1.0, 1.0, 0.0])
    pixels = pixels * [0.5 * width, 0.5 * height, 1.0]
    images = [_one_image(v, faces.tolist(), height, width, cull_backfaces) for v in pixels.tolist()]
    ids = np.array(images, np.int64).reshape(len(images), height, width)
    return beside(ids, vertices_ndc)


def _one_image(
    points: list[_Point], faces: list[list[int]], height: int, width: int, cull: bool
) -> list[list[int]]:
    ids = [[-1] * width for _ in range(height)]
    nearest = [[math.inf] * width for _ in range(height)]
    for face, (i, j, k) in enumerate(faces):
        triangle = (points[i], points[j], points[k])
        area = _double_area(triangle)
        if not abs(area) >= SMALLEST_DOUBLE_AREA or not math.isfinite(area):
            continue
        if cull and area > 0:
            continue
        if not all(math.isfinite(value) for point in triangle for value in point):
            continue
        for row in _pixel_range([p[1] for p in triangle], height):
            for column in _pixel_range([p[0] for p in triangle], width):
                x, y = column + 0.5, row + 0.5
                if not _covers(triangle, x, y):
                    continue
                depth = float(np.float32(_plane_depth(triangle, x, y)))
                if depth < nearest[row][column]:
                    nearest[row][column] = depth
                    ids[row][column] = face
    return ids


def _pixel_range(values: list[float], size: int) -> range:
    """Return the pixels whose centres may lie within the values."""
    first = max(0.0, math.floor(min(values)) - 1.0)
    last = min(float(size), math.ceil(max(values)) + 1.0)
    return range(int(min(first, size)), int(max(last, 0)))


def _double_area(triangle: _Triangle) -> float:
    (ax, ay, _), (bx, by, _), (cx, cy, _) = triangle
    return (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)


def _covers(triangle: _Triangle, x: float, y: float) -> bool:
    a, b, c = triangle
    crossings = []
    for p, q in ((a, b), (b, c), (c, a)):
        upper, lower = (p, q) if p[1] < q[1] else (q, p)
        if upper[1] <= y < lower[1]:
            slope = (lower[0] - upper[0]) / (lower[1] - upper[1])
            crossings.append(upper[0] + (y - upper[1]) * slope)
    return bool(crossings) and min(crossings) <= x < max(crossings)


def _plane_depth(triangle: _Triangle, x: float, y: float) -> float:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = sorted(triangle, key=lambda point: point[1])
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    along_x = ((bz - az) * (cy - ay) - (cz - az) * (by - ay)) / area
    along_y = ((bx - ax) * (cz - az) - (cx - ax) * (bz - az)) / area
    return az + (x - ax) * along_x + (y - ay) * along_y
