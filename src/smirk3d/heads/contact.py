"""Contact: eyelids stop at the eyes, lips stop at each other.

Offsets add up linearly; vertices that they move into an eyeball or through the other lip are moved
back here, before any joint rotates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import (
    Array,
    add_at,
    array_namespace,
    constant,
    copied,
    in_precision,
    norm,
)
from smirk3d.errors import check_shape

CONTACT_BUFFERS = (
    "eye_surface", "lid_id", "lid_eye", "lid_gap", "lip_pair", "lip_pair_share", "lip_id",
    "lip_share",
)  # fmt: skip
"""Names of the arrays that :func:`contact_buffers` returns; head files use the same names."""

LIP_OVERLAP = 0.0002
"""Metres by which lips may overlap, as those of the template do: soft lips flatten."""


@dataclass(frozen=True)
class Contact:
    """The contacts of a head; a head without them has empty arrays.

    Attributes:
        eye_surface: radii in metres of eyeball, iris's rim and cornea ``[3]``.
        lid_id: vertices of the eyelids ``[N]``.
        lid_eye: eye of each eyelid vertex ``[N]``, 0 left, 1 right.
        lid_gap: least distance in metres of each eyelid vertex from the eye's surface ``[N]``.
        lip_pair: a vertex of the upper lip and two of the lower lip that meet it ``[P, 3]``.
        lip_pair_share: weight of the first vertex of the lower lip in each pair ``[P]``.
        lip_id: vertices ``[M]``, ascending, that move when overlapping lips are parted.
        lip_share: fraction of each pair's overlap by which each of these moves up ``[M, P]``.
    """

    eye_surface: Array
    lid_id: Array
    lid_eye: Array
    lid_gap: Array
    lip_pair: Array
    lip_pair_share: Array
    lip_id: Array
    lip_share: Array

    def resolved(self, vertices: Array, eyes: Array, gaze: Array) -> Array:
        """Return vertices ``[B, V, 3]`` moved so that eyelids and lips do not cross.

        Args:
            vertices: positions ``[B, V, 3]`` in metres before any joint rotates.
            eyes: centres of the left and the right eye ``[B, 2, 3]`` in metres.
            gaze: unit directions of the gaze of both eyes ``[B, 2, 3]``.
        """
        xp = array_namespace(vertices)
        ids, moves = self.lid_id, self._off_eyes(vertices, eyes, gaze)
        if len(self.lip_id):
            lift = self._lifts(vertices)
            still = xp.zeros_like(lift)
            ids = xp.concat([ids, self.lip_id])
            moves = xp.concat([moves, xp.stack([still, lift, still], axis=-1)], axis=1)
        return add_at(vertices, 1, ids, moves)

    def _lifts(self, vertices: Array) -> Array:
        """Return how far each vertex of the lips moves up ``[B, M]``, in metres.

        Two steps: vertices between pairs move by a mean of theirs, which leaves some overlap where
        it changes along the lips.
        """
        gap = self.lip_gap(vertices) + LIP_OVERLAP
        overlap = gap.clip(None, 0)
        xp = array_namespace(vertices)
        rows = xp.searchsorted(self.lip_id, self.lip_pair).clip(None, len(self.lip_id) - 1)
        moves = in_precision(self.lip_id[rows] == self.lip_pair, vertices)
        lift = (overlap @ self.lip_share.T)[:, rows] * moves
        overlap = overlap + (gap + self._above(lift)).clip(None, 0)
        return overlap @ self.lip_share.T

    def lip_gap(self, vertices: Array) -> Array:
        """Return the height in metres of the upper above the lower lip at each pair ``[B, P]``."""
        return self._above(vertices[..., 1][:, self.lip_pair])

    def _above(self, heights: Array) -> Array:
        """Return upper minus lower lip ``[B, P]``, of heights ``[B, P, 3]`` of the pairs."""
        upper, first, second = (heights[..., corner] for corner in range(3))
        return upper - second - self.lip_pair_share * (first - second)

    def eyelid_depth(self, vertices: Array, eyes: Array, gaze: Array) -> Array:
        """Return the depth in metres of each eyelid vertex below the eye's surface ``[B, N]``.

        Arguments are those of :meth:`resolved`.
        """
        _, short = self._short_of_gap(vertices, eyes, gaze)
        return short - self.lid_gap

    def _off_eyes(self, vertices: Array, eyes: Array, gaze: Array) -> Array:
        ray, short = self._short_of_gap(vertices, eyes, gaze)
        return short.clip(0, None)[..., None] * ray

    def _short_of_gap(self, vertices: Array, eyes: Array, gaze: Array) -> tuple[Array, Array]:
        arm = vertices[:, self.lid_id] - eyes[:, self.lid_eye]
        distance = norm(arm, keepdims=True).clip(1e-9, None)
        ray = arm / distance
        cosine = (ray * gaze[:, self.lid_eye]).sum(2)
        return ray, eye_radius(cosine, self.eye_surface) + self.lid_gap - distance[..., 0]

    def at_points(self, corners: Array, bary: Array, num_vertices: int) -> dict[str, Array]:
        """Return the buffers of a head whose vertices are points of triangles ``[P, 3]``.

        A point belongs to an eyelid if its triangle does. Contact of lips is left out.

        Args:
            corners: vertices of each point's triangle ``[P, 3]``.
            bary: barycentric coordinates ``[P, 3]``.
            num_vertices: number of vertices of the whole head.
        """
        xp = array_namespace(bary)
        gap = copied(xp.broadcast_to(constant([float("nan")], self.lid_gap), (num_vertices,)))
        eye = copied(xp.broadcast_to(constant([0], self.lid_eye), (num_vertices,)))
        gap[self.lid_id], eye[self.lid_id] = self.lid_gap, self.lid_eye
        of_point = (gap[corners] * bary).sum(1)
        ids = xp.nonzero(xp.isfinite(of_point))[0]
        return {
            "lid_id": ids,
            "lid_eye": eye[corners[:, 0]][ids],
            "lid_gap": of_point[ids],
            "lip_pair": self.lip_pair[:0],
            "lip_pair_share": self.lip_pair_share[:0],
            "lip_id": self.lip_id[:0],
            "lip_share": self.lip_share[:0, :0],
        }


def contact_buffers(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the contacts of a head file, by the names of :data:`CONTACT_BUFFERS`."""
    none = np.zeros(0)
    kinds = {"lid_id": np.int64, "lid_eye": np.int64, "lip_id": np.int64}
    found = {
        name: arrays.get(name, none).astype(kinds.get(name, np.float32)) for name in CONTACT_BUFFERS
    }
    pairs = arrays.get("lip_pair", np.zeros((0, 3)))
    return {
        **found,
        "lip_pair": pairs.astype(np.int64),
        "lip_share": found["lip_share"].reshape(len(found["lip_id"]), len(pairs)),
    }


def eye_radius(cosine: Array, surface: Array) -> Array:
    """Return the distance in metres of an eye's surface from its centre.

    Args:
        cosine: cosine of the angle from the gaze, any shape.
        surface: radii of eyeball, iris's rim and cornea ``[3]``.
    """
    check_shape(surface, "3", "surface")
    xp = array_namespace(cosine)
    ball, iris, cornea = surface[0], surface[1], surface[2]
    limbus = xp.sqrt(ball * ball - iris * iris)
    centre = limbus - xp.sqrt(cornea * cornea - iris * iris)
    sine_squared = (1 - cosine * cosine).clip(0, None)
    ahead = (cornea * cornea - centre * centre * sine_squared).clip(0, None)
    front = centre * cosine + xp.sqrt(ahead)
    return xp.where(cosine > limbus / ball, front, ball)
