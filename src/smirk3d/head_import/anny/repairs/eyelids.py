"""Left eyelids that meet along a smooth line when they close, and that follow the gaze.

Eyelids slide over the eyeball: what is added here turns their skin about the eyeball's centre, by
an angle that falls from the margin to the orbit along the edge loops around the eye.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.actions import Actions
from smirk3d.head_import.anny.repairs.face_points import EYELID_MARGIN, FacePoints
from smirk3d.head_import.anny.repairs.skin_fields import Field, bump, ramp, turned
from smirk3d.head_import.anny.repairs.spokes import evened, spokes_inwards
from smirk3d.head_import.anny.surface import HeadSurface

GAZE_RANGE = (0.58, 0.65, 0.65, 0.47)
"""Turn of the eyeball at weight 1 looking down, in, out and up, in radians: 33, 37, 37 and 27
degrees, about as far as eyes turn before the head follows."""

_UPPER_FOLLOWS = {"Down": 0.92, "Up": 0.75}
"""Fractions of the eye's rotation down and up that the upper eyelid follows; set by eye."""
_LOWER_FOLLOWS = {"Down": 0.50, "Up": 0.45}
"""Fractions of the eye's rotation down and up that the lower eyelid follows; set by eye."""
_ASIDE_FOLLOWS = 0.41
"""Fraction of the eye's rotation aside that the eyelids follow; like those down and up, set on the
sheets of ``scripts/open_head_sheets.py``."""
_OVERLAP, _CORNER_OVERLAP = 0.0020, 0.0009
"""Metres by which closed eyelids overlap in the middle and in the corners: what nine of ten
identities need to close."""
_LOWER_EYELID_RISE = 0.0018
"""Metres by which a blink lifts the lower eyelid's middle; set by eye."""
_INNER_CORNER = (0.004, 0.001)
"""Metres from the inner end of the margin within which the loops of a blink keep their distances:
from where, and wholly; chosen on random faces."""
_INNER_EVENED = (0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
"""How much of each eye loop is averaged there along its spokes, from the orbit inwards."""
_ROUNDS = 6
"""Of that averaging, as of identities (:mod:`.spokes`)."""

# fraction of the margin's motion by edge loop, from the orbit to behind the eyelid
_UPPER_FRACTION = (0.0, 0.11, 0.31, 0.53, 0.72, 0.85, 0.94, 1.0, 1.0, 1.0, 0.95, 0.6)
_LOWER_FRACTION = (0.10, 0.25, 0.42, 0.60, 0.76, 0.88, 0.95, 1.0, 1.0, 1.0, 0.95, 0.6)
"""Both set by eye, on eyes that close: skin between the edge loops neither folds nor stretches in
one place."""

_DOWNWARDS, _LEFTWARDS = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def gaze_eyelids(points: FacePoints) -> Actions:
    """Return the eyelids' offsets ``[V, 3]`` of the four gaze actions of the left eye."""
    upper, lower = _eyelid_weights(points)
    middle = _between_canthi(points)
    actions: Actions = {}
    for way, sign, reach in (("Down", 1.0, GAZE_RANGE[0]), ("Up", -1.0, GAZE_RANGE[3])):
        fraction = upper * _UPPER_FOLLOWS[way] + lower * _LOWER_FOLLOWS[way]
        angle = sign * reach * fraction * middle
        actions[f"eyeLook{way}Left"] = turned(points.template, points.eye, _DOWNWARDS, angle)
    for way, sign, reach in (("In", -1.0, GAZE_RANGE[1]), ("Out", 1.0, GAZE_RANGE[2])):
        angle = sign * reach * _ASIDE_FOLLOWS * (upper + 0.8 * lower) * middle
        actions[f"eyeLook{way}Left"] = turned(points.template, points.eye, _LEFTWARDS, angle)
    return actions


def closing_eyelids(blink: Field, surface: HeadSurface, points: FacePoints) -> Field:
    """Return the blink of the left eye, with both margins meeting on one curve.

    The source closes the eyelids of this template by a third too far, most at the outer corner,
    where the line then hooks up. Its motion is kept and scaled along the eyelid, so that at 1 the
    upper margin overlaps the lower one by what nine of ten identities need to close; the lower
    eyelid rises a little.
    """
    margin = surface.eye_loops[EYELID_MARGIN]
    upper = margin[points.upper_eyelid[margin]]
    upper = upper[np.argsort(points.template[upper, 0])]
    lower = margin[~points.upper_eyelid[margin]]
    lower = np.concatenate([lower, upper[[0, -1]]])
    lower = lower[np.argsort(points.template[lower, 0])]
    x = points.template[upper, 0]
    middle = _between_canthi(points)
    rise = _LOWER_EYELID_RISE * middle
    rest_line = np.interp(x, points.template[lower, 0], points.template[lower, 1] + rise[lower])
    overlap = _CORNER_OVERLAP + (_OVERLAP - _CORNER_OVERLAP) * middle[upper]
    wanted = points.template[upper, 1] - rest_line + overlap
    found = -blink[upper, 1]
    usable = found > 0.002
    ratio = (wanted[usable] / found[usable]).clip(0.05, 1.1)
    ratio = np.convolve(np.pad(ratio, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    scale = np.interp(points.template[:, 0], x[usable], ratio)
    closing = blink * scale[:, None] + lower_eyelid_up(points, _LOWER_EYELID_RISE)
    spokes = spokes_inwards(surface.eye_loops, surface.quads)
    rim = points.template[spokes[EYELID_MARGIN], 0]
    inner = ramp(rim - rim.min(), *_INNER_CORNER)
    return evened(closing, spokes, np.array(_INNER_EVENED)[:, None] * inner, _ROUNDS)


def lower_eyelid_up(points: FacePoints, rise: float) -> Field:
    """Return offsets ``[V, 3]`` that lift the middle of the left lower eyelid by metres."""
    return eyelid_turned(points, rise, upper=False)


def eyelid_turned(points: FacePoints, rise: float, *, upper: bool) -> Field:
    """Return offsets ``[V, 3]`` that lift the middle of a left eyelid's margin by metres."""
    eyelids = _eyelid_weights(points)
    angle = -rise / points.radius * eyelids[0 if upper else 1] * _between_canthi(points)
    return turned(points.template, points.eye, _DOWNWARDS, angle)


def _eyelid_weights(points: FacePoints) -> tuple[Field, Field]:
    """Return how far each vertex shares the motion of the upper and of the lower margin."""
    ring = points.eye_ring
    on_loop = ring >= 0
    upper = np.where(on_loop & points.upper_eyelid, np.array(_UPPER_FRACTION)[ring], 0.0)
    lower = np.where(on_loop & ~points.upper_eyelid, np.array(_LOWER_FRACTION)[ring], 0.0)
    return _feathered(points, upper), _feathered(points, lower)


def _feathered(points: FacePoints, weights: Field) -> Field:
    soft = points.graph.smooth(weights, (points.eye_ring < EYELID_MARGIN - 4).astype(float), 4)
    near = bump(points.template, points.eye, (0.02, 0.02, 0.02)) > 0.01
    left: NDArray[np.bool_] = points.template[:, 0] > 0
    return np.where(near & left & points.skin, soft, 0.0)


def _between_canthi(points: FacePoints) -> Field:
    """Return 1 in the middle of the eyelid and 0 at its corners ``[V]``, over x."""
    inner, outer = points.inner_canthus[0], points.outer_canthus[0]
    u = (points.template[:, 0] - (inner + outer) / 2) / ((outer - inner) / 2)
    arch = (1 - u**2).clip(0, 1) ** 0.75
    return arch * ramp(np.abs(u), 1.02, 0.9)
