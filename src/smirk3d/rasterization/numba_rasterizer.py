"""Rasterisation on the CPU with compiled loops, where numba is installed.

Same rules and the same arithmetic as :mod:`~smirk3d.rasterization.reference`. Pictures of a batch
are distributed over as many threads as torch may use; the loops hold no Python lock.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, beside, to_numpy
from smirk3d.library_choice import is_installed
from smirk3d.rasterization.compilation import compiled
from smirk3d.rasterization.reference import SMALLEST_DOUBLE_AREA
from smirk3d.rasterization.threads import in_threads

_Kernel = Callable[..., None]

_LOADING = threading.Lock()
"""Held while the loops are loaded, so that whoever needs them meanwhile waits."""


def rasterize_ids_numba(
    vertices_ndc: Array, faces: Array, height: int, width: int, cull_backfaces: bool = False
) -> Array:
    """Return the triangle ``[B, H, W]`` seen in each pixel, -1 where none.

    Args:
        vertices_ndc: ``[B, V, 3]`` on the CPU, x right, y down, z away from the viewer.
        faces: ``[F, 3]``.
        height: H.
        width: W.
        cull_backfaces: leave out triangles that face away from the viewer.
    """
    return _drawn(vertices_ndc, faces, height, width, cull_backfaces)[0]


def nearest_depth_numba(vertices_ndc: Array, faces: Array, height: int, width: int) -> Array:
    """Return device z ``[B, H, W]`` of the nearest surface, in single precision.

    It is infinite where there is none. Arguments are those of :func:`rasterize_ids_numba`.
    """
    return _drawn(vertices_ndc, faces, height, width, False)[1]


def _drawn(
    vertices_ndc: Array, faces: Array, height: int, width: int, cull_backfaces: bool
) -> tuple[Array, Array]:
    """Return the triangles and the depths ``[B, H, W]`` that are seen."""
    kernel = _kernel()
    points = np.ascontiguousarray(to_numpy(vertices_ndc), np.float64)
    triangles = np.ascontiguousarray(to_numpy(faces), np.int64)
    batch = points.shape[0]
    ids = np.empty((batch, height, width), np.int64)
    depths = np.empty((batch, height, width), np.float32)

    def draw(index: int) -> None:
        kernel(points[index], triangles, cull_backfaces, ids[index], depths[index])

    in_threads(draw, range(batch))
    return beside(ids, vertices_ndc), beside(depths, vertices_ndc)


def numba_is_installed() -> bool:
    """Return whether numba can be imported, without importing it."""
    return is_installed("numba")


def load_in_background() -> None:
    """Begin to load the compiled loops in a thread, for a process that will draw soon.

    That takes half a second, in which other libraries look for faces. Without numba there is
    nothing to load. A process that ends before waits for it: one that Python leaves in the middle
    of native code aborts.
    """
    if numba_is_installed():
        threading.Thread(target=_load).start()


def _load() -> None:
    kernel = _kernel()
    nothing = np.empty((0, 3)), np.empty((0, 3), np.int64)
    with _LOADING:
        kernel(*nothing, False, np.empty((1, 1), np.int64), np.empty((1, 1), np.float32))


def _kernel() -> _Kernel:
    with _LOADING:
        return _loaded_kernel()


@functools.cache
def _loaded_kernel() -> _Kernel:
    return compiled(_draw_mesh)


def _draw_mesh(
    points: NDArray[np.float64],
    faces: NDArray[np.int64],
    cull: bool,
    ids: NDArray[np.int64],
    nearest: NDArray[np.float32],
) -> None:
    """Write the triangle seen in each pixel of one picture ``[H, W]``, -1 where none, and its z."""
    height, width = ids.shape
    ids[:] = -1
    nearest[:] = np.inf
    for face in range(faces.shape[0]):
        p, q, r = points[faces[face, 0]], points[faces[face, 1]], points[faces[face, 2]]
        px, py, pz = (p[0] + 1.0) * (0.5 * width), (p[1] + 1.0) * (0.5 * height), p[2]
        qx, qy, qz = (q[0] + 1.0) * (0.5 * width), (q[1] + 1.0) * (0.5 * height), q[2]
        rx, ry, rz = (r[0] + 1.0) * (0.5 * width), (r[1] + 1.0) * (0.5 * height), r[2]
        area = (qx - px) * (ry - py) - (rx - px) * (qy - py)
        if not (abs(area) >= SMALLEST_DOUBLE_AREA and np.isfinite(area + pz + qz + rz)):
            continue
        if cull and area > 0:
            continue
        if py > qy:
            px, py, pz, qx, qy, qz = qx, qy, qz, px, py, pz
        if qy > ry:
            qx, qy, qz, rx, ry, rz = rx, ry, rz, qx, qy, qz
            if py > qy:
                px, py, pz, qx, qy, qz = qx, qy, qz, px, py, pz
        first_row = int(min(max(np.ceil(py - 0.5), 0.0), height))
        last_row = int(min(max(np.ceil(ry - 0.5), 0.0), height))
        if first_row >= last_row:
            continue
        area = (qx - px) * (ry - py) - (rx - px) * (qy - py)
        along_x = ((qz - pz) * (ry - py) - (rz - pz) * (qy - py)) / area
        along_y = ((qx - px) * (rz - pz) - (rx - px) * (qz - pz)) / area
        long_slope = (rx - px) / (ry - py)
        upper_slope = (qx - px) / (qy - py) if qy > py else 0.0
        lower_slope = (rx - qx) / (ry - qy) if ry > qy else 0.0
        for row in range(first_row, last_row):
            y = row + 0.5
            one = px + (y - py) * long_slope
            two = px + (y - py) * upper_slope if y < qy else qx + (y - qy) * lower_slope
            first = int(min(max(np.ceil(min(one, two) - 0.5), 0.0), width))
            last = int(min(max(np.ceil(max(one, two) - 0.5), 0.0), width))
            start = pz + (first + 0.5 - px) * along_x + (y - py) * along_y
            for column in range(first, last):
                depth = np.float32(start + along_x * (column - first))
                if depth < nearest[row, column]:
                    nearest[row, column] = depth
                    ids[row, column] = face
