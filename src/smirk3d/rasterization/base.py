"""Rasterisation: which triangle each pixel sees, and where on it.

The engine decides visibility without gradient; the position on the triangle is then computed
differentiably. So gradients move vertices along what is seen, never across silhouettes.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from smirk3d.array_interface import (
    Array,
    array_namespace,
    beside,
    constant,
    counted,
    in_precision,
    is_torch,
    on_cpu,
    portions,
    require_floating,
    set_columns,
    without_gradients,
    zeros,
)
from smirk3d.errors import check_shape
from smirk3d.rasterization.array_rasterizer import (
    depth_range_array,
    nearest_depth_array,
    rasterize_ids_array,
)
from smirk3d.rasterization.barycentric import barycentric_formula
from smirk3d.rasterization.numba_rasterizer import (
    nearest_depth_numba,
    numba_is_installed,
    rasterize_ids_numba,
)
from smirk3d.rasterization.reference import rasterize_ids_reference

Engine = Literal["auto", "array", "numba", "reference"]

_WITHOUT_DOUBLE = "mps"
"""The device, Apple's, that has no double precision: the triangles are found on the CPU."""


class _RasterizeIds(Protocol):
    def __call__(
        self, vertices_ndc: Array, faces: Array, height: int, width: int, cull_backfaces: bool
    ) -> Array: ...


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

    face_index: Array
    pixel: Array
    corners: Array
    weights: Array
    corner_depth: Array

    @property
    def mask(self) -> Array:
        """Mask ``[B, H, W]`` of the pixels that the mesh covers."""
        return self.face_index >= 0

    @cached_property
    def barycentric(self) -> Array:
        """Barycentric coordinates ``[B, H, W, 3]``, zero where empty; differentiable."""
        return array_namespace(self.weights).permute_dims(self.scatter(self.weights), (0, 2, 3, 1))

    @property
    def pixel_depth(self) -> Array:
        """Device z ``[N]`` of the covered pixels, larger is farther; differentiable."""
        return (self.weights * self.corner_depth).sum(0)

    @cached_property
    def depth(self) -> Array:
        """Device z ``[B, H, W]``, larger is farther, infinite where empty; differentiable."""
        xp = array_namespace(self.weights)
        depth = self.scatter(self.pixel_depth[None])[:, 0]
        return xp.where(self.mask, depth, xp.inf)

    def only(self, chosen: Array) -> Fragments:
        """Return some of the covered pixels, by their numbers ``[M]``, as of the same pictures."""
        columns = (self.corners, self.weights, self.corner_depth)
        xp = array_namespace(self.weights)
        return Fragments(
            self.face_index,
            xp.take(self.pixel, chosen),
            *(xp.take(each, chosen, axis=1) for each in columns),
        )

    def at_pixels(self, attributes: Array) -> Array:
        """Return vertex attributes ``[B, V, C]`` interpolated at the covered pixels, ``[C, N]``."""
        check_shape(attributes, "B V C", "attributes", B=self.face_index.shape[0])
        return mixed_at(attributes.reshape(-1, attributes.shape[2]), self.corners, self.weights)

    def scatter(self, values: Array) -> Array:
        """Return values of covered pixels ``[C, N]`` as pictures ``[B, C, H, W]``, 0 elsewhere."""
        channels = check_shape(values, "C N", "values", N=self.pixel.shape[0])["C"]
        batch, height, width = self.face_index.shape
        picture = set_columns(zeros((channels, batch * height * width), values), self.pixel, values)
        return picture.reshape(channels, batch, height, width).swapaxes(0, 1)

    def interpolate(self, attributes: Array) -> Array:
        """Return vertex attributes ``[B, V, C]`` as pictures ``[B, C, H, W]``, 0 where empty."""
        return self.scatter(self.at_pixels(attributes))


def rasterize(
    vertices_ndc: Array,
    faces: Array,
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
        engine: ``"auto"`` takes numba on the CPU where it is installed, and else ``"array"``,
            operations of NumPy or torch on whole arrays.

    Raises:
        ShapeError: if a shape differs.
        UsageError: if the vertices are not floating-point numbers.
        ValueError: if the engine is unknown or the picture has no pixels.
    """
    face_index = seen_faces(
        vertices_ndc, faces, height, width, cull_backfaces=cull_backfaces, engine=engine
    )
    xp = array_namespace(vertices_ndc)
    image, row, column = xp.nonzero(face_index >= 0)
    pixel = (image * height + row) * width + column
    seen = xp.take(face_index.reshape(-1), pixel)
    offset = image * vertices_ndc.shape[1]
    corners = xp.stack([xp.take(corner, seen) + offset for corner in xp.unstack(faces, axis=1)])
    centre_x = xp.take(_centres(width, pixel), column)
    centre_y = xp.take(_centres(height, pixel), row)
    x, y, z = xp.stack(xp.unstack(vertices_ndc.reshape(-1, 3), axis=1))
    weights = barycentric_at(x, y, corners, centre_x, centre_y)
    corner_depth = xp.take(z, corners.reshape(-1)).reshape(3, -1)
    return Fragments(face_index, pixel, corners, weights, corner_depth)


@without_gradients
def seen_faces(
    vertices_ndc: Array,
    faces: Array,
    height: int,
    width: int,
    *,
    cull_backfaces: bool = False,
    engine: Engine = "auto",
) -> Array:
    """Return the triangle ``[B, H, W]`` seen in each pixel, -1 where none, as int64.

    These are the ``face_index`` of :func:`rasterize` alone, whose arguments and errors it shares.
    """
    _check(vertices_ndc, faces, height, width)
    rasterize_ids = _ENGINES[_engine_name(engine, vertices_ndc)]
    ids = rasterize_ids(*_with_double(vertices_ndc, faces), height, width, cull_backfaces)
    return beside(ids, vertices_ndc)


@without_gradients
def nearest_depth(vertices_ndc: Array, faces: Array, height: int, width: int) -> Array:
    """Return device z ``[B, H, W]`` of the nearest surface, infinite where there is none.

    It is :attr:`Fragments.depth` to within rounding, without gradient and without the memory that
    places on triangles take. Arguments and errors are those of :func:`rasterize`.
    """
    _check(vertices_ndc, faces, height, width)
    automatic = _engine_name("auto", vertices_ndc)
    nearest = nearest_depth_numba if automatic == "numba" else nearest_depth_array
    depth = nearest(*_with_double(vertices_ndc, faces), height, width)
    return in_precision(beside(depth, vertices_ndc), vertices_ndc)


@without_gradients
def depth_range(vertices_ndc: Array, faces: Array, height: int, width: int) -> tuple[Array, Array]:
    """Return device z ``[B, H, W]`` of the nearest surface, and of the farthest.

    Where there is none the first is infinite, the second negative infinite: a map of depths from
    both sides, for about the time of one. Arguments and errors are those of :func:`rasterize`.
    """
    _check(vertices_ndc, faces, height, width)
    if _engine_name("auto", vertices_ndc) == "numba":
        turned = vertices_ndc * constant([1.0, 1.0, -1.0], vertices_ndc)
        nearest, behind = (
            nearest_depth(side, faces, height, width) for side in (vertices_ndc, turned)
        )
        return nearest, -behind
    near, far = depth_range_array(*_with_double(vertices_ndc, faces), height, width)
    return (
        in_precision(beside(near, vertices_ndc), vertices_ndc),
        in_precision(beside(far, vertices_ndc), vertices_ndc),
    )


def _check(vertices_ndc: Array, faces: Array, height: int, width: int) -> None:
    check_shape(vertices_ndc, "B V 3", "vertices_ndc")
    check_shape(faces, "F 3", "faces")
    require_floating(vertices_ndc, "vertices_ndc")
    if height < 1 or width < 1:
        raise ValueError(f"a picture needs at least one pixel, got {height} x {width}")


def _engine_name(name: Engine, vertices: Array) -> Engine:
    """Return an engine's name, the one that is meant by ``"auto"``."""
    if name == "auto":
        return "numba" if _device_type(vertices) == "cpu" and numba_is_installed() else "array"
    if name not in _ENGINES:
        raise ValueError(f"engine must be one of {('auto', *_ENGINES)}, got {name!r}")
    return name


def _with_double(vertices: Array, faces: Array) -> tuple[Array, Array]:
    """Return both where double precision can be computed with."""
    if _device_type(vertices) == _WITHOUT_DOUBLE:
        return on_cpu(vertices), on_cpu(faces)
    return vertices, faces


def _device_type(array: Array) -> str:
    """Return where an array lies: NumPy's on the CPU, torch's anywhere."""
    return str(array.device.type) if is_torch(array) else "cpu"


def _centres(size: int, like: Array) -> Array:
    """Return the device coordinates ``[size]`` of pixel centres along one axis, beside an array."""
    xp = array_namespace(like)
    wide = xp.float32 if _device_type(like) == _WITHOUT_DOUBLE else xp.float64
    return xp.astype(2 * counted(size, like) + 1, wide) / size - 1


def mixed_at(attributes: Array, corners: Array, weights: Array) -> Array:
    """Return vertex attributes ``[R, C]`` at points of triangles, as ``[C, N]``.

    Args:
        attributes: ``[R, C]``.
        corners: rows of each point's triangle ``[3, N]``.
        weights: each point's barycentric coordinates ``[3, N]``.
    """
    # channels first throughout: strided access makes this several times as slow on the CPU
    xp = array_namespace(attributes)
    columns = xp.stack(xp.unstack(attributes, axis=1))
    weights = in_precision(weights, attributes)
    if is_torch(attributes):
        return _mixed(columns, corners, weights)
    found = zeros((len(columns), corners.shape[1]), attributes)
    for some in portions(corners.shape[1]):
        found[:, some] = _mixed(columns, corners[:, some], weights[:, some])
    return found


def _mixed(columns: Array, corners: Array, weights: Array) -> Array:
    """Return columns ``[C, R]`` at points ``[N]`` of triangles ``[3, N]``, as ``[C, N]``."""
    xp = array_namespace(columns)
    # one corner after another: columns of all three at once would fill memory
    found = xp.take(columns, corners[0], axis=1) * weights[0]
    for corner in (1, 2):
        found += xp.take(columns, corners[corner], axis=1) * weights[corner]
    return found


def barycentric_at(x: Array, y: Array, corners: Array, at_x: Array, at_y: Array) -> Array:
    """Return coordinates ``[3, N]`` of points ``[N]`` in triangles ``[3, N]`` of vertices ``[R]``.

    They are differentiable for torch tensors.
    """
    if not is_torch(x):
        weights = zeros(corners.shape, x)
        for some in portions(len(at_x)):
            weights[:, some] = barycentric_formula(x, y, corners[:, some], at_x[some], at_y[some])[
                0
            ]
        return weights
    differentiable = importlib.import_module("smirk3d.rasterization.differentiable")
    return differentiable.Barycentric.apply(x, y, corners, at_x, at_y)


_ENGINES: dict[str, _RasterizeIds] = {
    "array": rasterize_ids_array,
    "numba": rasterize_ids_numba,
    "reference": rasterize_ids_reference,
}
