"""Eyelids for a head that has none: offsets that close the eyes, from the eyelids' own geometry.

Seen from the centre of its eyeball, the opening of an eye is where no skin is met. Eyelids turn
about that centre, so a closing is a turn of each skin point about the eye's left-right axis: the
upper margin down to a line just above the lower one, the lower margin a little up to the same line.
The turn fades out within half an eyeball's radius above and below, as it does in blinks that
artists made (ICT-FaceKit, MakeHuman), and vanishes by itself in the corners, where both margins
meet. Skin never comes closer to the centre than the eyeball's surface.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import AssetError
from smirk3d.head_import.mesh_parts import Floats, Ints

_CELL = math.radians(1.5)
"""Side of a cell of directions: the default head's eye opens over 88 degrees across and 28 in
height, 849 cells."""
_REACH = math.radians(80)
"""Directions looked at, from straight ahead: beyond the corners of such an eye."""
_SAMPLES = 14
"""Samples along a triangle's edge: those of up to 21 degrees leave no cell free."""
_LOWER_FRACTION = 0.1
"""Part of the closing that the lower eyelid does; set by hand."""
_FADE = 0.55
"""Eyeball's radii beyond a margin at which the rotation has faded out: half a radius, as in the
blinks of ICT-FaceKit and MakeHuman."""
_OVERLAP = math.radians(1.5)
"""By which closed eyelids overlap, one cell: margins are known no finer."""
_TALL = math.radians(12)
"""Height of an opening from which the overlap is whole; corners have less. Set by hand."""
_FARTHEST_SKIN = 2.3
"""Eyeball's radii from its centre within which skin is looked at; set by hand, well beyond
:data:`_FADE`."""
_CLEARANCE = 1.012
"""Eyeball's radii at which skin slides over it: 0.14 mm off a ball of 12 mm; set by hand."""
_HIDDEN = 0.97
"""Eyeball's radii below which a vertex counts as an eyelid's hidden back; set by hand."""
_SMALLEST_OPENING = 20
"""Cells of 1.5 degrees: an opening of 45 square degrees is no eye's; set by hand."""


@dataclass(frozen=True)
class _Angles:
    """Points as seen from an eye: turn about the left-right axis, side angle, distance."""

    turn: Floats
    side: Floats
    distance: Floats


@dataclass(frozen=True)
class _Margins:
    """Elevations at which the upper and the lower eyelid begin, by side angle."""

    side: Floats
    upper: Floats
    lower: Floats


def closing_offsets(
    vertices: Floats,
    faces: Ints,
    skin: NDArray[np.bool_],
    eyeball: NDArray[np.bool_],
    centre: Floats,
) -> Floats:
    """Return offsets ``[V, 3]`` that close one eye.

    Args:
        vertices: template ``[V, 3]`` in metres, head axes, eyes open.
        faces: ``[F, 3]``.
        skin: vertices that eyelids may be among ``[V]``.
        eyeball: vertices of this eye's ball ``[V]``.
        centre: of the eyeball ``[3]``.

    Raises:
        AssetError: if no opening is found in front of the eyeball.
    """
    ball = _angles(vertices[eyeball] - centre)
    radius = float(np.median(ball.distance))
    near = skin & (np.linalg.norm(vertices - centre, axis=1) < _FARTHEST_SKIN * radius)
    near &= vertices[:, 2] > centre[2] - 0.3 * radius
    triangles = faces[near[faces].all(1)]
    margins = _find_margins(vertices - centre, triangles)
    rows = np.flatnonzero(near)
    angles = _angles(vertices[rows] - centre)
    turns = _turns(angles, margins, radius)
    turn = angles.turn + turns
    surface = _ball_surface(turn, angles.side, ball) * _CLEARANCE
    # what lies inside the ball at rest, as the eyelids' hidden backs do, stays as deep as it is
    hidden = angles.distance < _ball_surface(angles.turn, angles.side, ball) * _HIDDEN
    distance = np.where(hidden, angles.distance, np.maximum(angles.distance, surface))
    moved = _positions(turn, angles.side, distance) + centre
    offsets = np.zeros_like(vertices)
    offsets[rows] = np.where(turns[:, None] != 0, moved - vertices[rows], 0)
    return offsets


def _angles(points: Floats) -> _Angles:
    x, y, z = points.T
    distance = np.linalg.norm(points, axis=1).clip(1e-9)
    return _Angles(np.arctan2(y, z), np.arcsin((x / distance).clip(-1, 1)), distance)


def _positions(turn: Floats, side: Floats, distance: Floats) -> Floats:
    across = np.cos(side)
    direction = np.stack([np.sin(side), across * np.sin(turn), across * np.cos(turn)], 1)
    return direction * distance[:, None]


def _find_margins(points: Floats, triangles: Ints) -> _Margins:
    opening = _opening(_covered(points[triangles]))
    used = np.unique(triangles)
    angles = _angles(points[used])
    row, column = _cell(angles.turn), _cell(angles.side)
    inside = (row > 0) & (row < len(opening) - 1) & (column > 0) & (column < len(opening) - 1)
    row, column = row.clip(1, len(opening) - 2), column.clip(1, len(opening) - 2)
    beside = np.zeros(len(used), bool)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            beside |= opening[row + down, column + across]
    beside &= inside
    columns = np.flatnonzero(opening.any(0))
    middle = np.array([np.flatnonzero(opening[:, c]).mean() for c in columns])
    axis = np.interp(angles.side, _angle(columns), _angle(middle))
    upper = _profile(angles, beside & (angles.turn > axis), lowest=True)
    lower = _profile(angles, beside & (angles.turn <= axis), lowest=False)
    side = np.unique(np.concatenate([upper[0], lower[0]]))
    top, bottom = np.interp(side, *upper), np.interp(side, *lower)
    # beyond the last vertices on either side lie the corners, where both eyelids begin
    corners = ((top + bottom) / 2)[[0, -1]]
    return _Margins(
        np.concatenate([side[:1] - 2 * _CELL, side, side[-1:] + 2 * _CELL]),
        np.concatenate([corners[:1], top, corners[1:]]),
        np.concatenate([corners[:1], bottom, corners[1:]]),
    )


def _profile(angles: _Angles, members: NDArray[np.bool_], *, lowest: bool) -> tuple[Floats, Floats]:
    """Return the margin's turn by side angle, as the innermost vertex of each degree or so."""
    side, turn = angles.side[members], angles.turn[members]
    bins = np.round(side / _CELL).astype(int)
    chosen = []
    for label in np.unique(bins):
        rows = np.flatnonzero(bins == label)
        chosen.append(rows[turn[rows].argmin() if lowest else turn[rows].argmax()])
    if len(chosen) < 3:
        raise AssetError(
            "the skin has no eyelids around the eyeball, so that no eyelids can be made"
        )
    order = np.argsort(side[chosen])
    return side[chosen][order], turn[chosen][order]


def _cell(angle: Floats) -> Ints:
    cells: Ints = np.round((angle + _REACH) / _CELL).astype(np.int64)
    return cells


def _angle(cell: Floats | Ints) -> Floats:
    angle: Floats = np.asarray(cell, np.float64) * _CELL - _REACH
    return angle


def _covered(corners: Floats) -> NDArray[np.bool_]:
    """Return which directions ``[turn, side]`` from the centre meet a triangle ``[F, 3, 3]``."""
    size = int(_cell(np.array(_REACH))) + 1
    grid = np.zeros((size, size), bool)
    steps = np.arange(_SAMPLES + 1) / _SAMPLES
    weights = np.array([(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1 + 1e-9])
    points = np.einsum("sk,fkx->fsx", weights, corners).reshape(-1, 3)
    angles = _angles(points)
    row, column = _cell(angles.turn), _cell(angles.side)
    inside = (row >= 0) & (row < size) & (column >= 0) & (column < size)
    grid[row[inside], column[inside]] = True
    return grid


def _opening(covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the uncovered directions that hang together around straight ahead."""
    free = ~covered
    seen = np.zeros_like(free)
    middle = len(free) // 2
    window = slice(middle - 8, middle + 9)
    seen[window, window] = free[window, window]
    while True:
        grown = seen.copy()
        grown[1:] |= seen[:-1]
        grown[:-1] |= seen[1:]
        grown[:, 1:] |= seen[:, :-1]
        grown[:, :-1] |= seen[:, 1:]
        grown &= free
        if (grown == seen).all():
            break
        seen = grown
    edge = seen[0].any() or seen[-1].any() or seen[:, 0].any() or seen[:, -1].any()
    if seen.sum() < _SMALLEST_OPENING or edge:
        raise AssetError(
            "the skin has no eyelids around the eyeball, so that no eyelids can be made"
        )
    return seen


def _turns(angles: _Angles, margins: _Margins, radius: float) -> Floats:
    """Return how far each point turns to close the eye, in radians, up positive."""
    upper = np.interp(angles.side, margins.side, margins.upper)
    lower = np.interp(angles.side, margins.side, margins.lower)
    height = (upper - lower).clip(0)
    height[(angles.side < margins.side[0]) | (angles.side > margins.side[-1])] = 0
    is_upper = angles.turn > (upper + lower) / 2
    margin = np.where(is_upper, upper, lower)
    beyond = np.where(is_upper, angles.turn - upper, lower - angles.turn).clip(0) * radius
    # only outwards, for the backs of the eyelids lie deep and go along with their fronts
    outward = (angles.distance - radius).clip(0)
    away = np.hypot(beyond, outward) / (_FADE * radius)
    # a closed upper eyelid covers the lower one a little, so that no light shows between vertices
    overlap = _OVERLAP * (height / _TALL).clip(0, 1)
    full = np.where(is_upper, -(1 - _LOWER_FRACTION) * height - overlap, _LOWER_FRACTION * height)
    past = np.where(is_upper, margin - angles.turn, angles.turn - margin).clip(0)
    turns: Floats = full * _faded(away) + np.where(is_upper, past, -past)
    return turns


def _faded(distance: Floats) -> Floats:
    """Return 1 up to a margin, falling smoothly to 0 at one unit beyond it."""
    fraction = distance.clip(0, 1)
    faded: Floats = 1 - fraction * fraction * (3 - 2 * fraction)
    return faded


def _ball_surface(turn: Floats, side: Floats, ball: _Angles) -> Floats:
    """Return how far from the centre the eyeball's surface is in given directions."""
    directions = _positions(turn, side, np.ones(len(turn)))
    balls = _positions(ball.turn, ball.side, np.ones(len(ball.turn)))
    closeness = directions @ balls.T
    nearest = np.argsort(-closeness, axis=1)[:, :4]
    surface: Floats = ball.distance[nearest].max(1)
    return surface
