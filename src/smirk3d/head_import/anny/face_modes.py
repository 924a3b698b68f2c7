"""Smooth changes of the face that MakeHuman's targets do not span.

MakeHuman's people are authored: their mean has a flatter middle of the face than scanned people,
and what tells one face from another in a scan lies partly outside their targets. Gaussians around
points of the face, moved by vectors, add both: a fixed shift of the mean, and random changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.identity import LocalChange

Floats = NDArray[np.float64]

MEAN_FACE = (
    (297, (0, 2, 3.5)), (244, (0, -1, 1)), (492, (0, -1.5, -3.5)), (1015, (0, -0.5, -0.5)),
    (7669, (1.5, -1, -1.5)), (7614, (1, 4, 1)), (7466, (-1, 0, 1)), (7606, (-1, -3, -1)),
    (12001, (1.5, 1.5, 1.5)), (11785, (-0.5, 0, -1.5)), (7677, (0, -1, -1.5)), (6894, (0.5, 0, 1)),
    (7438, (0.5, -1.5, -1.5)), (7462, (0.5, 3.5, 3.5)), (11810, (1.5, -3, -1.5)),
    (11761, (-0.5, -3, -0.5)), (11792, (-0.5, 0.5, 1)),
)  # fmt: skip
"""Vertices of the base mesh on the left and in the middle, and by how many millimetres the face
around them moves. Ours, in half millimetres: they bring the mean coefficients of random scanned
heads (``benchmarks/identity_basis.py``) near zero."""

_MEAN_WIDTH = 0.24
"""Decimetres around each place of :data:`MEAN_FACE`, the Gaussian's standard deviation; chosen with
it."""
_WIDTH = 0.17
"""Decimetres around a place of the basis, the Gaussian's standard deviation; set by hand to
somewhat less than :data:`_SPACING`, so that neighbours overlap. What the basis leaves of scanned
heads is in ``benchmarks/results/identity_basis.md``."""
_SPACING = 0.21
"""Decimetres between places; gives 243 changes (0.15 would give 456, 0.3 138)."""
_STD = 0.006
"""Decimetres by which people differ at a place, 0.6 mm: a choice of ours, not a population's."""
_MIDDLE = 0.06
"""Decimetres from the middle plane within which a place is put on it, so that it has no twin too
near; set by hand."""
_CENTRE = 297
"""The tip of the nose, from which places are distributed over the face."""

# of the base mesh, in decimetres: from below the chin to the hairline, before the ears
_FACE_LOW, _FACE_HIGH, _FACE_BACK = 6.05, 8.15, 0.55


def mean_shift(vertices: Floats, rest: Floats) -> Floats:
    """Return the shift ``[R, 3]`` of the mean face at points ``rest`` ``[R, 3]``, in decimetres.

    Args:
        vertices: of the base mesh, in decimetres.
        rest: where to evaluate it.
    """
    shift = np.zeros_like(rest)
    for vertex, millimetres in MEAN_FACE:
        for centre, moved in _both_sides(vertices[vertex], 0.01 * np.array(millimetres)):
            shift += _gaussian(rest, centre, _MEAN_WIDTH)[:, None] * moved
    return shift


def face_changes(vertices: Floats, rest: Floats, skin: NDArray[np.bool_]) -> list[LocalChange]:
    """Return local changes in each direction around places distributed over the face.

    Args:
        vertices: of the base mesh, in decimetres.
        rest: ``[R, 3]``, the points that the changes move.
        skin: which of them places may be ``[R]``.
    """
    changes = []
    for number, centre in enumerate(_farthest_places(vertices[_CENTRE], rest[skin])):
        sides = [("", 1.0)] if centre[0] == 0 else [("l-", 1.0), ("r-", -1.0)]
        for axis in range(3):
            for prefix, sign in sides:
                offsets = np.zeros_like(rest, dtype=np.float32)
                mirrored = sign if axis == 0 else 1.0
                there = centre * [sign, 1, 1]
                offsets[:, axis] = mirrored * _gaussian(rest, there, _WIDTH)
                name = f"{prefix}place-{number}-{'xyz'[axis]}"
                changes.append(LocalChange(name, offsets, -offsets, _STD))
    return changes


def _farthest_places(first: Floats, points: Floats) -> list[Floats]:
    """Return places on the left and in the middle, each far from all before it."""
    y, z = points[:, 1], points[:, 2]
    face = points[(y > _FACE_LOW) & (y < _FACE_HIGH) & (z > _FACE_BACK) & (points[:, 0] >= -1e-6)]
    places = [first * [0, 1, 1]]
    distance = np.linalg.norm(face - places[0], axis=1)
    while distance.max() > _SPACING:
        # rounded, so that ties are decided alike on every machine
        place = face[np.round(distance, 6).argmax()].copy()
        if place[0] < _MIDDLE:
            place[0] = 0
        places.append(place)
        gone = np.linalg.norm(face - place, axis=1)
        distance = np.minimum(distance, np.where(gone < _MIDDLE + 1e-6, 0, gone))
    return places


def _both_sides(centre: Floats, moved: Floats) -> list[tuple[Floats, Floats]]:
    if abs(centre[0]) < 1e-6:
        return [(centre, moved)]
    flip = np.array([-1.0, 1.0, 1.0])
    return [(centre, moved), (centre * flip, moved * flip)]


def _gaussian(points: Floats, centre: Floats, width: float) -> Floats:
    weight: Floats = np.exp(-0.5 * ((points - centre) ** 2).sum(-1) / width**2)
    return weight
