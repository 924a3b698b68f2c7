"""Light on surfaces: the grey shading that is an input of the neural renderer.

Directions are in head space: +x the subject's left (right in the picture), +y up, +z towards the
viewer. They point to the light.
"""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.errors import check_shape

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


def shade(normals: Tensor, lights: DirectionalLights = SMIRK_LIGHTS) -> Tensor:
    """Return the grey ``[N]`` of surface points with normals ``[3, N]`` in head space.

    ``albedo * intensity * mean over lights of clamp(n . l, 0, 1)``. Interpolated normals are taken
    as they come, not normalised again.

    Raises:
        ShapeError: if the shape differs.
    """
    check_shape(normals, "3 N", "normals")
    directions = torch.nn.functional.normalize(normals.new_tensor(lights.directions), dim=-1)
    cosines = (directions @ normals).clamp(0, 1)
    return cosines.sum(0) * (lights.intensity * lights.albedo / len(lights.directions))
