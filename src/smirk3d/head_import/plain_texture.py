"""Texture coordinates for a head that has none: a cylinder for the skin, squares for the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.mesh_parts import Floats, Ints

_STRIP = 0.12
"""Height of the strip below the skin, in which inner parts lie side by side; a layout, not a
measure. Parts up to number 7 fit beside each other, and no head without texture has later ones."""


def plain_texture(
    vertices: Floats, faces: Ints, part: NDArray[np.uint8]
) -> dict[str, NDArray[Any]]:
    """Return ``uv`` ``[T, 2]`` and ``uv_faces`` ``[F, 3]`` of a head file.

    The skin is unrolled around the vertical axis and cut at the back; each other part lies in a
    square of its own below, seen from the front.

    Args:
        vertices: template ``[V, 3]`` in metres, head axes.
        faces: ``[F, 3]``.
        part: ``[V]``.
    """
    skin = part == 0
    middle = (vertices[skin].max(0) + vertices[skin].min(0)) / 2
    x, y, z = (vertices - middle).T
    round_about = np.arctan2(x, z) / (2 * math.pi) + 0.5
    up = (y - y[skin].min()) / max(float(np.ptp(y[skin])), 1e-9)
    uv = np.stack([round_about, _STRIP + (1 - _STRIP) * up], 1)
    for label in np.unique(part[~skin]):
        rows = part == label
        low, size = vertices[rows, :2].min(0), np.ptp(vertices[rows, :2], axis=0).max()
        flat = (vertices[rows, :2] - low) / max(float(size), 1e-9)
        uv[rows] = flat * (_STRIP - 0.01) + [label * _STRIP, 0.0]
    # a triangle over the cut takes its corners from beyond the right edge
    over = skin[faces].all(1) & (np.ptp(uv[faces, 0], axis=1) > 0.5)
    far = faces[over][uv[faces[over], 0] < 0.5]
    copied, number = np.unique(far, return_inverse=True)
    uv_faces = faces.copy()
    corners = uv_faces[over]
    corners[uv[corners, 0] < 0.5] = len(uv) + number
    uv_faces[over] = corners
    uv = np.concatenate([uv, uv[copied] + [1.0, 0.0]])
    uv[:, 0] /= max(1.0, float(uv[:, 0].max()))
    return {"uv": uv.astype(np.float32), "uv_faces": uv_faces.astype(np.int32)}
