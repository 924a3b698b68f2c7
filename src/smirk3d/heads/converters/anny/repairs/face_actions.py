"""Repairs of facial actions that the sources do weakly or with a crease.

Every repair is a smooth field on the left of the template, laid along the skin where it slides, and
mirrored to the right. Amplitudes follow those of a scanned head (``../shared/head-models.md``
section 2), measured as the 99th percentile over the face.
"""

from __future__ import annotations

import numpy as np

from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.converters.anny.actions import Actions
from smirk3d.heads.converters.anny.repairs.eyelids import closing_lids, gaze_lids, lower_lid_up
from smirk3d.heads.converters.anny.repairs.face_points import FacePoints
from smirk3d.heads.converters.anny.repairs.lip_seal import LipSeal
from smirk3d.heads.converters.anny.repairs.skin_fields import (
    Field,
    along_surface,
    bump,
    ramp,
    union,
)
from smirk3d.heads.converters.anny.surface import MIRROR_AXES, HeadSurface

_UP = (0.0, 1.0, 0.0)

_LIPS_STAY_CLOSED = (
    "mouthRollUpper", "mouthRollLower", "mouthPressLeft", "mouthPressRight", "mouthSmileLeft",
    "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthLeft", "mouthRight", "mouthPucker", "mouthShrugLower", "cheekPuff", "mouthStretchLeft",
    "mouthStretchRight",
)  # fmt: skip


def repaired(actions: Actions, surface: HeadSurface, points: FacePoints) -> Actions:
    """Return all actions with the repaired ones replaced; sides are exact mirrors."""
    seal = LipSeal(surface, points.template)
    left: Actions = gaze_lids(points)
    left["eyeBlinkLeft"] = closing_lids(actions["eyeBlinkLeft"], surface, points)
    left["noseSneerLeft"] = _sneer(actions["noseSneerLeft"], points)
    left["browOuterUpLeft"] = _outer_brow(actions["browOuterUpLeft"], points)
    left["cheekSquintLeft"] = _cheek(actions["cheekSquintLeft"], points)
    left["mouthSmileLeft"] = _smile(actions["mouthSmileLeft"], points)
    result = dict(actions)
    for name, offsets in left.items():
        result[name] = offsets
        result[mirrored_name(name)] = offsets[surface.mirror] * MIRROR_AXES
    result["browInnerUp"] = _inner_brows(actions["browInnerUp"], points, surface)
    result["tongueOut"] = _tongue(actions["tongueOut"], surface, points.template)
    for name in _LIPS_STAY_CLOSED:
        result[name] = seal.unopened(result[name])
    both = result["jawOpen"] + result["mouthClose"]
    result["mouthClose"] = result["mouthClose"] + seal.unopened(both) - both
    return result


def _towards_left(points: FacePoints, width: float) -> Field:
    """Return a ramp over x that sums to 1 with its mirror image."""
    return ramp(points.template[:, 0], -width, width)


def _sneer(source: Field, points: FacePoints) -> Field:
    """Raise nostril wing, upper lip and the fold beside them (levator labii alaeque nasi).

    The source moves little but the inner brow; that is kept at half.
    """
    rest, ala = points.template, points.ala
    wing = bump(rest, ala, (0.010, 0.009, 0.014))
    lip_centre = np.array([0.66 * points.mouth_corner[0], points.mouth_corner[1] + 0.008, ala[2]])
    lip = bump(rest, lip_centre, (0.010, 0.012, 0.018))
    fold = bump(rest, ala, (0.010, 0.013, 0.014), shift=(0.008, -0.006, -0.006))
    side = bump(rest, ala, (0.008, 0.010, 0.012), shift=(-0.006, 0.018, 0.002))
    share = union(0.70 * wing, 0.70 * lip, 0.55 * fold, 0.30 * side)
    share *= points.upper_lip * _towards_left(points, 0.010) * points.skin
    share = points.graph.smooth(share, points.skin.astype(float), 4)
    bulge = points.graph.smooth(fold * points.outer, points.outer.astype(float), 4)
    lifted = share[:, None] * np.array([0.0004, 0.0098, -0.0012])
    return lifted + 0.0014 * bulge[:, None] * points.normals + 0.5 * source


def _inner_brows(source: Field, points: FacePoints, surface: HeadSurface) -> Field:
    """Widen the source's rise of the inner brows over the forehead, and bunch the skin there."""
    x, share = points.template[:, 0], _frontalis(points)
    share = share * ramp(np.abs(x), 0.040, 0.014)
    lifted = 0.0050 * share[:, None] * along_surface(_UP, _soft_normals(points))
    lifted[:, 0] -= 0.0010 * share * np.sign(x) * ramp(np.abs(x), 0.0, 0.012)
    lifted += ramp(np.abs(x), 0.036, 0.012)[:, None] * _brow_relief(points)
    return 0.75 * source + (lifted + lifted[surface.mirror] * MIRROR_AXES) / 2


def _outer_brow(source: Field, points: FacePoints) -> Field:
    """Widen the source's rise of the outer brow, which is a single spot."""
    x = points.template[:, 0]
    side = ramp(x, 0.010, 0.040) * ramp(x, 0.078, 0.056)
    share = _frontalis(points) * side
    lifted = 0.0098 * share[:, None] * along_surface(_UP, _soft_normals(points))
    return 0.25 * source + lifted + side[:, None] * _brow_relief(points)


def _brow_relief(points: FacePoints) -> Field:
    """Return the swelling above a raised brow and the hollow below it, along the normals."""
    above_eye = points.template[:, 1] - points.eye[1]
    front = ramp(points.template[:, 2] - points.eye[2], -0.02, 0.0) * points.outer
    swelling = 0.0012 * np.exp(-0.5 * ((above_eye - 0.027) / 0.006) ** 2)
    hollow = 0.0010 * np.exp(-0.5 * ((above_eye - 0.0145) / 0.003) ** 2)
    return ((swelling - hollow) * front)[:, None] * points.normals


def _frontalis(points: FacePoints) -> Field:
    """Return the share of the brow's rise: from the lid fold up to the hairline, front only."""
    above_eye = points.template[:, 1] - points.eye[1]
    rise = ramp(above_eye, 0.008, 0.020) * ramp(above_eye, 0.075, 0.022)
    front = ramp(points.template[:, 2] - points.eye[2], -0.035, -0.008)
    return points.graph.smooth(rise * front * points.outer, points.outer.astype(float), 3)


def _cheek(source: Field, points: FacePoints) -> Field:
    """Raise the cheek without the crease that the source cuts at the outer corner of the eye.

    The skin between cheek and lid is taken from a smooth field instead, which lifts the lower lid
    a little, as the raised cheek does.
    """
    near_corner = bump(points.template, points.outer_canthus, (0.016, 0.012, 0.016))
    calm = source * (1 - 0.85 * near_corner)[:, None]
    where = bump(points.template, points.outer_canthus, (0.024, 0.022, 0.03)) * points.outer
    calm = points.graph.smooth(calm, where, 14)
    below_eye = (0.010, -0.024, 0.012)
    raised = bump(points.template, points.eye, (0.014, 0.010, 0.016), shift=below_eye)
    raised = points.graph.smooth(raised * points.outer, points.outer.astype(float), 4)
    lifted = raised[:, None] * np.array([0.0005, 0.0042, 0.0022])
    return calm + lifted + lower_lid_up(points, 0.0014)


def _smile(source: Field, points: FacePoints) -> Field:
    """Spread the sharp fold beside the corner of the mouth over the cheek."""
    beside = (0.011, 0.002, -0.004)
    where = bump(points.template, points.mouth_corner, (0.012, 0.016, 0.02), shift=beside)
    return points.graph.smooth(source, where * points.outer, 12)


def _tongue(source: Field, surface: HeadSurface, template: Field) -> Field:
    """Lengthen the tongue by half, tip most, and let it hang over the lip."""
    z = template[:, 2]
    tongue = surface.mask("tongue")
    reach = ramp(z, float(np.median(z[tongue])), float(z[tongue].max())) * tongue
    return source + reach[:, None] * np.array([0.0, -0.009, 0.012])


def _soft_normals(points: FacePoints) -> Field:
    """Return normals without small relief, so that what slides along them keeps its shape."""
    soft = points.graph.smooth(points.normals, points.skin.astype(float), 6)
    return soft / np.linalg.norm(soft, axis=1, keepdims=True).clip(1e-9)
