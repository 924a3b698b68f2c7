"""The few pixels of the face that the neural renderer may see, and how they move with the surface.

A pixel of the photo is tied to the point of the mesh that it shows: its triangle and barycentric
coordinates. When the expression changes, the point is elsewhere and takes its colour along
(the expression cycle of SMIRK, Retsinas et al. 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.errors import check_shape
from smirk3d.geometry.barycentric import interpolate
from smirk3d.rasterization.base import Fragments

_DEPTH_SLACK = 0.05
"""Largest depth in device units (7 mm in an average crop) at which a point counts as seen behind
the surface of its pixel: a pixel's depth is its centre's, and steep surfaces change within one."""

SMIRK_REGION_WEIGHTS = {"face": 1.0, "lips": 0.5, "nose": 0.5, "ears": 0.0, "neck": 0.0}
"""Frequency of drawn pixels by region, as in SMIRK; the last of overlapping regions counts."""


@dataclass(frozen=True, eq=False)
class SampledSurface:
    """P points of B surfaces, each the centre of a pixel.

    Attributes:
        pixel: flat index ``[B, P]`` of the pixel, ``row * W + column``.
        face_index: triangle ``[B, P]``; 0 where not valid.
        barycentric: place on the triangle ``[B, P, 3]``.
        valid: ``[B, P]`` bool; false where a picture shows fewer than P pixels of the surface.
    """

    pixel: Tensor
    face_index: Tensor
    barycentric: Tensor
    valid: Tensor

    def __getitem__(self, rows: Tensor | slice) -> SampledSurface:
        """Select pictures by index tensor ``[N]``, mask ``[B]`` or slice."""
        return SampledSurface(
            self.pixel[rows], self.face_index[rows], self.barycentric[rows], self.valid[rows]
        )


def sampling_weights(
    faces: Tensor, regions: Mapping[str, Tensor], weights: Mapping[str, float] | None = None
) -> Tensor:
    """Return how often each triangle is drawn for its area, ``[F]``.

    Args:
        faces: ``[F, 3]``, the triangles that are rendered.
        regions: vertex masks ``[V]`` by name.
        weights: by region name, :data:`SMIRK_REGION_WEIGHTS` by default; of overlapping regions the
            last one counts, vertices in none have 0, regions that the head lacks are passed over.
    """
    some_mask = next(iter(regions.values()))
    of_vertex = torch.zeros(some_mask.shape, device=faces.device)
    for name, weight in (SMIRK_REGION_WEIGHTS if weights is None else weights).items():
        if name in regions:
            of_vertex[regions[name]] = weight
    return of_vertex[faces].mean(1)


def sample_surface(
    fragments: Fragments,
    face_weight: Tensor,
    num_points: int,
    *,
    generator: torch.Generator | None = None,
) -> SampledSurface:
    """Draw points of the visible surface, no pixel twice.

    A triangle is drawn in proportion to its weight times the area that it covers in the picture,
    hidden parts excepted, and points are uniform on that area: pixels are drawn by the weight of
    the triangle that the rasteriser saw there.

    Args:
        fragments: of the rendering that lies over the photo.
        face_weight: ``[F]``, of the rendered triangles.
        num_points: P.
        generator: source of randomness; torch's own by default.

    Returns:
        The points, without gradient.
    """
    check_shape(face_weight, "F", "face_weight")
    with torch.no_grad():
        face_index = fragments.face_index.flatten(1)
        num_points = min(num_points, face_index.shape[1])
        weight = torch.where(face_index >= 0, face_weight[face_index.clamp(min=0)], 0.0)
        # the P largest of weight / Exp(1) are draws without replacement
        race = torch.empty_like(weight).exponential_(generator=generator)
        pixel = (weight / race).topk(num_points, dim=1).indices
        valid = weight.gather(1, pixel) > 0
        barycentric = fragments.barycentric.flatten(1, 2)
        return SampledSurface(
            pixel=pixel,
            face_index=face_index.gather(1, pixel).clamp(min=0),
            barycentric=barycentric.gather(1, pixel[..., None].expand(-1, -1, 3)),
            valid=valid,
        )


@dataclass(frozen=True, eq=False)
class PlacedPoints:
    """Places of a surface's points in a picture.

    Attributes:
        pixel: flat index ``[B, P]``, 0 where not seen.
        depth: device z ``[B, P]``, larger is farther.
        seen: ``[B, P]`` bool; false outside the picture, behind other surface, and where the point
            was not valid.
    """

    pixel: Tensor
    depth: Tensor
    seen: Tensor


def place_points(
    surface: SampledSurface, vertices_ndc: Tensor, faces: Tensor, fragments: Fragments
) -> PlacedPoints:
    """Find points of a surface in a rendering of the same mesh, in any expression.

    Args:
        surface: the points.
        vertices_ndc: ``[B, V, 3]`` of the rendering.
        faces: ``[F, 3]``, the rendered triangles.
        fragments: of the rendering.

    Returns:
        The places, without gradient.

    Raises:
        ShapeError: if batch sizes differ.
    """
    check_shape(surface.face_index, "B P", "surface.face_index", B=len(vertices_ndc))
    with torch.no_grad():
        points = interpolate(vertices_ndc, faces, surface.face_index, surface.barycentric)
        height, width = fragments.face_index.shape[1:]
        column = ((points[..., 0] + 1) * (width / 2)).floor()
        row = ((points[..., 1] + 1) * (height / 2)).floor()
        # compared as floats: points far outside overflow integers
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        flat = torch.where(inside, row * width + column, 0.0).long()
        shown = fragments.depth.flatten(1).gather(1, flat)
        covered = fragments.face_index.flatten(1).gather(1, flat) >= 0
        in_front = points[..., 2] <= shown + _DEPTH_SLACK
        seen = surface.valid & inside & covered & in_front
        return PlacedPoints(flat.masked_fill(~seen, 0), points[..., 2], seen)


def read_pixels(photo: Tensor, pixel: Tensor) -> Tensor:
    """Return colours ``[B, C, P]`` of a photo ``[B, C, H, W]`` at flat pixel indices ``[B, P]``."""
    channels = check_shape(photo, "B C H W", "photo", B=len(pixel))["C"]
    return photo.flatten(2).gather(2, pixel[:, None].expand(-1, channels, -1))


def write_pixels(
    colours: Tensor, points: PlacedPoints, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Put points into pictures; where several meet, the nearest is seen, of equals the first.

    Args:
        colours: ``[B, C, P]``.
        points: their places.
        height: H.
        width: W.

    Returns:
        Pictures ``[B, C, H, W]``, 0 where no point is, and masks ``[B, 1, H, W]``.
    """
    sizes = check_shape(colours, "B C P", "colours")
    check_shape(points.pixel, "B P", "points.pixel", B=sizes["B"], P=sizes["P"])
    nobody = sizes["P"]
    if not nobody:
        picture = colours.new_zeros(sizes["B"], sizes["C"], height, width)
        return picture, picture[:, :1]
    order = points.depth.argsort(dim=1, stable=True)
    places = torch.arange(nobody, device=order.device).expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, places)
    rank = rank.masked_fill(~points.seen, nobody)
    first = rank.new_full((sizes["B"], height * width), nobody)
    first = first.scatter_reduce(1, points.pixel, rank, "amin")
    mask = first < nobody
    winner = order.gather(1, first.clamp(max=nobody - 1))
    picture = colours.gather(2, winner[:, None].expand(-1, sizes["C"], -1)) * mask[:, None]
    shape = (sizes["B"], -1, height, width)
    return picture.view(shape), mask.to(colours.dtype).view(shape)
