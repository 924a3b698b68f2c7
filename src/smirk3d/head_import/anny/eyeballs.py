"""Eyeballs of a person's size, with a cornea, whose rings follow pupil and iris.

The sources' eyeballs are coarse helper spheres without a front, a third too large. These have their
pole at the front, so that a gaze of zero looks along +z and colours by ring give a sharp iris.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.heads.contact import eye_radius

RADIUS = 0.0120
"""Metres, of the sclera: 24 mm across (Bekerman et al. 2014: 24.2 mm, much alike in people)."""

IRIS_RADIUS = 0.0059
"""Metres: 11.8 mm across (Rüfer et al. 2005: 11.7 mm)."""

PUPIL_RADIUS = 0.00175
"""Metres, of a pupil of 3.5 mm, as in a lit room."""

_CORNEA_RADIUS = 0.0084
"""Metres. A cornea's own is 7.8 mm; flatter here, so that the eye is 25 mm deep and not more."""

IRIS_DEGREES = float(np.degrees(np.arcsin(IRIS_RADIUS / RADIUS)))
"""Half the angle under which the iris appears from the centre."""

PUPIL_DEGREES = 8.0
"""Half the angle under which the pupil appears from the centre: the cornea's surface there is
:data:`PUPIL_RADIUS` from the axis of gaze, to 0.04 mm."""

_BEYOND_IRIS = (32.5, 41.0, 53.0, 69.0, 90.0, 130.0)
"""Degrees of the rings beyond the iris, wider apart towards the back, which is never seen; set by
hand."""
_RINGS_DEGREES = (PUPIL_DEGREES, 15.0, 22.0, IRIS_DEGREES, *_BEYOND_IRIS)
"""Angles from the gaze of the rings of vertices, of which two lie within the iris."""
_SEGMENTS = 16
"""Vertices of a ring: the iris's outline misses a circle by 0.11 mm."""


EYE_SURFACE = np.array([RADIUS, IRIS_RADIUS, _CORNEA_RADIUS])
"""What :func:`~smirk3d.heads.contact.eye_radius` needs to know of an eye."""


def surface_radius(cosine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance in metres of the eye's surface from its centre.

    Args:
        cosine: of the angle from the gaze, any shape.
    """
    surface = torch.from_numpy(EYE_SURFACE)
    radius: NDArray[np.float64] = eye_radius(torch.as_tensor(cosine), surface).numpy()
    return radius


@dataclass(frozen=True)
class Eyeball:
    """An eyeball looking along +z, symmetric in x.

    Attributes:
        points: ``[E, 3]`` in metres about its centre, the front pole first.
        faces: ``[F, 3]``, outward.
        uv: ``[E, 2]`` in [0, 1], the front in the middle, angles from it equidistant.
        mirror: the vertex mirrored at x = 0 of each vertex ``[E]``.
    """

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    mirror: NDArray[np.int64]

    def within(self, degrees: float) -> NDArray[np.bool_]:
        """Return the vertices ``[E]`` at most so far from the front pole."""
        cosine = self.points[:, 2] / np.linalg.norm(self.points, axis=1)
        within: NDArray[np.bool_] = cosine >= np.cos(np.radians(degrees)) - 1e-9
        return within


def eyeball() -> Eyeball:
    """Return the ball of 2 poles and 10 rings of 16 vertices."""
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
    points = rays * surface_radius(rays[:, 2])[:, None]
    return Eyeball(points, _faces(starts, last), disc + 0.5, mirror)


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
