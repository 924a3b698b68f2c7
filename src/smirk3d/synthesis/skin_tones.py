"""The tones of people's skin, for everything that draws people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.rendering.complexion import Colour

SKIN_TONES: tuple[Colour, ...] = (
    (0.94, 0.80, 0.72), (0.90, 0.73, 0.62), (0.82, 0.63, 0.50), (0.72, 0.53, 0.40),
    (0.58, 0.40, 0.29), (0.45, 0.30, 0.22), (0.33, 0.22, 0.17),
)  # fmt: skip
"""sRGB of skin without its maps, light to dark; chosen by eye from published skin charts."""

_MEANS = (
    (0.025, 1.80, 0.66), (0.045, 1.95, 0.60), (0.09, 2.00, 0.57), (0.16, 1.85, 0.59),
    (0.27, 1.58, 0.66), (0.40, 1.44, 0.71), (0.55, 1.32, 0.76),
)  # fmt: skip
"""Mean linear green of maps of people's skin, dark to light, with red and blue against it (from
sRGB values of (60, 45, 38) to (236, 207, 183), the range of published skin charts)."""


def mean_skin(green: float) -> NDArray[np.float64]:
    """Return the mean linear RGB ``[3]`` that goes with a mean linear green of skin.

    Args:
        green: it is brought into the range of people's skin.
    """
    levels, reds, blues = np.array(_MEANS).T
    green = float(np.clip(green, levels[0], levels[-1]))
    ratios = np.interp(green, levels, reds), 1.0, np.interp(green, levels, blues)
    return green * np.array(ratios)
