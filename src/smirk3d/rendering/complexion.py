"""The colours of a person, for everything that draws heads for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Colour = tuple[float, float, float]

BrowShape = Literal["natural", "thin", "thick", "straight", "sparse"]

EYE_COLOURS = MappingProxyType(
    {
        "brown": (0.33, 0.21, 0.13),
        "dark brown": (0.20, 0.12, 0.08),
        "hazel": (0.44, 0.34, 0.18),
        "green": (0.38, 0.44, 0.28),
        "blue": (0.36, 0.49, 0.60),
        "grey": (0.46, 0.50, 0.53),
    }
)
"""sRGB of irises by name."""

HAIR_COLOURS = MappingProxyType(
    {
        "black": (0.08, 0.07, 0.06),
        "dark brown": (0.17, 0.12, 0.09),
        "brown": (0.28, 0.19, 0.13),
        "blond": (0.52, 0.40, 0.26),
        "red": (0.44, 0.22, 0.12),
        "grey": (0.50, 0.48, 0.46),
    }
)
"""sRGB of brows by name; lashes are darker."""


@dataclass(frozen=True, kw_only=True)
class Complexion:
    """The colours of a person, sRGB in [0, 1].

    Attributes:
        skin: colour of the skin where no photo says better.
        lips: colour of the lips where no photo says better.
        iris: colour of the iris midway between pupil and rim.
        brows: colour of the brows' hairs.
        brow_shape: how the brows grow.
    """

    skin: Colour = (0.80, 0.71, 0.66)
    lips: Colour = (0.75, 0.58, 0.55)
    iris: Colour = EYE_COLOURS["brown"]
    brows: Colour = HAIR_COLOURS["dark brown"]
    brow_shape: BrowShape = "natural"

    @property
    def lashes(self) -> Colour:
        """The colour of the lashes."""
        red, green, blue = self.brows
        return red * _LASH_SHADE, green * _LASH_SHADE, blue * _LASH_SHADE


_LASH_SHADE = 0.45
"""Lashes against brows; set by eye."""

CLAY_COMPLEXION = Complexion()
"""The colours of clay pictures."""
