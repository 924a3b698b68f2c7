"""Pieces of a mesh: what hangs together, spheres, and points that follow their vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KEPT_FRACTION = 0.7
"""Fraction of the points, nearest to the sphere, that a fit keeps. On ICT-FaceKit's sclera 0.6 to
0.8 give radii within 0.14 mm and centres within 0.4 mm; all points shift the centre by 0.65 mm."""
_TRIMMED_FITS = 8
"""Fits in turn: on ICT-FaceKit's sclera the 8th equals the 32nd, on its whole eye the radius
differs by 1 micrometre."""


def connected_components(faces: Ints, num_vertices: int) -> Ints:
    """Return for each vertex the lowest vertex number of its piece ``[V]``.

    Args:
        faces: triangles ``[F, 3]``.
        num_vertices: V; a vertex without triangle is a piece of its own.
    """
    label = np.arange(num_vertices)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    while True:
        lowest = label[edges].min(1)
        after = label.copy()
        np.minimum.at(after, edges[:, 0], lowest)
        np.minimum.at(after, edges[:, 1], lowest)
        # pointer jumping: a label's own label is the lowest known so far
        after = after[after]
        if (after == label).all():
            return label
        label = after


def fit_sphere(points: Floats) -> tuple[Floats, float]:
    """Return centre ``[3]`` and radius of the sphere on which most points ``[N, 3]`` lie.

    Least squares on the 70 % that agree best, so that the cornea of an eyeball does not count.
    """
    kept = points
    for _ in range(_TRIMMED_FITS):
        system = np.concatenate([2 * kept, np.ones((len(kept), 1))], 1)
        solution = np.linalg.lstsq(system, (kept**2).sum(1), rcond=None)[0]
        centre = solution[:3]
        radius = float(np.sqrt(solution[3] + centre @ centre))
        misfit = np.abs(np.linalg.norm(points - centre, axis=1) - radius)
        kept = points[misfit <= np.quantile(misfit, _KEPT_FRACTION)]
    return centre, radius


def following_weights(points: Floats, place: Floats) -> Floats:
    """Return weights ``[N]`` that sum to 1 and whose mean of points ``[N, 3]`` is a place ``[3]``.

    Of all such weights the ones closest to equal, so that the place follows shape changes of its
    points as their middle does.
    """
    equal = np.full(len(points), 1 / len(points))
    conditions = np.concatenate([points.T, np.ones((1, len(points)))])
    missing = np.append(place, 1.0) - conditions @ equal
    weights: Floats = equal + np.linalg.lstsq(conditions, missing, rcond=None)[0]
    return weights


def inside_polygon(points: Floats, polygon: Floats) -> NDArray[np.bool_]:
    """Return which points ``[N, 2]`` lie inside a polygon ``[K, 2]`` (even-odd rule)."""
    inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (points[:, 1] < y0) != (points[:, 1] < y1)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (points[:, 1] - y0) * (x1 - x0) / (y1 - y0)
        inside ^= crosses & (points[:, 0] < at)
    return inside
