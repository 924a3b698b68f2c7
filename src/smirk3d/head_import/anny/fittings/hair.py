"""Strips that carry a picture of hairs: brows on the skin, lashes on the eyelids' margins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.fittings.patch import Patch, grid_faces, mirrored, patch
from smirk3d.head_import.anny.repairs.face_points import EYELID_MARGIN, upper_half
from smirk3d.head_import.anny.repairs.skin_fields import Field, vertex_normals
from smirk3d.head_import.anny.surface import HeadSurface

# the middle line of the left brow, from its inner end outwards: x from the middle plane and y over
# the eye, in metres
_BROW_X = (0.0095, 0.018, 0.028, 0.038, 0.046, 0.053, 0.0585)
"""Set by eye, as all of a brow, on the sheets of ``scripts/open_head_sheets.py``."""
_BROW_Y = (0.0164, 0.0175, 0.0188, 0.0200, 0.0199, 0.0178, 0.0145)
"""Metres over the eye's centre, of the same points."""
_BROW_HALF_HEIGHT = (0.0056, 0.0060, 0.0059, 0.0056, 0.0050, 0.0044, 0.0036)
"""Metres, half the strip's height there."""
_BROW_COLUMNS, _BROW_ROWS = 15, 3
"""Vertices of a brow's strip along and across: set by eye, so that it follows the ridge."""
_BROW_LIFT = 0.0010
"""Metres of the strip over the skin; set by eye."""

_UPPER_LASH, _LOWER_LASH = 0.0075, 0.0038
"""Metres (Na et al. 2006: 8 to 9 mm above, 6 to 8 mm below; the lower ones are finer)."""
_CORNER_LASHES = 2
"""Vertices of a margin beside each corner that carry none."""


def brows(template: Field, eye: Field, surface: HeadSurface) -> Patch:
    """Return both brows of a template ``[V, 3]`` whose left eye has its centre at ``eye``."""
    along = np.linspace(0, 1, _BROW_COLUMNS)
    knots = np.linspace(0, 1, len(_BROW_X))
    x, y, half = (np.interp(along, knots, c) for c in (_BROW_X, _BROW_Y, _BROW_HALF_HEIGHT))
    across = np.linspace(-1, 1, _BROW_ROWS)
    flat = np.stack([np.tile(x, _BROW_ROWS), (eye[1] + y + across[:, None] * half).ravel()], 1)
    triangles = surface.faces[surface.mask("skin")[surface.faces].all(1)]
    corners, weights = _on_front(flat, template, triangles)
    normals = (vertex_normals(template, surface.faces)[corners] * weights[..., None]).sum(1)
    points = (template[corners] * weights[..., None]).sum(1) + _BROW_LIFT * normals
    uv = np.stack(np.meshgrid(along, (across + 1) / 2), -1).reshape(-1, 2)
    half_patch = patch("brows", points, grid_faces(_BROW_ROWS, _BROW_COLUMNS), uv, corners, weights)
    return mirrored(half_patch, surface.mirror)


def lashes(template: Field, eye: Field, surface: HeadSurface) -> list[Patch]:
    """Return upper and lower lashes of both eyes; they turn with the eyelids about the eyes."""
    margin = surface.eye_loops[EYELID_MARGIN]
    upper = upper_half(template, margin)
    ends = [upper[0], upper[-1]]
    lower = np.concatenate([ends[:1], np.setdiff1d(margin, upper), ends[1:]])
    rows = []
    for ids, length, fraction in ((upper, _UPPER_LASH, 1.0), (lower, _LOWER_LASH, -1.0)):
        along = ids[np.argsort(template[ids, 0])][_CORNER_LASHES:-_CORNER_LASHES]
        rows.append(mirrored(_lash_strip(template, eye, along, length, fraction), surface.mirror))
    return rows


def _lash_strip(
    template: Field, eye: Field, ids: NDArray[np.int64], length: float, side: float
) -> Patch:
    base = template[ids]
    arm = base - eye
    out = arm / np.linalg.norm(arm, axis=1, keepdims=True)
    along = np.linspace(-1, 1, len(ids))
    long = length * (0.72 + 0.28 * np.sqrt((1 - (0.8 * along - 0.2) ** 2).clip(0)))[:, None]
    fan = np.stack([0.30 * along, np.zeros(len(ids)), np.zeros(len(ids))], 1)
    up = np.array([0.0, side, 0.0])
    middle = long * (0.55 * out - 0.02 * up + 0.4 * fan)
    tip = long * (0.90 * out + 0.34 * up + fan) * (1.0 if side > 0 else 0.95)
    steps = np.concatenate([np.zeros_like(middle), middle, tip])
    uv = np.stack(np.meshgrid(np.linspace(0, 1, len(ids)), np.array([0.0, 0.5, 1.0])), -1).reshape(
        -1, 2
    )
    faces = grid_faces(3, len(ids))
    strip = patch(
        "lashes", np.tile(base, (3, 1)) + steps, faces if side > 0 else faces[:, ::-1], uv,
        np.tile(ids, 3)[:, None], np.ones((3 * len(ids), 1)),
    )  # fmt: skip
    return replace(strip, lever=_levers(np.tile(arm, (3, 1)), steps))


def _levers(arms: Field, steps: Field) -> Field:
    """Return matrices ``[N, 3, 3]`` that carry turns of an arm about an eye on to its end.

    An offset ``d`` of a point at the arm ``r`` turns it by ``r x d / r^2``; what stands a step
    ``t`` off moves by the cross product of that turn with ``t`` more.
    """
    square = (arms**2).sum(1)[:, None, None]
    ahead = (arms * steps).sum(1)[:, None, None] * np.eye(3)
    levers: Field = (ahead - arms[:, :, None] * steps[:, None, :]) / square
    return levers


def _on_front(
    flat: Field, template: Field, triangles: NDArray[np.int32]
) -> tuple[NDArray[np.int64], Field]:
    """Return corners ``[N, 3]`` and weights of the foremost skin at places ``[N, 2]`` (x, y)."""
    a, b, c = (template[triangles[:, corner]] for corner in range(3))
    area = _cross(b - a, c - a)
    front = area > 1e-12
    triangles, area = triangles[front], area[front]
    a, b, c = a[front], b[front], c[front]
    found = np.empty((len(flat), 3), np.int64)
    weights = np.empty((len(flat), 3))
    for number, place in enumerate(flat):
        to = np.append(place, 0.0)
        second, third = _cross(to - a, c - a) / area, _cross(b - a, to - a) / area
        fractions = np.stack([1 - second - third, second, third], 1)
        inside = np.flatnonzero((fractions > -1e-9).all(1))
        height = (fractions[inside] * np.stack([a, b, c], 1)[inside, :, 2]).sum(1)
        best = inside[int(height.argmax())]
        found[number], weights[number] = triangles[best], fractions[best]
    return found, weights


def _cross(first: Field, second: Field) -> Field:
    cross: Field = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return cross
