"""Light on surfaces: the grey shading that is an input of the neural renderer.

Directions are in head space: +x the subject's left (right in the picture), +y up, +z towards the
viewer. They point to the light.
"""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface import Array, constant
from smirk3d.errors import check_shape
from smirk3d.geometry.meshes import unit

Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class DirectionalLights:
    """Lights at infinity, averaged.

    Attributes:
        directions: towards each light; normalised when used.
        intensity: of each light.
        albedo: fraction of light that the surface returns.
    """

    directions: tuple[Vector, ...]
    intensity: float
    albedo: float


SMIRK_LIGHTS = DirectionalLights(
    directions=(
        (-1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (-1.0, -1.0, 1.0), (1.0, -1.0, 1.0), (0.0, 0.0, 1.0),
    ),
    intensity=1.7,
    albedo=180 / 255,
)  # fmt: skip
"""The published grey rendering (SMIRK, Retsinas et al. 2024): checkpoints expect these figures."""


def shade(normals: Array, lights: DirectionalLights = SMIRK_LIGHTS) -> Array:
    """Return the grey ``[N]`` of surface points with normals ``[3, N]`` in head space.

    ``albedo * intensity * mean over lights of clamp(n . l, 0, 1)``. Interpolated normals are taken
    as they come, not normalised again.

    Raises:
        ShapeError: if the shape differs.
    """
    check_shape(normals, "3 N", "normals")
    directions = unit(constant(lights.directions, normals))
    cosines = (directions @ normals).clip(0, 1)
    return cosines.sum(0) * (lights.intensity * lights.albedo / len(lights.directions))
