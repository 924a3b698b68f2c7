"""Rasterisation: which triangle each pixel sees, and where on it.

The engine decides visibility without gradient; the position on the triangle is then computed
differentiably. So gradients move vertices along what is seen, never across silhouettes.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from smirk3d.errors import check_shape
from smirk3d.rasterization.reference import rasterize_ids_reference
from smirk3d.rasterization.torch_rasterizer import rasterize_ids_torch

Engine = Literal["auto", "torch", "numba", "reference"]


class _RasterizeIds(Protocol):
    def __call__(
        self, vertices_ndc: Tensor, faces: Tensor, height: int, width: int, cull_backfaces: bool
    ) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Fragments:
    """What each pixel of B pictures sees, kept for the N covered pixels alone.

    Attributes:
        face_index: triangle of each pixel ``[B, H, W]`` int64, -1 where empty.
        pixel: the covered pixels' flat indices ``[N]`` into B, H, W, ascending.
        corners: rows ``[N, 3]`` of ``vertices.flatten(0, 1)`` of each covered pixel's triangle.
        weights: barycentric coordinates ``[N, 3]`` of each covered pixel's centre.
        corner_depth: z ``[N, 3]`` of the corners in device coordinates.
    """

    face_index: Tensor
    pixel: Tensor
    corners: Tensor
    weights: Tensor
    corner_depth: Tensor

    @property
    def mask(self) -> Tensor:
        """Whether a pixel sees the mesh, ``[B, H, W]`` bool."""
        return self.face_index >= 0

    @cached_property
    def barycentric(self) -> Tensor:
        """Barycentric coordinates ``[B, H, W, 3]``, zero where empty; differentiable."""
        return self.scatter(self.weights)

    @cached_property
    def depth(self) -> Tensor:
        """Device z ``[B, H, W]``, larger is farther, infinite where empty; differentiable."""
        depth = self.scatter((self.weights * self.corner_depth).sum(1, keepdim=True))[..., 0]
        return depth.masked_fill(~self.mask, float("inf"))

    def at_pixels(self, attributes: Tensor) -> Tensor:
        """Return vertex attributes ``[B, V, C]`` interpolated at the covered pixels, ``[N, C]``."""
        check_shape(attributes, "B V C", "attributes", B=self.face_index.shape[0])
        rows = attributes.flatten(0, 1)
        a, b, c = (rows.index_select(0, corner) for corner in self.corners.unbind(1))
        w = self.weights.to(attributes.dtype)
        return a * w[:, :1] + b * w[:, 1:2] + c * w[:, 2:]

    def scatter(self, values: Tensor) -> Tensor:
        """Return values of the covered pixels ``[N, C]`` as pictures ``[B, H, W, C]``, else zero."""
        check_shape(values, "N C", "values", N=self.pixel.shape[0])
        picture = values.new_zeros(self.face_index.numel(), values.shape[1])
        return picture.index_copy(0, self.pixel, values).view(*self.face_index.shape, -1)

    def interpolate(self, attributes: Tensor) -> Tensor:
        """Return vertex attributes ``[B, V, C]`` as pictures ``[B, H, W, C]``, zero where empty."""
        return self.scatter(self.at_pixels(attributes))


def rasterize(
    vertices_ndc: Tensor,
    faces: Tensor,
    height: int,
    width: int,
    *,
    cull_backfaces: bool = False,
    engine: Engine = "auto",
) -> Fragments:
    """Return what each pixel of B pictures sees of a mesh.

    Pixel centres are at +0.5, larger z is farther, the nearest triangle wins;
    :mod:`smirk3d.rasterization.reference` states the rules. Triangles with a vertex that is not
    finite are left out; there is no clipping in depth.

    Args:
        vertices_ndc: ``[B, V, 3]`` device coordinates: x right, y down, -1 to 1 over the picture.
        faces: ``[F, 3]`` int64.
        height: H in pixels.
        width: W in pixels.
        cull_backfaces: leave out triangles that turn away from the viewer.
        engine: ``"auto"`` takes numba where it is installed and the tensors are on the CPU, and
            torch else.

    Raises:
        ShapeError: if a shape differs.
        ValueError: if the engine is unknown or the picture has no pixels.
        MissingExtra: if numba is asked for and absent.
    """
    sizes = check_shape(vertices_ndc, "B V 3", "vertices_ndc")
    check_shape(faces, "F 3", "faces")
    if height < 1 or width < 1:
        raise ValueError(f"a picture needs at least one pixel, got {height} x {width}")
    rasterize_ids = _engine(engine, vertices_ndc)
    with torch.no_grad():
        face_index = rasterize_ids(vertices_ndc.detach(), faces, height, width, cull_backfaces)
        pixel = (face_index.view(-1) >= 0).nonzero()[:, 0]
        seen = face_index.view(-1)[pixel]
        first_row = torch.div(pixel, height * width, rounding_mode="floor") * sizes["V"]
        corners = faces.index_select(0, seen) + first_row[:, None]
        centre = _pixel_centres(pixel, height, width)
    flat = vertices_ndc.flatten(0, 1)
    weights = _Barycentric.apply(flat, corners, centre)
    corner_depth = flat[:, 2].index_select(0, corners.view(-1)).view(-1, 3)
    return Fragments(face_index, pixel, corners, weights, corner_depth)


def _engine(name: Engine, vertices: Tensor) -> _RasterizeIds:
    if name == "auto":
        fast = vertices.device.type == "cpu" and importlib.util.find_spec("numba") is not None
        name = "numba" if fast else "torch"
    if name == "torch":
        return rasterize_ids_torch
    if name == "reference":
        return rasterize_ids_reference
    if name == "numba":
        from smirk3d.rasterization.numba_rasterizer import rasterize_ids_numba

        return rasterize_ids_numba
    raise ValueError(f"engine must be 'auto', 'torch', 'numba' or 'reference', got {name!r}")


def _pixel_centres(pixel: Tensor, height: int, width: int) -> Tensor:
    """Return device coordinates ``[N, 2]`` of pixel centres, float64."""
    column = pixel % width
    row = torch.div(pixel, width, rounding_mode="floor") % height
    return torch.stack([(2 * column + 1).double() / width, (2 * row + 1).double() / height], 1) - 1


class _Barycentric(torch.autograd.Function):
    """Barycentric coordinates of fixed points in moving triangles, differentiable once.

    With the points fixed, moving corner j by d changes every coordinate as moving the point by
    ``-weight_j d`` would, so one gradient with respect to the point serves all corners.
    Double precision inside: small and narrow triangles would lose most digits in single.
    """

    @staticmethod
    def forward(ctx: Any, vertices: Tensor, corners: Tensor, points: Tensor) -> Tensor:
        """Return ``[N, 3]`` of points ``[N, 2]`` in triangles ``[N, 3]`` of vertices ``[R, 3]``."""
        xy = vertices[:, :2].double()
        a, b, c = (xy.index_select(0, corner) for corner in corners.unbind(1))
        ab, ac, ap = b - a, c - a, points - a
        area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
        weight_b = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
        weight_c = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
        weights = torch.stack([1 - weight_b - weight_c, weight_b, weight_c], 1)
        ctx.save_for_backward(weights, corners, ab, ac, area)
        ctx.rows = vertices.shape[0]
        return weights.to(vertices.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient with respect to the vertices."""
        weights, corners, ab, ac, area = ctx.saved_tensors
        upstream = gradient.double()
        along_b = (upstream[:, 1] - upstream[:, 0]) / area
        along_c = (upstream[:, 2] - upstream[:, 0]) / area
        x = along_b * ac[:, 1] - along_c * ab[:, 1]
        y = along_c * ab[:, 0] - along_b * ac[:, 0]
        point = torch.stack([x, y, torch.zeros_like(x)], 1)
        result = gradient.new_zeros(ctx.rows, 3)
        for corner, weight in zip(corners.unbind(1), weights.unbind(1), strict=True):
            result.index_add_(0, corner, (-weight[:, None] * point).to(gradient.dtype))
        return result, None, None
