"""Soft shadows: how much of each light reaches each vertex past the rest of the surface."""

from __future__ import annotations

import math

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.geometry.meshes import unit
from smirk3d.rasterization.base import nearest_depth

_LIFT = 0.004
"""Vertices are lifted off their own surface by this fraction of the mesh's radius."""


def sphere_directions(count: int) -> Tensor:
    """Return unit directions ``[count, 3]`` spaced evenly (Fibonacci lattice)."""
    number = torch.arange(count, dtype=torch.float64) + 0.5
    height = 1 - 2 * number / count
    angle = number * math.pi * (3 - math.sqrt(5))
    radius = (1 - height * height).sqrt()
    return torch.stack([radius * angle.cos(), height, radius * angle.sin()], 1).float()


def directional_visibility(
    vertices: Tensor, normals: Tensor, faces: Tensor, directions: Tensor, size: int = 192
) -> Tensor:
    """Return whether each vertex is seen from far away along each direction.

    Draws the mesh once from each direction and compares depths at the four nearest pixels.

    Args:
        vertices: ``[V, 3]``.
        normals: ``[V, 3]``.
        faces: ``[F, 3]``.
        directions: unit vectors ``[D, 3]`` towards the lights.
        size: of the shadow maps, in pixels.

    Returns:
        ``[D, V]`` in [0, 1].
    """
    used = vertices[faces.unique()]
    centre = (used.amin(0) + used.amax(0)) / 2
    radius = (used - centre).norm(dim=1).max().clamp(min=1e-12)
    frames = _frames(directions)
    mesh = ((vertices - centre) / radius) @ frames.transpose(1, 2)
    probes = ((vertices - centre) / radius + _LIFT * normals) @ frames.transpose(1, 2)
    depth = nearest_depth(mesh * (1 - 2 / size), faces, size, size)
    x, y = ((probes[..., :2] * (1 - 2 / size) + 1) * (size / 2) - 0.5).unbind(-1)
    z = probes[..., 2] * (1 - 2 / size) - _LIFT
    column, row = x.floor(), y.floor()
    right, down = x - column, y - row
    seen = torch.zeros_like(z)
    for step_x, weight_x in ((0, 1 - right), (1, right)):
        for step_y, weight_y in ((0, 1 - down), (1, down)):
            i = (row + step_y).clamp(0, size - 1).long()
            j = (column + step_x).clamp(0, size - 1).long()
            nearest = depth.flatten(1).gather(1, i * size + j)
            seen += weight_x * weight_y * (z <= nearest)
    return seen


def received_light(
    visibility: Tensor, normals: Tensor, weights: Tensor, directions: Tensor
) -> Tensor:
    """Return the fraction ``[V, K]`` of each light that is not shadowed.

    Args:
        visibility: ``[D, V]``.
        normals: ``[V, 3]``.
        weights: brightness ``[K, D]`` of each light in each direction.
        directions: ``[D, 3]``.
    """
    cosine = (directions @ normals.T).clamp(min=0.02)
    return ((weights @ (cosine * visibility)) / (weights @ cosine).clamp(min=1e-12)).T


def _frames(directions: Tensor) -> Tensor:
    """Return rotations ``[D, 3, 3]`` to device axes, where the light looks along +z."""
    away = -directions
    flat = away[:, 1].abs()[:, None] > 0.9
    helper = torch.where(flat, torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    right = unit(torch.linalg.cross(helper, away))
    return torch.stack([right, torch.linalg.cross(away, right), away], 1)
