"""Pictures of single hairs, drawn by rule, that strips of brows and lashes carry as their alpha.

Columns run along a strip from its inner end, the first row is its upper edge. Equal shapes give
equal pictures: the hairs' disorder comes from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from smirk3d.rendering.complexion import BrowShape

_BROW_SIZE = (520, 120)
"""Pixels of a strip of 52 x 12 mm."""
_LASH_SIZE = (480, 160)
"""Pixels of a strip of 24 x 8 mm."""
_FINER = 3
"""By which hairs are drawn larger before the picture is reduced: Pillow's lines have hard edges.
Set by eye."""
_DENSE = 0.7
"""Fraction of a brow's height in which its hairs are dense."""
_STEPS = 7
"""Straight pieces of a hair; set by eye."""
_SEED = 11
"""Any number does; fixed, so that all pictures have the same hairs."""

_ENVELOPE = ([0, 0.06, 0.2, 0.5, 0.75, 0.97], [0.45, 0.8, 1, 0.92, 0.66, 0.2])
"""Half the thickness of a brow along it, as a fraction of the largest."""

_RAISED = ([0.0, 0.35, 0.9], [0.10, 0.08, 0.0])
"""How much higher than a strip's middle brows grow along it, as a fraction of its height: towards
the middle of the open head's landmarks on the brow's rims, which lies 2.1 mm higher at the inner
end, as far as the hairs find room."""

_LASH_ROWS = ((130, 0.80, 1.25), (90, 0.55, 1.1), (70, 0.30, 1.0))
"""Hairs, the length of the longest as a fraction of the strip's height and the width at the root in
pixels (0.05 mm each), by row of lashes; about as many hairs as people have above (90 to 160) are
long. Set by eye, as the two below."""
_LASH_ENVELOPE = ([0, 0.12, 0.55, 0.85, 1], [0.5, 0.72, 0.95, 1.0, 0.7])
"""Length along the strip from its inner end, as a fraction of a row's longest."""
_LASH_FAN = 0.8
"""Radians by which hairs at the strip's two ends lean apart."""

Curve = NDArray[np.float64]
Picture = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class _Brow:
    """How brows of a shape grow; lengths in strip heights, angles in radians."""

    hairs: int = 520
    thickness: float = 0.30
    arch: float = 0.06
    length: float = 0.40
    width: float = 1.5
    undercoat: float = 0.38


_BROWS: dict[BrowShape, _Brow] = {
    "natural": _Brow(),
    "thin": _Brow(hairs=330, thickness=0.17, arch=0.10, length=0.30, width=1.35),
    "thick": _Brow(hairs=760, thickness=0.35, length=0.36, width=1.6),
    "straight": _Brow(hairs=520, thickness=0.28, arch=-0.10),
    "sparse": _Brow(hairs=230, thickness=0.28, length=0.36, width=1.2, undercoat=0.15),
}


@cache
def brow_alpha(shape: BrowShape) -> Picture:
    """Return the alpha ``[H, W]`` in [0, 1] of brows of a shape; not to be written to."""
    brow = _BROWS[shape]
    hairs = _drawn(_BROW_SIZE, lambda: _brow_hairs(brow))
    return 1 - (1 - hairs) * (1 - _undercoat(brow))


@cache
def lash_alpha() -> Picture:
    """Return the alpha ``[H, W]`` in [0, 1] of lashes; the eyelid's margin is the lower edge.

    It is not to be written to.
    """
    return _drawn(_LASH_SIZE, _lash_hairs)


def brow_band(along: Curve, shape: BrowShape = "natural") -> tuple[Curve, Curve]:
    """Return where brows of a shape begin and end across their strip, 0 to 1, at places ``[N]``."""
    brow = _BROWS[shape]
    middle, reach = _middle(brow, along), np.interp(along, *_ENVELOPE) * brow.thickness
    return middle - _DENSE * reach, middle + _DENSE * reach


def _undercoat(brow: _Brow) -> Picture:
    """Return the alpha ``[H, W]`` of hairs too fine to be drawn one by one."""
    width, height = _BROW_SIZE
    along = (np.arange(width) + 0.5) / width
    across = 1 - (np.arange(height) + 0.5) / height
    reach = np.interp(along, *_ENVELOPE) * brow.thickness
    off = (across[:, None] - _middle(brow, along)) / reach.clip(0.02)
    ends = np.interp(along, [0.0, 0.10, 0.9, 0.99], [0.0, 1.0, 1.0, 0.0])
    return np.asarray(brow.undercoat * np.exp(-(off**4)) * ends, np.float32)


def _drawn(size: tuple[int, int], hairs: Callable[[], Iterator[tuple[Curve, float]]]) -> Picture:
    """Return hairs, curves in pixels with a width at the root each, drawn smooth."""
    image = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
    pen = ImageDraw.Draw(image)
    for curve, thick in hairs():
        points = (curve * _FINER).tolist()
        tapers = (thick * (1 - 0.75 * step / len(points)) for step in range(len(points) - 1))
        widths = [max(1, round(taper * _FINER)) for taper in tapers]
        start = 0
        for width, pieces in groupby(widths):
            # pieces of one width in one call: each costs more to ask for than to draw
            end = start + len(list(pieces))
            pen.line([tuple(point) for point in points[start : end + 1]], fill=255, width=width)
            start = end
    small = image.resize(size, Image.Resampling.BOX)
    return np.asarray(small, np.float32) / np.float32(255)


def _brow_hairs(brow: _Brow) -> Iterator[tuple[Curve, float]]:
    rng = np.random.default_rng(_SEED)
    width, height = _BROW_SIZE
    drawn = [
        (
            rng.uniform(0.03, 0.93), rng.uniform(-1, 1), rng.normal(0, 0.12),
            rng.uniform(0.65, 1.1), rng.normal(0, 0.12), rng.uniform(0.7, 1.15),
        )
        for _ in range(brow.hairs)
    ]  # fmt: skip
    along, across, tilt, fraction, bow, thick = np.array(drawn).T
    reach = np.interp(along, *_ENVELOPE) * brow.thickness
    # inner hairs stand up, outer ones lie along; those above turn down to the line of growth
    lean = np.interp(along, [0.0, 0.12, 0.4, 1.0], [1.45, 1.05, 0.55, 0.05])
    lean -= 0.45 * across.clip(0) * np.interp(along, [0.1, 0.5], [0.3, 1.0])
    lean += tilt
    long = brow.length * height * fraction * np.interp(along, [0, 1], [0.85, 0.8])
    roots = np.stack([along * width, (1 - _middle(brow, along) - across * reach) * height], 1)
    long = np.minimum(long, 1.2 * (width - roots[:, 0]))
    yield from zip(_curves(roots, lean, -0.25 + bow, long), brow.width * thick, strict=True)


def _middle(brow: _Brow, along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the height of a brow's middle along it, as a fraction of the strip's."""
    middle: NDArray[np.float64] = 0.48 + brow.arch * (1 - (2 * along - 1.1) ** 2)
    return middle + np.interp(along, *_RAISED)


def _lash_hairs() -> Iterator[tuple[Curve, float]]:
    rng = np.random.default_rng(_SEED)
    width, height = _LASH_SIZE
    for hairs, longest, thick in _LASH_ROWS:
        drawn = [
            (
                rng.normal(0, 0.15 / hairs), rng.normal(0, 0.045),
                rng.uniform(0.8, 1.0), rng.uniform(0.8, 1.1),
            )
            for _ in range(hairs)
        ]  # fmt: skip
        aside, tilt, fraction, thickness = np.array(drawn).T
        place = 0.02 + 0.96 * (np.arange(hairs) + 0.5) / hairs + aside
        roots = np.stack([place * width, np.full(hairs, height - 1.0)], 1)
        # neighbors lean alike, and away from the middle; each curves on the way that it leans
        lean = _LASH_FAN * (0.45 - place) + tilt
        long = height * longest * np.interp(place, *_LASH_ENVELOPE) * fraction
        curves = _curves(roots, np.pi / 2 + lean, 0.5 * lean, long)
        yield from zip(curves, thick * thickness, strict=True)


def _curves(roots: Curve, lean: Curve, bend: Curve, length: Curve) -> Curve:
    """Return points ``[N, S, 2]`` of hairs.

    They leave their roots ``[N, 2]`` at angles ``[N]`` and bend by others ``[N]``.
    """
    angles = lean[:, None] + bend[:, None] * np.linspace(0, 1, _STEPS)
    steps = np.stack([np.cos(angles), -np.sin(angles)], 2) * (length / _STEPS)[:, None, None]
    return np.concatenate([roots[:, None], roots[:, None] + steps.cumsum(1)], 1)
