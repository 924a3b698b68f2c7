"""Smooth scalar and vector fields on the vertices of a head's skin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
Mask = NDArray[np.bool_]


class SkinGraph:
    """The edges of a quad mesh, for averaging over neighbours.

    Attributes:
        num_vertices: V, of which those without a quad have no neighbours.
    """

    def __init__(self, quads: NDArray[np.int64], num_vertices: int) -> None:
        """Collect the edges of ``quads`` ``[Q, 4]``."""
        sides = np.stack([quads, np.roll(quads, -1, axis=1)], -1).reshape(-1, 2)
        edges = np.unique(np.sort(sides, axis=1), axis=0)
        self.num_vertices = num_vertices
        self._from = np.concatenate([edges[:, 0], edges[:, 1]])
        self._to = np.concatenate([edges[:, 1], edges[:, 0]])
        self._degree = np.bincount(self._from, minlength=num_vertices).clip(1)

    def average(self, field: Field) -> Field:
        """Return the mean of each vertex's neighbours, of a field ``[V]`` or ``[V, C]``."""
        columns = field.reshape(self.num_vertices, -1)
        sums = np.stack(
            [
                np.bincount(self._from, column[self._to], minlength=self.num_vertices)
                for column in columns.T
            ],
            1,
        )
        mean: Field = (sums / self._degree[:, None]).reshape(field.shape)
        return mean

    def smooth(self, field: Field, where: Field, rounds: int) -> Field:
        """Return a field relaxed towards its neighbours' mean, most where ``where`` is 1."""
        weight = where if field.ndim == 1 else where[:, None]
        for _ in range(rounds):
            field = field + 0.5 * weight * (self.average(field) - field)
        return field

    def fill(self, known: Mask, values: Field, rounds: int = 400) -> Field:
        """Return the harmonic field ``[V]`` with given values at known vertices."""
        field = np.where(known, values, values[known].mean())
        for _ in range(rounds):
            field = np.where(known, values, self.average(field))
        return field


def bump(
    points: Field,
    centre: Field,
    radii: Sequence[float],
    *,
    shift: Sequence[float] = (0.0, 0.0, 0.0),
) -> Field:
    """Return a Gaussian ``[V]`` that is 1 at ``centre + shift``; ``radii`` are its deviations."""
    distance = (points - centre - np.asarray(shift)) / np.asarray(radii)
    return np.exp(-0.5 * (distance**2).sum(-1))


def ramp(values: Field, low: float, high: float) -> Field:
    """Return a smooth step from 0 at ``low`` to 1 at ``high`` (cubic); ``low > high`` falls."""
    t = ((values - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)


def union(*fields: Field) -> Field:
    """Return the smooth maximum of fields in [0, 1]: ``1 - prod(1 - f)``."""
    inverse = np.ones_like(fields[0])
    for field in fields:
        inverse = inverse * (1 - field)
    return 1 - inverse


def along_surface(direction: Sequence[float], normals: Field) -> Field:
    """Return unit vectors ``[V, 3]``: a direction laid into the tangent plane of each vertex."""
    wanted = np.broadcast_to(np.asarray(direction, np.float64), normals.shape)
    tangent = wanted - (wanted * normals).sum(-1, keepdims=True) * normals
    return tangent / np.linalg.norm(tangent, axis=-1, keepdims=True).clip(1e-9)


def turned(points: Field, centre: Field, axis: Sequence[float], angles: Field) -> Field:
    """Return the offsets ``[V, 3]`` of points turned about an axis through a centre.

    Each vertex turns by its own angle ``[V]`` in radians (Rodrigues), so that skin sliding over an
    eyeball keeps its distance from it.
    """
    unit = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    arm = points - centre
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    along = (arm @ unit)[:, None] * unit
    return (cos - 1) * (arm - along) + sin * np.cross(unit, arm)


def vertex_normals(vertices: Field, faces: NDArray[np.int32]) -> Field:
    """Return outward unit normals ``[V, 3]``, faces weighted by area."""
    corners = vertices[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], area)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12)
