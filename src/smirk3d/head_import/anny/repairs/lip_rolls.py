"""Lips that roll in over the teeth, not through them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smirk3d.head_import.anny.fittings.dentition import front_of_teeth
from smirk3d.head_import.anny.repairs.face_points import LIP_CONTACT
from smirk3d.head_import.anny.repairs.skin_fields import Field
from smirk3d.head_import.anny.surface import HeadSurface

_ROLLS = ("mouthRollUpper", "mouthRollLower")
_THICKNESS = 0.0042
"""Metres of lip between the teeth and the line where lips touch, rolled in."""
_ROLLED = 0.002
"""Metres that a lip moves at least where it rolls."""

# how far the other mouth loops follow the one that stops at the teeth, from the skin inwards
_FRACTION = (0.3, 0.6, 0.85, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.9)


def with_lips_before_teeth(
    actions: Mapping[str, Field], template: Field, surface: HeadSurface
) -> dict[str, Field]:
    """Return actions of which the rolls of the lips end before the teeth.

    A lip keeps its shape: what its inner part would lack is added to all of it.
    """
    result = dict(actions)
    upper = surface.mask("teethU")
    for name in _ROLLS:
        offsets = actions[name].copy()
        contact = surface.mouth_loops[LIP_CONTACT]
        loops = np.stack(surface.mouth_loops)
        ended = template[loops[3:]] + offsets[loops[3:]]
        limit = front_of_teeth(ended[..., 0], template, upper) + _THICKNESS
        rolled = np.linalg.norm(offsets[contact], axis=1) > _ROLLED
        short = (limit - ended[..., 2]).max(0).clip(min=0) * rolled
        short = np.stack([np.roll(short, step) for step in (-1, 0, 1)]).mean(0)
        for loop, fraction in zip(loops, _FRACTION, strict=True):
            offsets[loop, 2] += fraction * short
        result[name] = offsets
    return result
