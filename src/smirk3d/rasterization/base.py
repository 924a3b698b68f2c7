"""Rasterisation: which triangle each pixel sees, and where on it.

The engine decides visibility without gradient; the position on the triangle is then computed
differentiably. So gradients move vertices along what is seen, never across silhouettes.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, Protocol

from smirk3d.array_interface import is_torch, require_floating
from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.errors import check_shape
from smirk3d.rasterization.barycentric import barycentric_formula
from smirk3d.rasterization.numba_rasterizer import nearest_depth_numba, rasterize_ids_numba
from smirk3d.rasterization.reference import rasterize_ids_reference

Engine = Literal["auto", "torch", "numba", "reference"]


class _RasterizeIds(Protocol):
    def __call__(
        self, vertices_ndc: Tensor, faces: Tensor, height: int, width: int, cull_backfaces: bool
    ) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Fragments:
    """The triangles seen in B pictures, stored for the N covered pixels.

    Attributes:
        face_index: triangle seen in each pixel ``[B, H, W]`` int64, -1 where empty.
        pixel: flat indices of the covered pixels ``[N]`` into B, H, W, ascending.
        corners: rows ``[3, N]`` of ``vertices.flatten(0, 1)`` of each covered pixel's triangle.
        weights: barycentric coordinates ``[3, N]`` of each covered pixel's centre; differentiable.
        corner_depth: z ``[3, N]`` of the corners in device coordinates; differentiable.
    """

    face_index: Tensor
    pixel: Tensor
    corners: Tensor
    weights: Tensor
    corner_depth: Tensor

    @property
    def mask(self) -> Tensor:
        """Mask ``[B, H, W]`` of the pixels that the mesh covers."""
        return self.face_index >= 0

    @cached_property
    def barycentric(self) -> Tensor:
        """Barycentric coordinates ``[B, H, W, 3]``, zero where empty; differentiable."""
        return self.scatter(self.weights).permute(0, 2, 3, 1)

    @cached_property
    def depth(self) -> Tensor:
        """Device z ``[B, H, W]``, larger is farther, infinite where empty; differentiable."""
        depth = self.scatter((self.weights * self.corner_depth).sum(0, keepdim=True))[:, 0]
        return depth.masked_fill(~self.mask, float("inf"))

    def at_pixels(self, attributes: Tensor) -> Tensor:
        """Return vertex attributes ``[B, V, C]`` interpolated at the covered pixels, ``[C, N]``."""
        check_shape(attributes, "B V C", "attributes", B=self.face_index.shape[0])
        # channels first throughout: strided access makes this several times as slow on the CPU
        columns = attributes.flatten(0, 1).t().contiguous()
        a, b, c = (columns.index_select(1, corner) for corner in self.corners.unbind(0))
        wa, wb, wc = self.weights.to(attributes.dtype).unbind(0)
        return a * wa + b * wb + c * wc

    def scatter(self, values: Tensor) -> Tensor:
        """Return values of covered pixels ``[C, N]`` as pictures ``[B, C, H, W]``, 0 elsewhere."""
        channels = check_shape(values, "C N", "values", N=self.pixel.shape[0])["C"]
        batch, height, width = self.face_index.shape
        picture = values.new_zeros(channels, batch * height * width)
        picture = picture.scatter(1, self.pixel.expand(channels, -1), values)
        return picture.view(channels, batch, height, width).transpose(0, 1)

    def interpolate(self, attributes: Tensor) -> Tensor:
        """Return vertex attributes ``[B, V, C]`` as pictures ``[B, C, H, W]``, 0 where empty."""
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
    """Return the triangle seen in each pixel of B pictures of a mesh.

    Pixel centres are at +0.5, larger z is farther, the nearest triangle wins;
    :mod:`smirk3d.rasterization.reference` states the rules. Triangles with a vertex that is not
    finite are left out; there is no clipping in depth.

    Args:
        vertices_ndc: ``[B, V, 3]`` device coordinates: x right, y down, -1 to 1 over the picture.
        faces: vertex ids of the triangles ``[F, 3]`` int64.
        height: height H of the pictures in pixels.
        width: width W of the pictures in pixels.
        cull_backfaces: leave out triangles that face away from the viewer.
        engine: ``"auto"`` takes numba on the CPU, and torch else.

    Raises:
        ShapeError: if a shape differs.
        UsageError: if the vertices are not floating-point numbers.
        ValueError: if the engine is unknown or the picture has no pixels.
    """
    face_index = seen_faces(
        vertices_ndc, faces, height, width, cull_backfaces=cull_backfaces, engine=engine
    )
    with torch.no_grad():
        image, row, column = (face_index >= 0).nonzero(as_tuple=True)
        pixel = (image * height + row) * width + column
        seen = face_index.view(-1).index_select(0, pixel)
        corners = faces.t().contiguous().index_select(1, seen) + image * vertices_ndc.shape[1]
        centre_x = _centres(width, pixel.device).index_select(0, column)
        centre_y = _centres(height, pixel.device).index_select(0, row)
    x, y, z = vertices_ndc.flatten(0, 1).t().contiguous().unbind(0)
    weights = _barycentric(x, y, corners, centre_x, centre_y)
    corner_depth = z.index_select(0, corners.view(-1)).view(3, -1)
    return Fragments(face_index, pixel, corners, weights, corner_depth)


def seen_faces(
    vertices_ndc: Tensor,
    faces: Tensor,
    height: int,
    width: int,
    *,
    cull_backfaces: bool = False,
    engine: Engine = "auto",
) -> Tensor:
    """Return the triangle ``[B, H, W]`` seen in each pixel, -1 where none, as int64.

    These are the ``face_index`` of :func:`rasterize` alone, whose arguments and errors it shares.
    """
    check_shape(vertices_ndc, "B V 3", "vertices_ndc")
    check_shape(faces, "F 3", "faces")
    require_floating(vertices_ndc, "vertices_ndc")
    if height < 1 or width < 1:
        raise ValueError(f"a picture needs at least one pixel, got {height} x {width}")
    rasterize_ids = _engine(engine, vertices_ndc)
    with torch.no_grad():
        return _on_capable_device(
            rasterize_ids, vertices_ndc.detach(), faces, height, width, cull_backfaces
        )


@torch.no_grad()
def nearest_depth(vertices_ndc: Tensor, faces: Tensor, height: int, width: int) -> Tensor:
    """Return device z ``[B, H, W]`` of the nearest surface, infinite where there is none.

    It is :attr:`Fragments.depth` to within rounding, without gradient and without the memory that
    places on triangles take. Arguments and errors are those of :func:`rasterize`.
    """
    check_shape(vertices_ndc, "B V 3", "vertices_ndc")
    if _ENGINES[_automatic(vertices_ndc)] is not rasterize_ids_numba:
        return rasterize(vertices_ndc, faces, height, width).depth
    depth = nearest_depth_numba(vertices_ndc, faces, height, width)
    return depth.to(vertices_ndc.dtype)


def _automatic(vertices: Tensor) -> Engine:
    return "numba" if vertices.device.type == "cpu" and _numba_is_installed() else "torch"


def _engine(name: Engine, vertices: Tensor) -> _RasterizeIds:
    if name == "auto":
        name = _automatic(vertices)
    if name not in _ENGINES:
        raise ValueError(f"engine must be one of {('auto', *_ENGINES)}, got {name!r}")
    return _ENGINES[name]


def _on_capable_device(
    rasterize_ids: _RasterizeIds,
    vertices: Tensor,
    faces: Tensor,
    height: int,
    width: int,
    cull_backfaces: bool,
) -> Tensor:
    """Return the engine's ids, computed on the CPU where the device lacks double precision."""
    device = vertices.device
    if _wide(device) is not torch.float64:
        vertices, faces = vertices.cpu(), faces.cpu()
    return rasterize_ids(vertices, faces, height, width, cull_backfaces).to(device)


def _wide(device: torch.device) -> torch.dtype:
    """Return the widest floating point type of a device; Apple's MPS has no double precision."""
    return torch.float32 if device.type == "mps" else torch.float64


@cache
def _numba_is_installed() -> bool:
    return importlib.util.find_spec("numba") is not None


def _centres(size: int, device: torch.device) -> Tensor:
    """Return the device coordinates ``[size]`` of pixel centres along one axis."""
    return (2 * torch.arange(size, device=device) + 1).to(_wide(device)) / size - 1


def _barycentric(x: Tensor, y: Tensor, corners: Tensor, at_x: Tensor, at_y: Tensor) -> Tensor:
    """Return coordinates ``[3, N]`` of points ``[N]`` in triangles ``[3, N]`` of vertices ``[R]``.

    They are differentiable for torch tensors.
    """
    if not is_torch(x):
        return barycentric_formula(x, y, corners, at_x, at_y)[0].to(x.dtype)
    differentiable = importlib.import_module("smirk3d.rasterization.differentiable")
    weights: Tensor = differentiable.Barycentric.apply(x, y, corners, at_x, at_y)
    return weights


def _rasterize_ids_torch(
    vertices_ndc: Tensor, faces: Tensor, height: int, width: int, cull_backfaces: bool
) -> Tensor:
    engine = importlib.import_module("smirk3d.rasterization.torch_rasterizer")
    ids: Tensor = engine.rasterize_ids_torch(vertices_ndc, faces, height, width, cull_backfaces)
    return ids


_ENGINES: dict[str, _RasterizeIds] = {
    "torch": _rasterize_ids_torch,
    "numba": rasterize_ids_numba,
    "reference": rasterize_ids_reference,
}
