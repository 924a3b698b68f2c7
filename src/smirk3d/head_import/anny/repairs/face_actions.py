"""Repairs of facial actions that the sources do weakly, elsewhere, or with a crease.

What is added are smooth motions of places of the left of the template
(:mod:`~smirk3d.head_import.anny.repairs.action_shapes`), mirrored to the right.
"""

from __future__ import annotations

import numpy as np

from smirk3d.head_import.anny.actions import Actions
from smirk3d.head_import.anny.repairs.action_shapes import FacePlaces
from smirk3d.head_import.anny.repairs.action_table import ACTION_SHAPES
from smirk3d.head_import.anny.repairs.eyelids import closing_eyelids, gaze_eyelids
from smirk3d.head_import.anny.repairs.face_points import FacePoints
from smirk3d.head_import.anny.repairs.lip_seal import LipSeal
from smirk3d.head_import.anny.repairs.skin_fields import Field, bump
from smirk3d.head_import.anny.repairs.tongue import lengthened
from smirk3d.head_import.anny.surface import MIRROR_AXES, HeadSurface
from smirk3d.heads.action_names import mirrored_name

_LIPS_KEEP_THEIR_GAP = ("mouthSmileLeft", "mouthSmileRight")
"""Actions that neither part nor press the lips, as on ICT-FaceKit: pressed lips would take up what
a raised or lowered lip opens in a laugh."""
_LIPS_STAY_CLOSED = (
    "mouthRollUpper", "mouthRollLower", "mouthPressLeft", "mouthPressRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthLeft", "mouthRight",
    "mouthPucker", "mouthShrugLower", "cheekPuff", "mouthStretchLeft", "mouthStretchRight",
)  # fmt: skip

_BESIDE_ROLL = (0.011, 0.012, 0.02)
"""Metres around a point beside a mouth's corner over which the roll of a lip is averaged, a
Gaussian's standard deviations; set by eye."""
_ROLL_SHIFT = (0.007, 0.0, 0.0)
"""Metres from the corner to the point around which rolls are averaged; set by eye."""
_ROLL_ROUNDS = 40
"""Of that averaging, set by eye: without it shading shows pale patches beside the corners."""


def repaired(actions: Actions, surface: HeadSurface, points: FacePoints) -> Actions:
    """Return all actions with the repaired ones replaced; sides are exact mirrors."""
    seal = LipSeal(surface, points.template)
    left: Actions = gaze_eyelids(points)
    left["eyeBlinkLeft"] = closing_eyelids(actions["eyeBlinkLeft"], surface, points)
    places = FacePlaces(surface, points)
    both: Actions = {}
    for name, shape in ACTION_SHAPES.items():
        sided = mirrored_name(name) != name
        source = _without_step(name, actions[name], points)
        made = places.offsets(shape, source, both_sides=not sided)
        (left if sided else both)[name] = _eased(name, made, points)
    result = dict(actions)
    for name, offsets in left.items():
        result[name] = offsets
        result[mirrored_name(name)] = offsets[surface.mirror] * MIRROR_AXES
    result |= both
    result["tongueOut"] = lengthened(actions["tongueOut"], surface, points.template)
    for name in _LIPS_KEEP_THEIR_GAP:
        result[name] = seal.unchanged(result[name])
    for name in _LIPS_STAY_CLOSED:
        result[name] = seal.unopened(result[name])
    shut = result["jawOpen"] + result["mouthClose"]
    result["mouthClose"] = result["mouthClose"] + seal.unopened(shut) - shut
    return result


def _eased(name: str, made: Field, points: FacePoints) -> Field:
    """Return an action; one that rolls a lip fades out softly beside the mouth."""
    if name not in ("mouthRollUpper", "mouthRollLower"):
        return made
    folded = points.template * np.sign(points.template[:, :1]) ** [1, 0, 0]
    where = bump(folded, points.mouth_corner, _BESIDE_ROLL, shift=_ROLL_SHIFT)
    return points.graph.smooth(made, where * points.outer, _ROLL_ROUNDS)


def _without_step(name: str, source: Field, points: FacePoints) -> Field:
    """Return a source's action without the step that it has beside the eye or the mouth."""
    if name == "cheekSquintLeft":
        near = bump(points.template, points.outer_canthus, (0.016, 0.012, 0.016))
        where = bump(points.template, points.outer_canthus, (0.024, 0.022, 0.03)) * points.outer
        return points.graph.smooth(source * (1 - 0.85 * near)[:, None], where, 14)
    if name == "mouthSmileLeft":
        beside = (0.011, 0.002, -0.004)
        where = bump(points.template, points.mouth_corner, (0.012, 0.016, 0.02), shift=beside)
        return points.graph.smooth(source, where * points.outer, 12)
    if name == "cheekPuff":
        folded = points.template * np.sign(points.template[:, :1]) ** [1, 0, 0]
        beside, radii = (0.014, -0.006, -0.006), (0.022, 0.022, 0.03)
        where = bump(folded, points.mouth_corner, radii, shift=beside)
        return points.graph.smooth(source, where * points.outer, 16)
    return source
