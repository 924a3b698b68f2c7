"""What the open head's actions do to each other, as the arrays of a head file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.actions import Actions
from smirk3d.head_import.anny.repairs.face_points import EYELID_MARGIN, FacePoints
from smirk3d.head_import.anny.repairs.hidden_loops import HiddenLoops
from smirk3d.head_import.anny.repairs.skin_fields import Field, ramp
from smirk3d.head_import.anny.repairs.tongue import tongue_correctives
from smirk3d.head_import.anny.surface import MIRROR_AXES, HeadSurface
from smirk3d.heads.action_names import BLINKS, EXPRESSION_ACTIONS, GAZE_ACTIONS, mirrored_name

CHANNELS = (
    *EXPRESSION_ACTIONS,
    "jawOpen", "jawLeft", "jawForward", "", "jawRight", "",
    *BLINKS,
    *GAZE_ACTIONS,
)  # fmt: skip
"""The actions in the order of a head's channels."""

# the tongue passes when the lips are a fifth of the jaw's range apart, wholly at three fifths of it
_TONGUE = {"jawOpen": 2.6, "mouthClose": -2.6, "jawForward": -0.6, "mouthFunnel": 0.6,
           "mouthPucker": -0.8, "mouthRollUpper": -0.5, "mouthRollLower": -0.5,
           "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3,
           "mouthLeft": -1.6, "mouthRight": -1.6, "jawLeft": -0.9, "jawRight": -0.9,
           "mouthShrugLower": -1.3}  # fmt: skip
_TONGUE_BASE = -0.52
"""The tongue's gate at rest, from the same two points: with the jaw's slope of 2.6 it is 0 at 0.2
of the range and 1 at 0.58."""

_SATURATED = (
    ("noseSneerLeft", "mouthUpperUpLeft", 0.5),
    ("mouthSmileLeft", "mouthStretchLeft", 0.5),
    ("mouthSmileLeft", "mouthDimpleLeft", 0.5),
    ("mouthStretchLeft", "mouthDimpleLeft", 0.5),
    ("mouthSmileLeft", "cheekSquintLeft", 0.3),
    ("mouthPucker", "mouthFunnel", 0.6),
    ("browInnerUp", "browOuterUpLeft", 0.15),
    ("mouthLeft", "mouthFrownRight", 0.4),
    ("mouthLeft", "mouthSmileRight", 0.3),
    ("mouthLeft", "mouthUpperUpRight", 0.5),
)
"""Two actions that pull the same skin the same way, and the fraction of the second that is lost
where both are whole. Set by eye."""

_ROLLED_IN = (("mouthUpperUpLeft", 0.85), ("noseSneerLeft", 0.6))
"""Actions that raise the upper lip, and the fraction of it that a lip wholly rolled in loses: it
would leave the teeth behind it. Measured on the random faces of ``scripts/open_head_checks.py``."""
_ABOVE_LIPS = (0.02, 0.008)
"""Metres above the mouth's corners between which that loss begins and is whole; set by eye."""
_BESIDE_LIPS = (1.1, 0.65)
"""Fractions of the way from the middle to a mouth's corner between which that loss ends and is
whole: at the corner, where the lips meet, the skin would fold; set on random faces."""

_WIDE_LOOKING_UP = 0.35
"""Fraction of ``eyeWide`` that is lost looking up, which has raised the eyelid already: both would
draw the fold above it over itself. Set on random faces."""

_BELOW_EYELID = ("eyeSquintLeft", "cheekSquintLeft")


def interplay(
    actions: Actions,
    shape_basis: NDArray[np.float64],
    surface: HeadSurface,
    points: FacePoints,
    face: NDArray[np.bool_],
) -> dict[str, NDArray[Any]]:
    """Return the arrays of opposites, gates, correctives and of a person's size.

    Args:
        actions: offsets ``[V, 3]`` by name.
        shape_basis: ``[S, V, 3]``.
        surface: for loops and mirrors.
        points: of the template.
        face: which vertices are the face, whose size scales the actions ``[V]``.
    """
    pairs, offsets = _correctives(actions, surface, points)
    gates: dict[str, tuple[float, dict[str, float]]] = {"tongueOut": (_TONGUE_BASE, dict(_TONGUE))}
    # closed eyelids rest on each other wherever the eye beneath looks
    for name in (*GAZE_ACTIONS, "eyeWideLeft", "eyeWideRight"):
        side = "Left" if name.endswith("Left") else "Right"
        gates[name] = (1.0, {f"eyeBlink{side}": -1.0})
        if name.startswith("eyeWide"):
            gates[name][1][f"eyeLookUp{side}"] = -_WIDE_LOOKING_UP
    slopes = np.zeros((len(gates), len(CHANNELS)))
    for row, (_, by) in enumerate(gates.values()):
        for name, slope in by.items():
            slopes[row, CHANNELS.index(name)] = slope
    return {
        "opposed": _channels([("mouthLeft", "mouthRight")]),
        "gate_channel": _channels(list(gates)),
        "gate_base": np.array([base for base, _ in gates.values()]),
        "gate_slope": slopes,
        "corrective_pair": _channels(pairs),
        "corrective_basis": np.stack(offsets),
        "action_scale": _sizes(shape_basis, surface, points, face),
    }


def _channels(names: list[Any]) -> NDArray[np.int32]:
    flat = [n for name in names for n in ((name,) if isinstance(name, str) else name)]
    found = np.array([CHANNELS.index(name) for name in flat], np.int32)
    return found if isinstance(names[0], str) else found.reshape(-1, 2)


def _correctives(
    actions: Actions, surface: HeadSurface, points: FacePoints
) -> tuple[list[tuple[str, str]], list[Field]]:
    found = {(a, b): -fraction * actions[b] for a, b, fraction in _SATURATED}
    eyelid = _on_eyelid(points)[:, None]
    for name in _BELOW_EYELID:
        found["eyeBlinkLeft", name] = -eyelid * actions[name]
    found["eyeSquintLeft", "cheekSquintLeft"] = -0.5 * eyelid * actions["cheekSquintLeft"]
    above, reach = points.template[:, 1], np.abs(points.template[:, 0])
    lip = points.upper_lip * ramp(above - points.mouth_corner[1], *_ABOVE_LIPS)
    lip *= ramp(reach / points.mouth_corner[0], *_BESIDE_LIPS)
    for name, fraction in _ROLLED_IN:
        found["mouthRollUpper", name] = -fraction * lip[:, None] * actions[name]
    found |= tongue_correctives(actions, surface, points.template)
    for (first, second), offsets in list(found.items()):
        other = mirrored_name(first), mirrored_name(second)
        if other != (first, second):
            found[other] = offsets[surface.mirror] * MIRROR_AXES
    hidden = HiddenLoops(surface, points.template)
    return list(found), [hidden.action(offsets) for offsets in found.values()]


def _on_eyelid(points: FacePoints) -> Field:
    """Return 1 on the margin of the left lower eyelid, less towards the orbit ``[V]``."""
    inside = points.eye_ring >= 0
    fraction = np.where(inside, (points.eye_ring / EYELID_MARGIN).clip(0, 1) ** 1.5, 0.0)
    return fraction * ~points.upper_eyelid


def _sizes(
    shape_basis: NDArray[np.float64],
    surface: HeadSurface,
    points: FacePoints,
    face: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the relative change of actions by each component ``[4, S]``.

    Expression and jaw grow with the face, eyelids with the opening that they close; eyelids that
    follow the gaze do not, as eyeballs have one size.
    """
    arms = points.template[face] - points.template[face].mean(0)
    moved = shape_basis[:, face]
    grown = (moved * arms).sum((1, 2)) / (arms**2).sum()
    margin = surface.eye_loops[EYELID_MARGIN]
    upper = points.upper_eyelid[margin]
    middle = (points.inner_canthus[0] + points.outer_canthus[0]) / 2
    near = np.abs(points.template[margin, 0] - middle) < 0.006
    left, right = margin, surface.mirror[margin]

    def opening(field: NDArray[np.float64]) -> NDArray[np.float64]:
        y = (field[..., left, 1] + field[..., right, 1]) / 2
        gap: NDArray[np.float64] = y[..., upper & near].mean(-1) - y[..., ~upper & near].mean(-1)
        return gap

    opened = opening(shape_basis) / opening(points.template)
    return np.stack([grown, grown, opened, np.zeros_like(grown)])
