"""How alike a lost face and a found one are: the costs by which faces are identified again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_GRID = 12
"""Cells a side of the coarse crop; chosen by eye: with its rim of 2 cut it keeps 8 x 8 colours."""
_MARGIN = 2
"""Cells at the rim of the crop that show background and hair, of 12."""

_APPEARANCE_UNIT, _SHAPE_UNIT = 0.35, 0.06
"""Distances of appearances and of shapes that cost 1: nine in ten pairs of a held-out
photo and the same moved to one strong action, both cut, blurred and lit differently, are within
0.43 and 0.04, nine in ten pairs of two photos beyond 0.66 and 0.19."""
_SHAPE_MOST = 1.8
"""Greatest cost of a shape: speech makes a first estimate of it err, so that by itself it must not
distinguish two faces."""
_REACH, _SPEED = 0.6, 1.5
"""Distance from where a face was lost at which it may be found, in face sizes: at once, and more
with each second."""
_SHORT = 2.0
"""Seconds after which the position where a face was lost no longer counts."""
SAME = 2.5
"""Cost up to which a found face is taken for a lost one."""
CERTAIN_MATCH = 1.7
"""Cost, by appearance and shape alone, up to which a new identity is merged into an old one."""


@dataclass(frozen=True)
class Traces:
    """Appearance, shape and motion of a face, by which it is compared with others.

    Attributes:
        appearance: coarse colours of its crop, from :func:`appearance`.
        shape: coefficients ``[S]``.
        position: of its centre ``[2]``, in picture pixels.
        speed: of the centre ``[2]`` in picture pixels a second; zero where not measured.
        size: of its box in pixels.
        seconds: time of the frame.
    """

    appearance: NDArray[np.float32]
    shape: NDArray[np.float64]
    position: NDArray[np.float64]
    speed: NDArray[np.float64]
    size: float
    seconds: float


def appearance(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the colours ``[8, 8, 3]`` of the middle of a crop uint8 ``[S, S, 3]``.

    Each channel's mean and the contrast are divided out, because lamps and cameras change them.
    """
    small = cv2.resize(crop, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float32)
    middle = small[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    centred = middle - middle.mean((0, 1))
    return np.asarray(centred / max(float(middle.std()), 1.0), np.float32)


def appearance_distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return the root mean square difference of two appearances."""
    return float(np.sqrt(np.mean((one - other) ** 2)))


def shape_distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return one minus the cosine of two shapes; 0 where one of them is zero."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return 1 - float(one @ other) / lengths if lengths > 1e-9 else 0.0


def cost_of_same(lost: Traces, found: Traces, *, cut: bool) -> float:
    """Return how unlikely two faces are one person; up to :data:`SAME` they are taken for one.

    Args:
        lost: the one that was followed before.
        found: the one that has come.
        cut: whether the scene changed in between, so that positions do not count.
    """
    appearance_cost = appearance_distance(lost.appearance, found.appearance) / _APPEARANCE_UNIT
    shape = shape_distance(lost.shape, found.shape) / _SHAPE_UNIT
    cost = appearance_cost + min(shape, _SHAPE_MOST)
    away = found.seconds - lost.seconds
    if cut or away > _SHORT:
        return cost
    # one that moves on behind something comes out ahead, one that stops does so where it went
    ahead = lost.position + lost.speed * away
    origins = (lost.position, ahead)
    distance = min(float(np.linalg.norm(origin - found.position)) for origin in origins)
    distance /= max(lost.size, found.size)
    growth = abs(np.log(found.size / lost.size))
    near = distance / (_REACH + _SPEED * away) + growth / (0.4 + away)
    # whoever is where a face was just lost is most likely that face, even half hidden still
    return 0.25 * cost + 1.2 * near if near < 1 else cost
