"""Brows: where they grow on a head, and those that need no assets."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.geometry.closest_points import closest_points
from smirk3d.heads.spec import PARTS
from smirk3d.rendering.complexion import BrowShape
from smirk3d.rendering.hair_pictures import brow_alpha
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.kernels import records
from smirk3d.synthesis.people.parts.assets import HairAsset

Array = NDArray[np.float32]

OWN_BROWS: tuple[BrowShape, ...] = ("natural", "thin", "thick", "straight", "sparse")
"""Brows drawn hair by hair, which need no assets."""

_UPPER, _LOWER = (336, 296, 334, 293, 300), (285, 295, 282, 283, 276)
"""MediaPipe's landmarks on the left brow, from its inner end outwards."""
_COLUMNS, _ROWS = 17, 5
"""Points of a brow's card along and across, chosen by eye."""
_HALF_HEIGHT = 0.0062
"""Half the height of a card in metres, chosen by eye."""
_LIFT = 0.0006
"""Metres of a card over the skin, chosen by eye."""
_MEAN_LIGHTNESS = 96
"""As ``HairAsset.texture`` has it."""


def middle_line(surface: HeadSurface) -> Array:
    """Return the middle line of the left brow on the template ``[5, 3]``, inner end first.

    That of the head's own strips of brows, or MediaPipe's landmarks on a head without.
    """
    strips = surface.template[(surface.part == PARTS.index("brows")) & (surface.template[:, 0] > 0)]
    if len(strips):
        ends = np.linspace(strips[:, 0].min(), strips[:, 0].max(), 6)
        columns = [(strips[:, 0] >= a) & (strips[:, 0] <= b) for a, b in pairwise(ends)]
        return np.stack([strips[column].mean(0) for column in columns])
    return landmark_line(surface)


def landmark_line(surface: HeadSurface) -> Array:
    """Return the line between MediaPipe's landmarks of the left brow's rims ``[5, 3]``."""
    head = surface.head
    points = head.landmarks(head.v_template[None])[0].numpy()
    row = {int(number): place for place, number in enumerate(head.landmark_ids.tolist())}
    upper, lower = (points[[row[number] for number in ids]] for ids in (_UPPER, _LOWER))
    line: Array = ((upper + lower) / 2).astype(np.float32)
    return line


def own_brows(surface: HeadSurface, shape: BrowShape) -> HairAsset:
    """Return brows of a shape on the skin of a head."""
    line = middle_line(surface)
    # hairs reach beyond the landmarks at both ends
    along = np.linspace(-0.08, 1.12, _COLUMNS)
    knots = np.linspace(0, 1, len(line))
    slope = (line[-1] - line[-2]) / (knots[-1] - knots[-2])
    start = (line[1] - line[0]) / (knots[1] - knots[0])
    path = np.stack([np.interp(along, knots, line[:, axis]) for axis in range(3)], 1)
    path += np.minimum(along, 0)[:, None] * start + np.maximum(along - 1, 0)[:, None] * slope
    across = np.linspace(-1, 1, _ROWS)[:, None, None] * [0, _HALF_HEIGHT, 0]
    left = (path[None] + across).reshape(-1, 3)
    points = np.concatenate([left, left * [-1, 1, 1]])
    u, v = np.meshgrid(np.linspace(0, 1, _COLUMNS), np.linspace(1, 0, _ROWS))
    i, j = np.meshgrid(np.arange(_ROWS - 1), np.arange(_COLUMNS - 1), indexing="ij")
    a = (i * _COLUMNS + j).ravel()
    faces = np.concatenate(
        [
            np.stack([a, a + 1, a + _COLUMNS], 1),
            np.stack([a + 1, a + _COLUMNS + 1, a + _COLUMNS], 1),
        ]
    )
    alpha = brow_alpha(shape) * 255
    texture = np.stack([np.full_like(alpha, _MEAN_LIGHTNESS), alpha], -1).astype(np.uint8)
    uv = np.tile(np.stack([u.ravel(), v.ravel()], 1), (2, 1)).astype(np.float32)
    faces = np.concatenate([faces, faces + len(left)]).astype(np.int32)
    return hung(surface, points.astype(np.float32), faces, uv, np.ascontiguousarray(texture))


def hung(
    surface: HeadSurface, points: Array, faces: NDArray[np.int32], uv: Array,
    texture: NDArray[np.uint8],
) -> HairAsset:  # fmt: skip
    """Return brows whose points ``[N, 3]`` lie just over the skin of the template."""
    chosen = surface.faces[surface.material == records.SKIN]
    found = closest_points(
        torch.from_numpy(points), torch.from_numpy(surface.template),
        torch.from_numpy(chosen.astype(np.int64)),
    )  # fmt: skip
    corners, bary = chosen[found.face_index.numpy()], found.barycentric.numpy()
    outward = np.einsum("nkc,nk->nc", surface.normals[corners], bary)
    return HairAsset(
        corners=corners.astype(np.int32),
        bary=bary.astype(np.float32),
        offset=(outward * _LIFT).astype(np.float32),
        faces=faces,
        uv=uv,
        texture=texture,
        shade=np.full(len(points), 0.7, np.float32),
    )


def moved_to_brow(surface: HeadSurface, brows: HairAsset) -> HairAsset:
    """Return brows of other assets moved up or down to where the head's landmarks have them."""
    points = brows.points(surface.template)
    rows, columns = brows.texture.shape[:2]
    place = brows.uv.clip(0, 0.999) * [columns, rows]
    alpha = brows.texture[place[:, 1].astype(int), place[:, 0].astype(int), 1].astype(np.float64)
    alpha += 1
    line = landmark_line(surface)
    wanted = np.interp(np.abs(points[:, 0]), line[:, 0], line[:, 1])
    points[:, 1] += float(((wanted - points[:, 1]) * alpha).sum() / alpha.sum())
    # out of the skull, so that the closest skin is that before them
    points[:, 2] += 0.004
    return hung(surface, points, brows.faces, brows.uv, brows.texture)
