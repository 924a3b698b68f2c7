"""Soft shadows: how much of each light reaches each vertex past the rest of the surface."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.geometry.meshes import unit, vertex_normals
from smirk3d.rasterization.base import depth_range, nearest_depth

Array = NDArray[np.float32]

_LIFT = 0.004
"""Vertices are lifted off their own surface by this fraction of the mesh's radius."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What of the light from all sides reaches a surface's vertices.

    Attributes:
        directions: unit vectors ``[D, 3]`` towards the light.
        normals: of the vertices ``[V, 3]``.
        visibility: how much of the light from each direction reaches each vertex ``[D, V]``.
    """

    directions: Array
    normals: Array
    visibility: Array

    @classmethod
    def of(cls, vertices: Array, faces: NDArray[Any], count: int) -> Occlusion:
        """Return the occlusion of a surface by itself.

        Args:
            vertices: ``[V, 3]``.
            faces: ``[F, 3]``.
            count: number of directions, even.
        """
        # the first half of an even number of directions: a hemisphere, and its opposite
        half = sphere_directions(2 * (count // 2))[: count // 2]
        normals = vertex_normals(vertices[None], faces)[0]
        there, back = visibility_both_ways(vertices, normals, faces, half)
        return cls(np.concatenate([half, -half]), normals, np.concatenate([there, back]))

    def turned(self, rotation: Array) -> Occlusion:
        """Return the occlusion of the surface after a rotation ``[3, 3]``."""
        turned = (self.directions @ rotation.T, self.normals @ rotation.T)
        return Occlusion(*turned, self.visibility)

    def received(self, weights: Array) -> Array:
        """Return the fraction ``[V, K]`` of each light that is not shadowed.

        Args:
            weights: brightness ``[K, D]`` of each light in each direction.
        """
        cosine = (self.directions @ self.normals.T).clip(0.02)
        lit = weights @ (cosine * self.visibility)
        received: Array = (lit / (weights @ cosine).clip(1e-12)).T
        return received


_SIZE = 192
"""Pixels of a side of a shadow map: a head's vertices are about as far apart as its pixels."""


def sphere_directions(count: int) -> Array:
    """Return unit directions ``[count, 3]`` spaced evenly (Fibonacci lattice)."""
    number = np.arange(count) + 0.5
    height = 1 - 2 * number / count
    angle = number * math.pi * (3 - math.sqrt(5))
    radius = np.sqrt(1 - height * height)
    points = np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], 1)
    return points.astype(np.float32)


def directional_visibility(
    vertices: Array, normals: Array, faces: NDArray[Any], directions: Array
) -> Array:
    """Return whether each vertex is seen from far away along each direction.

    Draws the mesh once from each direction and compares depths at the four nearest pixels.

    Args:
        vertices: ``[V, 3]``.
        normals: ``[V, 3]``.
        faces: ``[F, 3]``.
        directions: unit vectors ``[D, 3]`` towards the lights.

    Returns:
        ``[D, V]`` in [0, 1].
    """
    mesh, probes = _in_maps(vertices, normals, faces, directions)
    depth = nearest_depth(mesh, faces, _SIZE, _SIZE)
    # one direction after another: all at once would not stay in the processor's cache
    return np.stack([_in_front(*pair) for pair in zip(probes, depth, strict=True)])


def visibility_both_ways(
    vertices: Array, normals: Array, faces: NDArray[Any], directions: Array
) -> tuple[Array, Array]:
    """Return :func:`directional_visibility` of directions and of their opposites.

    One drawing gives the shadow maps of both.
    """
    mesh, probes = _in_maps(vertices, normals, faces, directions)
    near, far = depth_range(mesh, faces, _SIZE, _SIZE)
    opposite = np.array([1, 1, -1], np.float32)
    there = [_in_front(*pair) for pair in zip(probes, near, strict=True)]
    back = [_in_front(*pair) for pair in zip(probes * opposite, -far, strict=True)]
    return np.stack(there), np.stack(back)


def _in_maps(
    vertices: Array, normals: Array, faces: NDArray[Any], directions: Array
) -> tuple[Array, Array]:
    """Return vertices, and these lifted off the surface, as shadow maps see them ``[D, V, 3]``."""
    on_faces = np.zeros(len(vertices), bool)
    on_faces[faces] = True
    used = vertices[on_faces]
    centre = (used.min(axis=0) + used.max(axis=0)) / 2
    radius = np.linalg.norm(used - centre, axis=1).max(initial=1e-12)
    frames = _frames(directions).swapaxes(1, 2)
    inside = (vertices - centre) / radius
    mesh, probes = inside @ frames, (inside + _LIFT * normals) @ frames
    return mesh * (1 - 2 / _SIZE), probes * (1 - 2 / _SIZE)


def _in_front(probes: Array, depth: Array) -> Array:
    """Return how many of the four nearest pixels lie behind each of some points ``[V]``.

    They count by their nearness, and together to 1.

    Args:
        probes: ``[V, 3]`` in device coordinates.
        depth: shadow map ``[N, N]``, z by pixels.
    """
    size = len(depth)
    x, y, z = np.ascontiguousarray(probes.T)
    x, y, z = (x + 1) * (size / 2) - 0.5, (y + 1) * (size / 2) - 0.5, z - _LIFT
    column, row = np.floor(x), np.floor(y)
    right, down = x - column, y - row
    columns = [(column + step).clip(0, size - 1).astype(np.int64) for step in (0, 1)]
    rows = [(row + step).clip(0, size - 1).astype(np.int64) * size for step in (0, 1)]
    seen = np.zeros_like(z)
    for j, weight_x in zip(columns, (1 - right, right), strict=True):
        for i, weight_y in zip(rows, (1 - down, down), strict=True):
            seen += weight_x * weight_y * (z <= depth.reshape(-1).take(i + j))
    return seen


def _frames(directions: Array) -> Array:
    """Return rotations ``[D, 3, 3]`` to device axes, where the light looks along +z."""
    away = -directions
    flat = np.abs(away[:, 1:2]) > 0.9
    helper = np.where(flat, np.array([1, 0, 0], np.float32), np.array([0, 1, 0], np.float32))
    right = unit(np.cross(helper, away))
    return np.stack([right, np.cross(away, right), away], 1)
