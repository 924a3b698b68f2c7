"""Edge loops around mouth and eyes whose distances people keep.

A spoke is the line of vertices, one of each loop, from the face inwards. Identities may draw the
loops of a spoke together or past each other, which folds the skin as soon as an action moves it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.repairs.face_points import LIP_CONTACT
from smirk3d.head_import.anny.repairs.skin_fields import Field, SkinGraph, bump, ramp
from smirk3d.head_import.anny.surface import HeadSurface

Spokes = NDArray[np.int64]

_BESIDE_CORNER = (0.010, -0.008, -0.006)
"""Metres from a corner of the mouth to the place beside and below it where skin is averaged."""
_BESIDE_MOUTH = (0.014, 0.018, 0.02)
"""Metres around that place, a Gaussian's standard deviations. Creases of old people are finer
there than the mesh and come out as points without it; both set by eye on twelve people."""

_ROUNDS = 6
"""Of averaging. On 500 random people a third as many triangles turn over at rest as without."""
_EYE_EVENED = (0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0)
"""How much of each eye loop is averaged along its spokes, from the orbit to behind the margin."""
_INNER_RIM = 9
"""Index of the eyelid margin's inner rim among the eye loops."""
_FOLD = (-0.004, 0.004)
"""Metres outwards of the eye's centre between which the fold of the upper eyelid begins that is
averaged: its outer half, where identities draw loops together."""
_CORNER_EVENED = (0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0)
"""How much of each eye loop is averaged along its spokes at the outer end of the upper eyelid's
fold, which a blink folds over itself where people draw its loops together; chosen on random
faces."""
_FOLD_END = (0.010, 0.003)
"""Metres from the outer end of the upper eyelid within which that is: from where, and wholly."""
_MOUTH_EVENED = (0.0, 0.5, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)
"""How much of each mouth loop is averaged along its spokes at the corner of the mouth."""
_CORNER = (0.65, 0.85)
"""Where a corner of the mouth begins and is whole: fractions of the way from the middle to it."""


def spokes_inwards(loops: Sequence[NDArray[np.int64]], quads: NDArray[np.int64]) -> Spokes:
    """Return the vertices ``[L, N]`` of N spokes through L edge loops of N vertices each."""
    found = [np.asarray(loops[0])]
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], -1).reshape(-1, 2)
    sides = np.concatenate([sides, sides[:, ::-1]])
    for loop in loops[1:]:
        between = sides[np.isin(sides[:, 0], found[-1]) & np.isin(sides[:, 1], loop)]
        inner = dict(between.tolist())
        found.append(np.array([inner[vertex] for vertex in found[-1].tolist()]))
    return np.stack(found)


def evened(offsets: Field, spokes: Spokes, weight: NDArray[np.float64], rounds: int) -> Field:
    """Return offsets ``[V, 3]`` averaged along spokes.

    Args:
        offsets: ``[V, 3]``.
        spokes: ``[L, N]``.
        weight: how much of each loop is averaged ``[L, N]``; the outermost and innermost stay.
        rounds: how often.
    """
    along = offsets[spokes]
    for _ in range(rounds):
        mean = (along[:-2] + along[2:]) / 2
        along[1:-1] += weight[1:-1, :, None] * (mean - along[1:-1])
    result = offsets.copy()
    result[spokes] = along
    return result


def following(offsets: Field, spokes: Spokes, leader: int, weight: NDArray[np.float64]) -> Field:
    """Return offsets ``[V, 3]`` of which the loops inside one take over its offsets.

    Args:
        offsets: ``[V, 3]``.
        spokes: ``[L, N]``.
        leader: number of the loop that leads.
        weight: how much of them each spoke takes over ``[N]``.
    """
    result = offsets.copy()
    lead = offsets[spokes[leader]]
    for loop in spokes[leader + 1 :]:
        result[loop] += weight[:, None] * (lead - offsets[loop])
    return result


class EvenLoops:
    """Keeps the distances of the edge loops around mouth and eyes in an identity's offsets."""

    def __init__(self, surface: HeadSurface, template: Field, eye: Field) -> None:
        """Find the spokes of a template ``[V, 3]`` with the centre of the left eye ``[3]``."""
        spokes = spokes_inwards(surface.eye_loops, surface.quads)
        self._eyes = spokes, surface.mirror[spokes]
        x, y = (template[spokes[_INNER_RIM], axis] - eye[axis] for axis in (0, 1))
        fold = ramp(x, *_FOLD) * (y > 0)
        self._eyelid = np.array(_EYE_EVENED)[:, None] * fold
        end = ramp(x.max() - x, *_FOLD_END) * (y > y[x.argmax()])
        self._eyelid_end = np.array(_CORNER_EVENED)[:, None] * end
        self._mouth = np.stack(surface.mouth_loops)
        reach = np.abs(template[self._mouth[LIP_CONTACT], 0])
        near = ramp(reach, *(f * float(reach.max()) for f in _CORNER))
        self._lips = np.array(_MOUTH_EVENED)[:, None] * near
        self._graph = SkinGraph(surface.quads, len(template))
        corner, folded = (
            np.concatenate([np.abs(points[..., :1]), points[..., 1:]], -1)
            for points in (template[self._mouth[LIP_CONTACT][reach.argmax()]], template)
        )
        self._beside = bump(folded, corner, _BESIDE_MOUTH, shift=_BESIDE_CORNER)
        self._beside *= surface.mask("skin")

    def __call__(self, offsets: Field) -> Field:
        """Return an identity's offsets ``[V, 3]`` with loops that keep their distances."""
        for eye in self._eyes:
            offsets = evened(offsets, eye, self._eyelid, _ROUNDS)
            offsets = evened(offsets, eye, self._eyelid_end, _ROUNDS)
        offsets = evened(offsets, self._mouth, self._lips, _ROUNDS)
        offsets = self._graph.smooth(offsets, self._beside, _ROUNDS)
        return following(offsets, self._mouth, LIP_CONTACT, self._lips[LIP_CONTACT])
