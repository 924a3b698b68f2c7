"""Lips that touch: closed in every identity, and kept closed by actions that do not part them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.repairs.face_points import LIP_CONTACT
from smirk3d.head_import.anny.repairs.skin_fields import Field
from smirk3d.head_import.anny.surface import MIRROR_AXES, HeadSurface

_CLOSED = -0.0002
"""Metres between lips at rest: they overlap by a fifth of a millimetre, so that no light shows
between vertices; set by eye."""

# how far the other mouth loops follow the one that is moved
_FRACTION = (0.0, 0.03, 0.08, 0.18, 0.35, 0.6, 0.85, 1.0, 0.8, 0.5)


class LipSeal:
    """Measures the gap between the lips along their contact loop, and closes it.

    Upper and lower lip have vertices at different places; the gap is measured below each vertex of
    the upper contact line, the lower one being interpolated over x on the template.
    """

    def __init__(self, surface: HeadSurface, template: Field) -> None:
        """Pair the lips of a template ``[V, 3]``."""
        self._mirror = surface.mirror
        half = len(surface.mouth_loops[LIP_CONTACT]) // 2 + 1
        ladders = [loop[:half] for loop in surface.mouth_loops]
        contact = ladders[LIP_CONTACT]
        corner = int(template[contact, 0].argmax())
        self._upper, self._lower = contact[: corner + 1], contact[corner:][::-1]
        self._knots = template[self._upper, 0]
        self._lower_x = template[self._lower, 0]
        moved, fraction = [], []
        for ladder, weight in zip(ladders, _FRACTION, strict=True):
            side = np.sign(corner - np.arange(len(ladder)))
            midline = np.where(np.abs(template[ladder, 0]) < 1e-6, 0.5, 1.0)
            moved.append(ladder)
            fraction.append(-0.5 * weight * side * midline)
        self._moved = np.concatenate(moved)
        self._fraction = np.concatenate(fraction)
        self._at = template[self._moved, 0]

    def gaps(self, field: Field) -> Field:
        """Return upper minus lower y ``[K]`` along the left half of the mouth, of ``[V, 3]``."""
        lower = np.interp(self._knots, self._lower_x, field[self._lower, 1])
        difference: Field = field[self._upper, 1] - lower
        return difference

    def closed(self, vertices: Field) -> Field:
        """Return positions ``[V, 3]`` with lips that touch and hardly overlap."""
        return self._changed(vertices, lambda gaps: gaps - _CLOSED)

    def unchanged(self, offsets: Field) -> Field:
        """Return offsets ``[V, 3]`` that leave the gap as it is."""
        return self._changed(offsets, lambda gaps: gaps)

    def unopened(self, offsets: Field) -> Field:
        """Return offsets ``[V, 3]`` that nowhere widen the gap."""
        return self._changed(offsets, lambda gaps: gaps.clip(min=0))

    def contacts(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of a head file that keep the lips from crossing.

        Pairs of the left half, then of the right one; those of the midline count half in either.
        """
        right = np.searchsorted(self._lower_x, self._knots).clip(1, len(self._lower) - 1)
        low, high = self._lower_x[right - 1], self._lower_x[right]
        first = ((high - self._knots) / (high - low)).clip(0, 1)
        left = np.stack([self._upper, self._lower[right - 1], self._lower[right]], 1)
        lifts = np.stack([self._closing(unit) for unit in np.eye(len(self._knots))])
        both = np.concatenate([lifts, lifts[:, self._mirror]])
        ids = np.flatnonzero(np.abs(both).max(0) > 0)
        return {
            "lip_pair": np.concatenate([left, self._mirror[left]]),
            "lip_pair_share": np.concatenate([first, first]),
            "lip_id": ids,
            "lip_share": both[:, ids].T,
        }

    def _changed(self, field: Field, excess: Callable[[Field], Field]) -> Field:
        left = self._closing(excess(self.gaps(field)))
        right = self._closing(excess(self.gaps(field[self._mirror] * MIRROR_AXES)))
        result = field.copy()
        result[:, 1] += left + right[self._mirror]
        return result

    def _closing(self, gaps: Field) -> Field:
        lift = np.zeros(len(self._mirror))
        lift[self._moved] = self._fraction * np.interp(self._at, self._knots, gaps)
        return lift
