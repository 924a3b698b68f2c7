"""Eyelids and sockets laid on eyeballs of a person's size.

The sources' eyelids lie on helper balls of 16 mm. Each margin is brought to a ball of 12 mm along
the ray from its centre, the skin around follows less and less along the edge loops, and what lies
in the socket is pushed behind the ball's surface. Identities then carry eyelids and ball together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.eyeballs import EYE_SURFACE, surface_radius
from smirk3d.head_import.anny.repairs.skin_fields import Field, ramp
from smirk3d.head_import.anny.surface import MIRROR_AXES, HeadSurface
from smirk3d.heads.action_names import mirrored_name

SEAT = np.array([0.0007, -0.0010, -0.0120])
"""Metres from the front of the left helper ball to the centre of the eye: a little outwards, as the
eyes of people who look into the camera, and down, as their eyelids cover the iris more above."""

EYELID_GAP = 0.0003
"""Metres between the eye and the eyelids' inner rim, of the tear film and of rounding."""

_INNER_RIM = 9
"""Index of the eyelid margin's inner rim among the eye loops."""
_GAP_BEHIND = (0.0005, 0.0007)
"""Metres of the two edge loops behind the inner rim from the eye; ours, by eye."""
_UNDER_EYELID = (0.0009, 0.0016)
"""Metres of the skin behind the eyelids from the edge loop before it."""
_CANTHUS = (0.004, 0.0005)
"""Metres from the outer end of the eyelids within which the skin behind them is drawn closer, so
that narrow eyes do not push it out beside the eyelids: from where, and wholly; ours, by eye."""
_UNDER_CANTHUS = 0.3
"""Fraction of :data:`_UNDER_EYELID` that is left there; ours, by eye."""
_SOCKET_GAP = 0.0009
"""Metres from the eye at which skin of the socket lies at least; ours, by eye."""
_FIRST_CONTACT = 2
_LEAST_GAP = (0.0014, 0.0014, 0.0014, 0.0013, 0.0012, 0.0011, 0.0009, 0.0003, 0.0003, 0.0004)
"""Metres from the eye, by edge loop from the third to the last: skin in front of the rim."""
_LARGEST_SHIFT = 0.0021
"""Metres that no vertex of the inner rim moves farther; ours, by eye."""
_REACH = 0.03
"""Metres from the eye's centre within which the cavity is its socket: beyond a ball of 12 mm."""
_STILL = 1e-5
"""Metres up to which an action leaves a vertex in its place: rounding."""

# fraction of the inner rim's shift by edge loop, from the orbit to the rim
_FRACTION = (0.0, 0.02, 0.08, 0.18, 0.32, 0.50, 0.70, 0.87, 1.0, 1.0)


def with_eyelids_on_eyes(template: Field, centre: Field, surface: HeadSurface) -> Field:
    """Return a symmetric template ``[V, 3]`` with eyelids on the eye around the left centre."""
    result = template.copy()
    rim = surface.eye_loops[_INNER_RIM]
    shift = _onto_eye(template[rim], centre, EYELID_GAP)
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    # the inner corner keeps its place: the tear duct and its flesh fill it
    shift *= (_LARGEST_SHIFT * np.tanh(length / _LARGEST_SHIFT)) / length.clip(1e-9)
    angle = _around(template[rim], centre)
    for loop, fraction in zip(surface.eye_loops, _FRACTION, strict=False):
        result[loop] += fraction * _periodic(_around(template[loop], centre), angle, shift)
    before = rim
    for loop, gap, under in zip(
        surface.eye_loops[len(_FRACTION) :], _GAP_BEHIND, _UNDER_EYELID, strict=True
    ):
        before = _joined(loop, before, surface.quads)
        beside = ramp(result[rim, 0].max() - result[before, 0], *_CANTHUS)
        under_here = under * (1 - (1 - _UNDER_CANTHUS) * beside)
        at = result[before] + under_here[:, None] * _across(result[before], centre)
        result[loop] = at + _onto_eye(at, centre, gap)
        before = loop
    near = np.linalg.norm(template - centre, axis=1) < _REACH
    socket = np.flatnonzero(surface.mask("cavity") & near)
    outwards = _onto_eye(result[socket], centre, _SOCKET_GAP)
    inside = (outwards * (result[socket] - centre)).sum(1) > 0
    result[socket[inside]] += outwards[inside]
    left = np.unique(np.concatenate([*surface.eye_loops, socket]))
    result[surface.mirror[left]] = result[left] * MIRROR_AXES
    return result


def seated(helper: Field, radius: NDArray[np.float64]) -> Field:
    """Return the eyes' centres ``[1 + S, 3]``, of a mean and of offsets, for helper balls.

    An eye stays behind the front of its helper ball, whose radii ``[1 + S]`` differ in people, and
    keeps its size.
    """
    centres = helper.copy()
    centres[:, 2] += radius
    centres[0] += SEAT * (np.sign(helper[0, 0]), 1, 1)
    return centres


def eyelids_with_eyes(
    offsets: Field, template: Field, eyes: Mapping[str, Field], index: int, surface: HeadSurface
) -> Field:
    """Return an identity's offsets ``[V, 3]`` that keep both eyes' eyelids on them.

    Args:
        offsets: of the identity.
        template: ``[V, 3]`` with eyelids on the eyes.
        eyes: the centres of ``eyeL`` and ``eyeR`` and their offsets ``[1 + S, 3]``.
        index: the row of the identity among them.
        surface: for the edge loops.
    """
    result = offsets.copy()
    for number, left in enumerate(surface.eye_loops):
        fraction = _FRACTION[number] if number < len(_FRACTION) else 1.0
        for name, loop in (("eyeL", left), ("eyeR", surface.mirror[left])):
            ray = _unit(template[loop] - eyes[name][0])
            off = ((eyes[name][index] - offsets[loop]) * ray).sum(1, keepdims=True)
            result[loop] += fraction * off * ray
    return result


def with_sliding_eyelids(
    actions: Mapping[str, Field], template: Field, centre: Field, surface: HeadSurface
) -> dict[str, Field]:
    """Return actions of which those of the eyes let the eyelids end as far off the eye as at rest.

    Skin that such an action lifts off the eye stays lifted; the closer to the margin, the less of
    it. Actions are mirrors of each other.
    """
    result = dict(actions)
    for name in actions:
        if name.startswith("eye") and name.endswith("Left"):
            left = _sliding(actions[name], template, centre, surface)
            result[name] = left
            result[mirrored_name(name)] = left[surface.mirror] * MIRROR_AXES
    return result


def _sliding(offsets: Field, template: Field, centre: Field, surface: HeadSurface) -> Field:
    result = offsets.copy()
    for number, loop in enumerate(surface.eye_loops):
        fraction = _FRACTION[number] if number < len(_FRACTION) else 1.0
        rest, ended = template[loop] - centre, template[loop] + offsets[loop] - centre
        ray = _unit(ended)
        height = np.linalg.norm(rest, axis=1) - surface_radius(_unit(rest)[:, 2])
        off = surface_radius(ray[:, 2]) + height - np.linalg.norm(ended, axis=1)
        moved = np.linalg.norm(offsets[loop], axis=1) > _STILL
        result[loop] += (fraction * off * moved)[:, None] * ray
    return result


def eyelid_contacts(
    template: Field, centre: Field, surface: HeadSurface
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a head file that keep the eyelids off the eyes.

    Eyelids come as close to the eye as at rest, or as their thickness lets them.
    """
    loops = surface.eye_loops[_FIRST_CONTACT:]
    gaps = np.concatenate(
        [np.full(len(loop), gap) for loop, gap in zip(loops, _LEAST_GAP, strict=True)]
    )
    ids = np.concatenate(loops)
    ray = _unit(template[ids] - centre)
    rest = np.linalg.norm(template[ids] - centre, axis=1) - surface_radius(ray[:, 2])
    gap = np.minimum(gaps, rest)
    return {
        "eye_surface": EYE_SURFACE,
        "lid_id": np.concatenate([ids, surface.mirror[ids]]),
        "lid_eye": np.repeat([0, 1], len(ids)),
        "lid_gap": np.concatenate([gap, gap]),
    }


def _onto_eye(points: Field, centre: Field, gap: float) -> Field:
    ray = _unit(points - centre)
    wanted = surface_radius(ray[:, 2]) + gap
    shift: Field = wanted[:, None] * ray - (points - centre)
    return shift


def _unit(vectors: Field) -> Field:
    unit: Field = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(1e-12)
    return unit


def _around(points: Field, centre: Field) -> NDArray[np.float64]:
    """Return the angle of points about an eye's line of sight, in radians."""
    angle: NDArray[np.float64] = np.arctan2(*(points - centre)[:, [1, 0]].T)
    return angle


def _joined(
    loop: NDArray[np.int64], others: NDArray[np.int64], quads: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each vertex of an edge loop the one of another loop that an edge joins it to."""
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], -1).reshape(-1, 2)
    sides = np.concatenate([sides, sides[:, ::-1]])
    sides = sides[np.isin(sides[:, 0], loop) & np.isin(sides[:, 1], others)]
    joined = dict(sides.tolist())
    return np.array([joined[vertex] for vertex in loop.tolist()])


def _across(loop: Field, centre: Field) -> Field:
    """Return the way ``[N, 3]`` along an eye's surface that leads out of a closed line on it."""
    along = np.roll(loop, -1, axis=0) - np.roll(loop, 1, axis=0)
    across = np.cross(along, _unit(loop - centre))
    outwards = np.sign((across * (loop - loop.mean(0))).sum())
    return outwards * _unit(across)


def _periodic(at: Field, angle: Field, values: Field) -> Field:
    return np.stack([np.interp(at, angle, column, period=2 * np.pi) for column in values.T], 1)
