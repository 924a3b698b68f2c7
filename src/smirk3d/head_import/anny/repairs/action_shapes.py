"""Smooth motions of named places of the face that complete the sources' actions.

Each place is a Gaussian on the skin around a point of the template; an action moves a few of them
by a few millimetres. The sources' action is kept in part. Margins of eyelids do not move with the
places: eyelids turn about the eyeball instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from smirk3d.head_import.anny.repairs.eyelids import eyelid_turned
from smirk3d.head_import.anny.repairs.face_points import FacePoints
from smirk3d.head_import.anny.repairs.skin_fields import Field, bump
from smirk3d.head_import.anny.surface import MIRROR_AXES, HeadSurface

Millimetres = tuple[float, float, float]

OPPOSITE = "-right"
"""Ends the name of a place on the other side of the face than the action."""

_WIDE, _MEDIUM, _SMALL, _LIP = 0.016, 0.012, 0.009, 0.0075
"""Radii of places in metres. Like the table's millimetres they were chosen by least squares against
ICT-FaceKit's actions at the landmarks, and rounded (docs/open-head.md)."""
_DEEP = 1.6
"""How much farther a place reaches in depth than across: skin curves away from the viewer; set by
hand."""
_ROUNDS = 4
"""Rounds of smoothing over neighbours, which take creases out of a place's edge; set by eye."""


@dataclass(frozen=True)
class Shape:
    """How an action is made.

    Attributes:
        keep: fraction of the sources' action that stays.
        moves: millimetres that each place moves, x to the subject's left, y up, z ahead.
        upper_eyelid: millimetres that the middle of the upper eyelid's margin rises.
        lower_eyelid: millimetres that the middle of the lower eyelid's margin rises.
    """

    keep: float = 1.0
    moves: Mapping[str, Millimetres] = field(default_factory=dict)
    upper_eyelid: float = 0.0
    lower_eyelid: float = 0.0


class FacePlaces:
    """The places of a template, as weights on its vertices.

    Attributes:
        weights: by name ``[V]``; a place in the middle is on both sides.
        upper_eyelid, lower_eyelid: offsets ``[V, 3]`` of a left eyelid that rises by a millimetre.
    """

    def __init__(self, surface: HeadSurface, points: FacePoints) -> None:
        """Lay the places on a template."""
        self._mirror = surface.mirror
        self.upper_eyelid = eyelid_turned(points, 0.001, upper=True)
        self.lower_eyelid = eyelid_turned(points, 0.001, upper=False)
        eyelids = self.upper_eyelid, self.lower_eyelid
        margin = sum(np.linalg.norm(eyelid, axis=1) for eyelid in eyelids).clip(0, 1e-3) * 1e3
        both = np.maximum(margin, margin[surface.mirror])
        skin = points.skin * (1 - both)
        self.weights: dict[str, Field] = {}
        for name, (x, y, size, lip) in _places(points).items():
            centre = _on_skin(points, x, y)
            weight = bump(points.template, centre, (size, size, _DEEP * size)) * skin
            if lip:
                weight *= points.upper_lip if lip > 0 else 1 - points.upper_lip
            weight = points.graph.smooth(weight, skin, _ROUNDS)
            if x == 0:
                weight = (weight + weight[surface.mirror]) / 2
            self.weights[name] = weight / weight.max()

    def offsets(self, shape: Shape, source: Field, *, both_sides: bool) -> Field:
        """Return the offsets ``[V, 3]`` in metres of an action of the left side, or of both.

        Args:
            shape: how it is made.
            source: the sources' action ``[V, 3]``.
            both_sides: mirror what the places of the left do, for an action without sides.
        """
        added = shape.upper_eyelid * self.upper_eyelid + shape.lower_eyelid * self.lower_eyelid
        for name, millimetres in shape.moves.items():
            added = added + self.column(name)[:, None] * (1e-3 * np.asarray(millimetres))
        if both_sides:
            middle = np.zeros_like(added)
            for name, millimetres in shape.moves.items():
                if is_middle(name):
                    middle += self.column(name)[:, None] * (1e-3 * np.asarray(millimetres))
            mirrored = added[self._mirror] * MIRROR_AXES
            added = added + mirrored - (middle + middle[self._mirror] * MIRROR_AXES) / 2
        result: Field = shape.keep * source + added
        return result

    def column(self, name: str) -> Field:
        """Return the weight ``[V]`` of a place, also of one on the other side."""
        if name.endswith(OPPOSITE):
            return self.weights[name.removesuffix(OPPOSITE)][self._mirror]
        return self.weights[name]


def is_middle(name: str) -> bool:
    """Whether a place lies in the middle of the face."""
    return name.startswith("middle_")


def _places(points: FacePoints) -> dict[str, tuple[float, float, float, int]]:
    """Return x, y, size in metres of each place, and whether it is of the upper or lower lip."""
    mx, my = points.mouth_corner[:2]
    ex, ey = points.eye[:2]
    ax, ay = points.ala[:2]
    ix, ox = points.inner_canthus[0], points.outer_canthus[0]
    return {
        "middle_upper_lip": (0.0, my + 0.006, _LIP, 1),
        "middle_lower_lip": (0.0, my - 0.007, _LIP, -1),
        "middle_philtrum": (0.0, my + 0.015, _SMALL, 1),
        "middle_fold_of_chin": (0.0, my - 0.019, _SMALL, -1),
        "middle_chin": (0.0, my - 0.034, _MEDIUM, -1),
        "middle_nose_tip": (0.0, points.nose_tip[1], _SMALL, 0),
        "middle_nose_bridge": (0.0, ey - 0.008, _SMALL, 0),
        "middle_glabella": (0.0, ey + 0.016, _SMALL, 0),
        "middle_forehead": (0.0, ey + 0.045, _WIDE, 0),
        "upper_lip": (0.5 * mx, my + 0.006, _LIP, 1),
        "lower_lip": (0.5 * mx, my - 0.006, _LIP, -1),
        "above_lip": (0.55 * mx, my + 0.015, _SMALL, 1),
        "below_lip": (0.55 * mx, my - 0.018, _SMALL, -1),
        "corner": (mx, my, _LIP, 0),
        "corner_upper": (mx - 0.004, my + 0.006, _LIP, 1),
        "corner_lower": (mx - 0.004, my - 0.006, _LIP, -1),
        "beside_mouth": (mx + 0.012, my + 0.002, _MEDIUM, 0),
        "below_corner": (mx + 0.003, my - 0.016, _MEDIUM, 0),
        "chin": (0.018, my - 0.032, _MEDIUM, -1),
        "jaw": (mx + 0.022, my - 0.018, _WIDE, 0),
        "cheek": (mx + 0.020, my + 0.012, _WIDE, 0),
        "cheekbone": (ex + 0.010, ey - 0.027, _MEDIUM, 0),
        "below_eye": (ex, ey - 0.019, _MEDIUM, 0),
        "nasolabial": (ax + 0.010, ay - 0.006, _SMALL, 0),
        "ala": (ax, ay, _SMALL, 0),
        "beside_nose": (ax + 0.002, ay + 0.016, _SMALL, 0),
        "inner_canthus": (ix, ey - 0.002, _SMALL, 0),
        "outer_canthus": (ox + 0.004, ey, _SMALL, 0),
        "inner_brow": (0.011, ey + 0.021, _SMALL, 0),
        "brow": (ex - 0.004, ey + 0.025, _SMALL, 0),
        "outer_brow": (ex + 0.016, ey + 0.023, _SMALL, 0),
        "eyelid_fold": (ex, ey + 0.015, _SMALL, 0),
        "forehead": (ex - 0.004, ey + 0.046, _WIDE, 0),
        "temple": (ex + 0.030, ey + 0.014, _WIDE, 0),
    }


def _on_skin(points: FacePoints, x: float, y: float) -> Field:
    """Return the foremost vertex of the skin near a place seen from the front ``[3]``."""
    near = np.hypot(points.template[:, 0] - x, points.template[:, 1] - y)
    inside = points.outer & (near < max(0.004, float(near[points.outer].min()) + 1e-4))
    ids = np.flatnonzero(inside)
    found: Field = points.template[ids[points.template[ids, 2].argmax()]].copy()
    found[:2] = x, y
    return found
