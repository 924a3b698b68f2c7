"""Edge loops behind the edges of eyelids and lips that stay hidden there.

Where skin is folded to less than its thickness, at the outer corner of an eye and at the corners of
the mouth, a loop behind the edge that moves a little otherwise than the edge comes out through the
skin before it, and its back shows. So these loops lie close behind the edge and go where it goes.
"""

from __future__ import annotations

import numpy as np

from smirk3d.head_import.anny.repairs.face_points import LIP_CONTACT
from smirk3d.head_import.anny.repairs.skin_fields import Field, ramp
from smirk3d.head_import.anny.repairs.spokes import following, spokes_inwards
from smirk3d.head_import.anny.surface import MIRROR_AXES, HeadSurface

_INNER_RIM = 9
"""Index of the eyelid margin's inner rim among the eye loops; two loops lie behind it."""
_OUTER_CORNER = (0.006, 0.003)
"""Metres from the outer end of the rim at which its corner begins and is whole. These and the
numbers below were chosen on pictures of 400 random faces at 0.3 mm a pixel, on which no back of an
eyelid shows with them, and on half of the faces without."""
_INNER_CORNER = (0.007, 0.004)
"""Metres from the inner end of the rim at which its corner begins and is whole, chosen on random
faces. There the last loop alone lies close to the one before it, since the first is seen beside the
tear duct's flesh."""
_STEPS = (0.0001, 0.0002)
"""Metres from the rim towards the eye of the two loops behind it, at the outer corner."""
_MOUTH_CORNER = (0.85, 0.95)
"""Where a corner of the mouth begins and is whole: fractions of the way from the middle to it."""
_MOUTH_SIDE = (0.6, 0.8)
"""Where the part of the lips begins whose loops go with the contact line in actions, and where it
is whole, in such fractions. Nearer to the middle they would meet the teeth under a raised lip that
is rolled in (faces 3706 and 7228 of ``scripts/open_head_checks.py``)."""
_BEHIND_LIPS = ((0.15, 0.4), (0.3, 0.9))
"""Height and depth that the two loops behind the lips' contact keep there, as fractions."""
_INWARDS = (0.0003, 0.0015)
"""Metres by which they lie nearer to the middle than the contact there."""


class HiddenLoops:
    """Keeps the loops behind the edges of eyelids and lips with them."""

    def __init__(self, surface: HeadSurface, template: Field) -> None:
        """Find the loops of a template ``[V, 3]``."""
        left = spokes_inwards(surface.eye_loops, surface.quads)[_INNER_RIM:]
        self._eyes = left, surface.mirror[left]
        rim = template[left[0], 0]
        self._outer = ramp(rim.max() - rim, *_OUTER_CORNER)
        self._inner = ramp(rim - rim.min(), *_INNER_CORNER)
        self._mouth = np.stack(surface.mouth_loops)[LIP_CONTACT:]
        reach = np.abs(template[self._mouth[0], 0])
        self._corner = ramp(reach, *(share * float(reach.max()) for share in _MOUTH_CORNER))
        self._lips = ramp(reach, *(share * float(reach.max()) for share in _MOUTH_SIDE))

    def tucked(self, template: Field, eye: Field) -> Field:
        """Return a symmetric template ``[V, 3]`` with the loops close behind the edges.

        Args:
            template: ``[V, 3]``.
            eye: centre of the left eye ``[3]``.
        """
        result = template.copy()
        left, right = self._eyes
        rim = template[left[0]]
        towards_eye = (eye - rim) / np.linalg.norm(eye - rim, axis=1, keepdims=True)
        for loop, other, step in zip(left[1:], right[1:], _STEPS, strict=True):
            result[loop] += self._outer[:, None] * (rim + step * towards_eye - template[loop])
            result[other] = result[loop] * MIRROR_AXES
        before, last = result[left[1]], left[2]
        close = before + _STEPS[1] * towards_eye
        result[last] += self._inner[:, None] * (close - result[last])
        result[right[2]] = result[last] * MIRROR_AXES
        contact = template[self._mouth[0]]
        for loop, kept, inwards in zip(self._mouth[1:], _BEHIND_LIPS, _INWARDS, strict=True):
            close = contact + (template[loop] - contact) * (0.0, *kept)
            close[:, 0] -= inwards * np.sign(contact[:, 0])
            result[loop] += self._corner[:, None] * (close - template[loop])
        return result

    def identity(self, offsets: Field) -> Field:
        """Return an identity's offsets ``[V, 3]`` of which the loops go with the edges.

        The last loops, first inside the mouth and first behind the eyelids, go with the ones before
        them, all around.
        """
        for eye in self._eyes:
            offsets = following(offsets, eye, 0, self._outer)
            offsets = following(offsets, eye[1:], 0, np.ones(len(self._outer)))
        offsets = following(offsets, self._mouth[1:], 0, np.ones(len(self._corner)))
        return following(offsets, self._mouth[:2], 0, self._corner)

    def action(self, offsets: Field) -> Field:
        """Return an action's offsets ``[V, 3]`` whose loops go with the edges.

        Those of the eyes do so all around, those of the mouth from its sides to its corners.
        """
        for eye in self._eyes:
            offsets = following(offsets, eye, 0, np.ones(len(self._outer)))
        return following(offsets, self._mouth, 0, self._lips)

    def actions(self, fields: dict[str, Field]) -> dict[str, Field]:
        """Return the offsets ``[V, 3]`` of several actions, each by :meth:`action`."""
        return {name: self.action(offsets) for name, offsets in fields.items()}
