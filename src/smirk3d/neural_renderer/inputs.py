"""The neural renderer's input: grey rendering beside the photo without its face."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from smirk3d.errors import check_shape
from smirk3d.neural_renderer.face_masking import random_holes, surroundings
from smirk3d.neural_renderer.pixel_sampling import (
    SampledSurface,
    place_points,
    read_pixels,
    sample_surface,
    write_pixels,
)
from smirk3d.neural_renderer.renderer_config import MaskingConfig
from smirk3d.rasterization.base import Fragments


class Rendering(Protocol):
    """A grey rendering of B meshes, such as a ``RenderedHead``."""

    @property
    def image(self) -> Tensor:
        """``[B, 3, H, W]``, background 0."""

    @property
    def mask(self) -> Tensor:
        """``[B, 1, H, W]``, 1 where the mesh is seen."""

    @property
    def fragments(self) -> Fragments:
        """The triangle of each pixel."""

    @property
    def vertices_ndc(self) -> Tensor:
        """``[B, V, 3]``."""


def draw_points(
    rendering: Rendering,
    face_weight: Tensor,
    config: MaskingConfig,
    *,
    generator: torch.Generator | None = None,
) -> SampledSurface:
    """Draw the pixels that the neural renderer may see, on the rendering over the photo.

    Args:
        rendering: rendering of the face as it is in the photo.
        face_weight: weights ``[F]`` of the triangles, see
            :func:`~smirk3d.neural_renderer.pixel_sampling.sampling_weights`.
        config: number of pixels.
        generator: source of randomness.
    """
    height, width = rendering.fragments.face_index.shape[1:]
    count = int(config.point_fraction * height * width)
    return sample_surface(rendering.fragments, face_weight, count, generator=generator)


def masked_photo(
    photo: Tensor,
    hull: Tensor,
    rendering: Rendering,
    faces: Tensor,
    surface: SampledSurface,
    config: MaskingConfig,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the photo ``[B, 3, H, W]`` without its face, but with the drawn pixels, no gradient.

    The pixels are put where the rendering has their points: in the reconstruction path, where the
    rendering is of the photo's own face, that is where they were; in the cycle path they move
    along with the surface.

    Args:
        photo: ``[B, 3, H, W]``.
        hull: ``[B, 1, H, W]``, 1 within the convex hull of the photo's landmarks.
        rendering: grey rendering of the face that the neural renderer shall render.
        faces: ``[F, 3]``, the rendered triangles.
        surface: pixels drawn from the photo.
        config: noise, holes and margin.
        generator: source of randomness.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(photo, "B 3 H W", "photo")
    with torch.no_grad():
        outside = surroundings(hull, rendering.mask, dilation=config.dilation)
        colours = read_pixels(photo, surface.pixel)
        factor = torch.randn(
            colours.shape, generator=generator, device=colours.device, dtype=colours.dtype
        )
        colours = (colours * (1 + config.noise * factor)).clamp(0, 1)
        places = place_points(surface, rendering.vertices_ndc, faces, rendering.fragments)
        points, drawn = write_pixels(colours, places, sizes["H"], sizes["W"])
        holes = random_holes(
            photo, fraction=config.hole_fraction, side=config.hole_side, generator=generator
        )
        inside = drawn * holes * (1 - outside)
        return photo * outside + points * inside


def renderer_input(grey: Tensor, masked: Tensor) -> Tensor:
    """Return the neural renderer's input ``[B, 6, H, W]``; gradients flow to the rendering alone.

    Args:
        grey: rendering ``[B, 3, H, W]``.
        masked: photo without its face ``[B, 3, H, W]``.

    Raises:
        ShapeError: if the shapes differ.
    """
    sizes = check_shape(grey, "B 3 H W", "grey")
    check_shape(masked, "B 3 H W", "masked", **sizes)
    return torch.cat([grey, masked.detach()], 1)
