"""Two rows of single teeth with gums, laid along dental arches before the tongue.

Sizes are the mean crowns of adults (Wheeler's Dental Anatomy, tables of chapter 1), in metres; the
upper ones are up to 2.7 mm longer, so that a smile, which raises this head's lips by 4 mm before it
parts them, shows crowns and hardly gums. Their edges stand a millimetre below the upper lip's
border at rest, those of the lower ones below the lower lip's while the mouth is hardly open. The
sources' teeth, two walls, give the place of the jaws and their motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.fittings.patch import (
    Indices,
    Patch,
    grid_faces,
    patch,
    with_other_side,
)
from smirk3d.head_import.anny.repairs.skin_fields import Field

_MM = 0.001
"""Metres in a millimetre."""


@dataclass(frozen=True)
class _Arch:
    """One row of teeth, its left half from the middle backwards, in millimetres.

    Attributes:
        down: -1 where crowns point down, 1 where up.
        half_width, depth: of the ellipse along which the outer faces stand.
        front: of the outer faces, behind the front of the sources' teeth.
        edges: height of each biting edge over the lip line.
        heights, widths, thicknesses: of the crowns.
        edge_fraction: of width and of thickness that a crown keeps at its edge.
        gum: profile of the gum from its outer margin over the ridge to the inner one: outwards, and
            away from the edges.
        scallop: vertices by which the gum's margin goes around the neck of a crown, even.
    """

    down: float
    half_width: float
    depth: float
    front: float
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    widths: tuple[float, ...]
    thicknesses: tuple[float, ...]
    edge_fraction: tuple[tuple[float, float], ...]
    gum: tuple[tuple[float, float], ...]
    scallop: int


_UPPER = _Arch(
    down=-1.0,
    half_width=29.5,
    depth=47.0,
    front=3.2,
    edges=(-0.9, -0.4, -0.4, 0.3, 0.8, 1.2),
    heights=(10.9, 9.9, 11.0, 10.5, 10.5, 10.2),
    widths=(8.6, 6.6, 7.6, 7.1, 6.7, 10.2),
    thicknesses=(6.8, 6.2, 7.8, 9.0, 9.0, 11.0),
    edge_fraction=((0.90, 0.26), (0.86, 0.26), (0.42, 0.30), (0.62, 0.5), (0.68, 0.6), (0.8, 0.72)),
    gum=((-0.7, 0.6), (0.75, 2.2), (0.9, 5.0), (-4.5, 7.0)),
    scallop=4,
)
_LOWER = _Arch(
    down=1.0,
    half_width=27.5,
    depth=45.0,
    front=5.7,
    edges=(-0.8, -0.8, -0.4, -0.9, -1.2, -1.8),
    heights=(9.0, 9.3, 10.5, 8.5, 8.0, 7.5),
    widths=(5.4, 6.0, 6.9, 7.0, 7.1, 11.2),
    thicknesses=(6.0, 6.4, 7.4, 7.6, 8.0, 10.4),
    edge_fraction=((0.92, 0.26), (0.9, 0.26), (0.42, 0.30), (0.6, 0.5), (0.66, 0.6), (0.8, 0.72)),
    # thin below the teeth, where the skin above the chin passes when the jaw moves aside
    gum=((-0.7, -0.3), (0.35, 1.6), (-1.1, 6.0), (-5.5, 8.0)),
    scallop=2,
)

# crowns by level from the neck, inside the gum, to the edge: fractions of height, width and
# thickness; the last level has the edge's own
_LEVELS = ((-0.12, 0.88, 0.90), (0.35, 0.98, 1.0), (0.82, 1.0, 0.62), (1.0, 1.0, 1.0))
_AROUND = 8
"""Vertices around a crown; set by eye."""
_SQUARENESS = 2 / 3.2
"""Of a superellipse with the exponent 3.2 (a circle has 2/2): crowns are rounded boxes; set by
eye."""
_PAPILLA = 1.6
"""How far gums rise between two teeth."""
_ROUNDNESS = 2.2
"""Power of the distance from a crown's middle by which they do; set by eye."""

_GUM_INSIDE = (-1.2, 1.2)
"""Millimetres of the last row of the gum's profile, behind the teeth: set by eye."""


def dentition(
    template: Field, upper: NDArray[np.bool_], lower: NDArray[np.bool_], lip_line: float
) -> list[Patch]:
    """Return teeth and gums that hang on the sources' rows of teeth.

    Args:
        template: ``[V, 3]``.
        upper: the vertices ``[V]`` of the sources' upper teeth.
        lower: of the lower ones.
        lip_line: height in metres at which the lips meet in the middle.
    """
    patches = []
    front = template[upper, 2].max()
    for arch, part, mask in ((_UPPER, "teethU", upper), (_LOWER, "teethL", lower)):
        anchors = np.flatnonzero(mask)
        for name, half in ((part, _teeth(arch)), ("gums", _gums(arch))):
            points, faces, uv = with_other_side(*half)
            points = points * _MM + [0, lip_line, front]
            weights = _affine(points, template[anchors])
            ids = np.tile(anchors, (len(points), 1))
            patches.append(patch(name, points, faces, uv, ids, weights))
    return patches


def front_of_teeth(x: Field, template: Field, upper: NDArray[np.bool_]) -> Field:
    """Return how far forward the upper teeth stand at places ``[N]`` across, all in metres.

    Beside the teeth it is the end of their row.
    """
    fraction = (np.abs(x) / _MM / _UPPER.half_width).clip(0, 0.98)
    behind = _UPPER.front + _UPPER.depth * (1 - np.sqrt(1 - fraction**2))
    return np.asarray(template[upper, 2].max() - behind * _MM)


def _affine(points: Field, anchors: Field) -> Field:
    """Return weights ``[N, K]`` of anchors ``[K, 3]``: points follow their best affine motion."""
    system = np.concatenate([anchors, np.ones((len(anchors), 1))], 1)
    weights: Field = np.concatenate([points, np.ones((len(points), 1))], 1) @ np.linalg.pinv(system)
    return weights


def _along(arch: _Arch, distances: Field) -> tuple[Field, Field]:
    """Return places ``[N, 2]`` (x, z) and outward normals at distances along the arch."""
    angle = np.linspace(0, np.pi / 2, 2000)
    curve = np.stack(
        [arch.half_width * np.sin(angle), -arch.front - arch.depth * (1 - np.cos(angle))], 1
    )
    walked = np.concatenate([[0], np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum()])
    places = np.stack([np.interp(distances, walked, c) for c in curve.T], 1)
    tangent = np.stack([np.interp(distances, walked, np.gradient(c)) for c in curve.T], 1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normals = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    return places, normals


def _teeth(arch: _Arch) -> tuple[Field, Indices, Field]:
    """Return points, triangles and UVs of the left half of a row of teeth, in millimetres."""
    widths = np.array(arch.widths)
    middles = np.cumsum(widths) - widths / 2
    places, normals = _along(arch, middles)
    points, faces, uv = [], [], []
    for number in range(len(widths)):
        crown, crown_uv = _crown(arch, number, places[number], normals[number])
        closed = grid_faces(len(_LEVELS), _AROUND, closed=True)
        top = (len(_LEVELS) - 1) * _AROUND
        fan = [[top, top + i, top + i + 1] for i in range(1, _AROUND - 1)]
        triangles = np.concatenate([closed, fan])
        faces.append(number * len(crown) + (triangles if arch.down < 0 else triangles[:, ::-1]))
        points.append(crown)
        uv.append(crown_uv)
    return np.concatenate(points), np.concatenate(faces), np.concatenate(uv)


def _crown(arch: _Arch, number: int, place: Field, normal: Field) -> tuple[Field, Field]:
    turn = np.arange(_AROUND) * 2 * np.pi / _AROUND
    cos, sin = np.cos(turn), np.sin(turn)
    along = np.sign(cos) * np.abs(cos) ** _SQUARENESS
    out = np.sign(sin) * np.abs(sin) ** _SQUARENESS
    tangent = np.array([normal[1], -normal[0]])
    thickness, points, uv = arch.thicknesses[number], [], []
    levels = [*_LEVELS[:-1], (1.0, *arch.edge_fraction[number])]
    for height, wide, thick in levels:
        deep = thickness * thick
        # the outer face of a crown stays flat: what it thins, it loses inside
        outer = -0.25 * (thickness - deep)
        radial = outer - deep / 2 + out * deep / 2
        flat = (
            place
            + radial[:, None] * normal
            + (along * arch.widths[number] * wide / 2)[:, None] * tangent
        )
        edge = arch.edges[number]
        y = edge - arch.down * arch.heights[number] * (1 - height)
        points.append(np.stack([flat[:, 0], np.full(_AROUND, y), flat[:, 1]], 1))
        uv.append(np.stack([turn / (2 * np.pi), np.full(_AROUND, max(height, 0.0))], 1))
    return np.concatenate(points), np.concatenate(uv)


def _gums(arch: _Arch) -> tuple[Field, Indices, Field]:
    """Return points, triangles and UVs of the left half of the gums, in millimetres."""
    widths, necks = np.array(arch.widths), np.array(arch.edges) - arch.down * np.array(arch.heights)
    middles = widths.cumsum() - widths / 2
    step = np.arange(arch.scallop) / arch.scallop
    stations = np.append((widths.cumsum() - widths)[:, None] + step * widths[:, None], widths.sum())
    # a margin is round about a neck, and pointed between two
    rise = np.append(np.tile(np.abs(2 * step - 1) ** _ROUNDNESS, len(widths)), 1.0) * _PAPILLA
    places, normals = _along(arch, stations)
    places[0, 0] = 0.0
    normals[0] = 0.0, 1.0
    thick = np.interp(stations, middles, arch.thicknesses)
    straight = np.interp(stations, middles, necks)
    margin = straight + arch.down * rise
    rows = []
    for number, (out, away) in enumerate(arch.gum):
        y = (margin if number == 0 else straight) - arch.down * away
        rows.append(_row(places + out * normals, y))
    out, away = _GUM_INSIDE
    rows.append(_row(places + (out - thick)[:, None] * normals, straight - arch.down * away))
    faces = grid_faces(len(rows), len(stations))
    uv = np.stack(
        np.meshgrid(np.linspace(0, 1, len(stations)), np.linspace(0, 1, len(rows))), -1
    ).reshape(-1, 2)
    return np.concatenate(rows), faces if arch.down < 0 else faces[:, ::-1], uv


def _row(places: Field, y: Field) -> Field:
    return np.stack([places[:, 0], y, places[:, 1]], 1)
