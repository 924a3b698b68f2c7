"""The tongue put out: it rises over the lower lip and then hangs down before it.

Offsets are linear in an action's weight, which would carry the tongue through the lip on its way.
So the action lifts the tongue, and a corrective weighted by the square of the weight lowers it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smirk3d.head_import.anny.repairs.face_points import LIP_CONTACT, upper_half
from smirk3d.head_import.anny.repairs.skin_fields import Field, ramp
from smirk3d.head_import.anny.surface import HeadSurface

_LONGER = (0.0, -0.009, 0.012)
"""Metres by which the tip goes further than the sources' tongue, which ends at the lips; chosen by
eye."""
_PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Places from the tongue's middle (0) to its tip (1); chosen by us."""
_LIFT = (0.0, 0.022, 0.022, 0.045, 0.044)
"""Metres up at each place by the weight, measured as :data:`_SINK`."""
_SINK = (0.003, -0.018, -0.007, -0.036, -0.045)
"""Metres up at each place by the square of the weight, measured with :data:`_LIFT`: by linear
programming, the least lift with which tongues of 310 random faces pass over the lower lip, rounded
to millimetres."""
_SIDE = 0.012
"""Metres from the middle up to which the lower lip counts that the tongue follows aside;
chosen by eye."""


def lengthened(source: Field, surface: HeadSurface, template: Field) -> Field:
    """Return the sources' action longer by half, tip most, and lifted over the lip ``[V, 3]``."""
    z = template[:, 2]
    tongue = surface.mask("tongue")
    reach = ramp(z, float(np.median(z[tongue])), float(z[tongue].max())) * tongue
    longer: Field = source + reach[:, None] * np.array(_LONGER)
    return longer + _raised(_LIFT, surface, template)


def tongue_correctives(
    actions: Mapping[str, Field], surface: HeadSurface, template: Field
) -> dict[tuple[str, str], Field]:
    """Return what sinks the tongue and carries it aside with the lips, by pair of actions.

    Args:
        actions: offsets ``[V, 3]`` by name.
        surface: the head's mesh.
        template: vertices ``[V, 3]``.
    """
    contact = surface.mouth_loops[LIP_CONTACT]
    lower = np.setdiff1d(contact, upper_half(template, contact))
    middle = lower[np.abs(template[lower, 0]) < _SIDE]
    aside = actions["mouthLeft"][middle].mean(0) * [1, 0, 1]
    return {
        ("tongueOut", "tongueOut"): _raised(_SINK, surface, template),
        ("mouthLeft", "tongueOut"): _free(surface, template)[:, None] * aside,
    }


def _raised(heights: tuple[float, ...], surface: HeadSurface, template: Field) -> Field:
    """Return offsets up ``[V, 3]`` by heights at :data:`_PLACES`."""
    z = template[:, 2]
    middle, tip = _middle_and_tip(surface, template)
    place = ((z - middle) / (tip - middle)).clip(0, 1)
    offsets = np.zeros_like(template)
    offsets[:, 1] = np.interp(place, _PLACES, heights) * _free(surface, template)
    return offsets


def _free(surface: HeadSurface, template: Field) -> Field:
    """Return 0 at the tongue's back and off it, 1 from its middle forward ``[V]``."""
    z = template[:, 2]
    tongue = surface.mask("tongue")
    back, middle = float(z[tongue].min()), _middle_and_tip(surface, template)[0]
    free: Field = ((z - back) / (middle - back)).clip(0, 1) * tongue
    return free


def _middle_and_tip(surface: HeadSurface, template: Field) -> tuple[float, float]:
    z = template[surface.mask("tongue"), 2]
    return float(np.median(z)), float(z.max())
