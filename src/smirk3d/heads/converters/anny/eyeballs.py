"""Round eyeballs whose rings follow pupil and iris.

The sources' eyeballs are coarse helper spheres without a front. These have their pole at the front,
so that a gaze of zero looks along +z and colours by ring give a sharp iris.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

PUPIL_DEGREES = 7.0
IRIS_DEGREES = 21.0
"""Half the angle under which the iris appears from the centre: a radius of 5.9 mm on this ball."""

_BEYOND_IRIS = (22.5, 36.0, 52.0, 70.0, 90.0, 118.0, 149.0)
_RINGS_DEGREES = (PUPIL_DEGREES, 8.0, 14.0, IRIS_DEGREES, *_BEYOND_IRIS)
_SEGMENTS = 16


@dataclass(frozen=True)
class Eyeball:
    """A unit sphere looking along +z, symmetric in x.

    Attributes:
        rays: ``[E, 3]``, the front pole first.
        faces: ``[F, 3]``, outward.
        uv: ``[E, 2]`` in [0, 1], the front in the middle, angles from it equidistant.
        mirror: the vertex mirrored at x = 0 of each vertex ``[E]``.
    """

    rays: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    mirror: NDArray[np.int64]

    def within(self, degrees: float) -> NDArray[np.bool_]:
        """Return the vertices ``[E]`` at most so far from the front pole."""
        within: NDArray[np.bool_] = self.rays[:, 2] >= np.cos(np.radians(degrees)) - 1e-9
        return within


def eyeball() -> Eyeball:
    """Return the sphere of 2 poles and 11 rings of 16 vertices."""
    turn = np.arange(_SEGMENTS) * (2 * np.pi / _SEGMENTS)
    polar = np.radians([0.0, *np.repeat(_RINGS_DEGREES, _SEGMENTS), 180.0])
    around = np.concatenate([[0.0], np.tile(turn, len(_RINGS_DEGREES)), [0.0]])
    # rounding makes mirrored vertices exact mirrors
    cos, sin = np.round(np.cos(around), 12), np.round(np.sin(around), 12)
    rays = np.stack([np.sin(polar) * cos, np.sin(polar) * sin, np.cos(polar)], 1)
    rays[[0, -1]] = (0, 0, 1), (0, 0, -1)
    disc = np.stack([polar * cos, polar * sin], 1) / (2 * np.pi)
    segment = np.arange(_SEGMENTS)
    opposite = (_SEGMENTS // 2 - segment) % _SEGMENTS
    starts = 1 + _SEGMENTS * np.arange(len(_RINGS_DEGREES))
    last = len(rays) - 1
    mirror = np.concatenate([[0], (starts[:, None] + opposite).ravel(), [last]])
    return Eyeball(rays, _faces(starts, last), disc + 0.5, mirror)


def _faces(starts: NDArray[np.int64], last: int) -> NDArray[np.int64]:
    this = np.arange(_SEGMENTS)
    following = (this + 1) % _SEGMENTS
    front = np.stack([np.zeros_like(this), starts[0] + this, starts[0] + following], 1)
    back = np.stack([np.full_like(this, last), starts[-1] + following, starts[-1] + this], 1)
    strips = []
    for inner, outer in pairwise(starts.tolist()):
        a, b, c, d = inner + this, outer + this, outer + following, inner + following
        # strips change their diagonal at x = 0, so that both halves mirror each other
        right = np.sin((this + 0.5) * 2 * np.pi / _SEGMENTS) * np.cos(
            (this + 0.5) * 2 * np.pi / _SEGMENTS
        )
        first = np.where((right > 0)[:, None], np.stack([a, b, c], 1), np.stack([a, b, d], 1))
        second = np.where((right > 0)[:, None], np.stack([a, c, d], 1), np.stack([b, c, d], 1))
        strips.append(np.concatenate([first, second]))
    return np.concatenate([front, *strips, back])
