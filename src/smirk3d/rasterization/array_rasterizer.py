"""Rasterisation in whole-array operations of NumPy or torch, on any device.

Triangles are expanded into row spans and spans into pixels; each pixel takes the least of 64-bit
keys that hold depth above and triangle below.
:mod:`~smirk3d.rasterization.reference` defines the rules; the arithmetic here is the same, in
double precision where it decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from smirk3d.array_interface import (
    Array,
    array_namespace,
    constant,
    copied,
    counted,
    is_torch,
    lower_at,
    zeros,
)
from smirk3d.rasterization.reference import SMALLEST_DOUBLE_AREA
from smirk3d.rasterization.threads import in_threads

_EMPTY = np.iinfo(np.int64).max
_FACES_PER_CHUNK = {"cpu": 16_384, "other": 4_194_304}
"""Triangles that are taken apart at once: a choice that bounds memory."""
_FRAGMENTS_PER_CHUNK = {"cpu": 262_144, "other": 33_554_432}
"""Fragments that are drawn at once: a choice that bounds memory; their keys take 8 bytes each."""

_Columns = tuple[Array, Array, Array]


def rasterize_ids_array(
    vertices_ndc: Array, faces: Array, height: int, width: int, cull_backfaces: bool = False
) -> Array:
    """Return the triangle ``[B, H, W]`` seen in each pixel, -1 where none.

    Args:
        vertices_ndc: ``[B, V, 3]``, x right, y down, z away from the viewer.
        faces: ``[F, 3]``.
        height: H.
        width: W.
        cull_backfaces: leave out triangles that face away from the viewer.
    """
    xp = array_namespace(vertices_ndc)
    keys = zeros((len(vertices_ndc), height * width), faces)
    keys += _EMPTY

    def draw(chunk: slice) -> None:
        pictures = keys[chunk].reshape(-1)
        places = _Places.of(vertices_ndc[chunk], (height, width))
        for some in _triangle_chunks(places, faces):
            spans = _row_spans(places, faces[some], cull_backfaces)
            for owner, pixel, depth in _fragments(spans):
                face = _take(spans.face, owner) + some.start
                lower_at(pictures, pixel, xp.astype(_sortable(depth), xp.int64) << 32 | face)

    _for_chunks(draw, vertices_ndc, faces)
    # the lower half of a key is the triangle, and -1 where nothing was drawn
    ids = xp.astype(xp.astype(keys, xp.int32), xp.int64)
    return ids.reshape(-1, height, width)


def nearest_depth_array(vertices_ndc: Array, faces: Array, height: int, width: int) -> Array:
    """Return device z ``[B, H, W]`` of the nearest surface, in single precision.

    It is infinite where there is none. Arguments are those of :func:`rasterize_ids_array`.
    """
    xp = array_namespace(vertices_ndc)
    depths = xp.astype(zeros((len(vertices_ndc), height * width), vertices_ndc), xp.float32)
    depths += xp.inf

    def draw(chunk: slice) -> None:
        pictures = depths[chunk].reshape(-1)
        places = _Places.of(vertices_ndc[chunk], (height, width))
        for some in _triangle_chunks(places, faces):
            for _, pixel, depth in _fragments(_row_spans(places, faces[some], cull=False)):
                lower_at(pictures, pixel, depth)

    _for_chunks(draw, vertices_ndc, faces)
    return depths.reshape(-1, height, width)


def depth_range_array(
    vertices_ndc: Array, faces: Array, height: int, width: int
) -> tuple[Array, Array]:
    """Return device z ``[B, H, W]`` of the nearest and of the farthest surface.

    They are infinite where there is none, the second one negative. Arguments are those of
    :func:`rasterize_ids_array`.
    """
    xp = array_namespace(vertices_ndc)
    empty = xp.astype(zeros((len(vertices_ndc), height * width), vertices_ndc), xp.float32) + xp.inf
    nearest, behind = copied(empty), empty

    def draw(chunk: slice) -> None:
        front, back = nearest[chunk].reshape(-1), behind[chunk].reshape(-1)
        places = _Places.of(vertices_ndc[chunk], (height, width))
        for some in _triangle_chunks(places, faces):
            for _, pixel, depth in _fragments(_row_spans(places, faces[some], cull=False)):
                lower_at(front, pixel, depth)
                lower_at(back, pixel, -depth)

    _for_chunks(draw, vertices_ndc, faces)
    return nearest.reshape(-1, height, width), -behind.reshape(-1, height, width)


@dataclass(frozen=True)
class _Spans:
    """Runs of at least one pixel of a triangle in a row; all ``[N]``."""

    pixel: Array
    """Flat index of the first pixel in the chunk's pictures."""
    count: Array
    depth: Array
    """At the first pixel's centre, float64."""
    slope: Array
    """Change of depth from a pixel to the next."""
    face: Array


def _for_chunks(draw: Callable[[slice], None], vertices_ndc: Array, faces: Array) -> None:
    """Draw the pictures, some after others; NumPy's in threads, as torch has threads of its own."""
    if not len(faces):
        return
    step = max(1, _FACES_PER_CHUNK[_kind(faces)] // len(faces))
    chunks = [slice(start, start + step) for start in range(0, len(vertices_ndc), step)]
    if not is_torch(vertices_ndc):
        in_threads(draw, chunks)
        return
    for chunk in chunks:
        draw(chunk)


def _triangle_chunks(places: _Places, faces: Array) -> Iterator[slice]:
    """Yield slices of the triangles of some pictures, whose arrays stay in a processor's cache."""
    height, width = places.size
    # of NumPy's pictures: a mesh is taken to cover them once
    expected = places.images * height * width if not is_torch(faces) else 0
    count = max(1, -(-len(faces) // (1 + expected // _FRAGMENTS_PER_CHUNK[_kind(faces)])))
    for start in range(0, len(faces), count):
        yield slice(start, start + count)


def _kind(array: Array) -> str:
    return "other" if is_torch(array) and array.device.type != "cpu" else "cpu"


@dataclass(frozen=True)
class _Triangles:
    """Triangles that are drawn; all ``[N]``, but ``[2 N]`` of the short edges.

    Corners a, b, c go from top to bottom. The long edge goes from a to c. The first N short edges
    go from a to b, the others from b to c, with the same upper end as in the triangle beyond.
    """

    face: Array
    """Number of the triangle, counted through all pictures of the chunk."""
    row: Array
    """First row of pixels."""
    middle: Array
    """First row whose centre is not above b."""
    count: Array
    """Number of rows."""
    ax: Array
    ay: Array
    az: Array
    long_slope: Array
    """Change of x along the edge as y grows by one."""
    short_x: Array
    """Of the upper end, as y."""
    short_y: Array
    short_slope: Array
    along_x: Array
    """Change of depth as x grows by one."""
    along_y: Array


@dataclass(frozen=True)
class _Places:
    """Where the vertices of some pictures lie in them; arrays ``[R]`` of all pictures' vertices."""

    images: int
    size: tuple[int, int]
    """Height and width in pixels."""
    x: Array
    """In pixels, float64."""
    y: Array
    z: Array
    finite: Array
    column: Array
    """First pixel whose centre is not before the vertex."""
    row: Array

    @classmethod
    def of(cls, vertices_ndc: Array, size: tuple[int, int]) -> _Places:
        xp = array_namespace(vertices_ndc)
        shift, scale = ([1.0, 1.0, 0.0], [0.5 * size[1], 0.5 * size[0], 1.0])
        points = xp.astype(vertices_ndc, xp.float64)
        points = (points + constant(shift, points)) * constant(scale, points)
        x, y, z = xp.stack(xp.unstack(points.reshape(-1, 3), axis=1))
        finite = xp.isfinite(x + y + z)
        column = _first_centre(xp.where(finite, x, 0.0), size[1])
        row = _first_centre(xp.where(finite, y, 0.0), size[0])
        return cls(len(points), size, x, y, z, finite, column, row)


@np.errstate(all="ignore")
def _row_spans(places: _Places, faces: Array, cull: bool) -> _Spans:
    # not warned of: edges without height, and coordinates beyond what can be computed with
    xp = array_namespace(places.x)
    height, width = places.size
    drawn = _prepared(places, faces, cull)
    owner, step = _expand(drawn.count)
    row = _take(drawn.row, owner) + step
    centre = xp.astype(row, xp.float64) + 0.5
    ax, below_top = _take(drawn.ax, owner), centre - _take(drawn.ay, owner)
    long_edge = ax + below_top * _take(drawn.long_slope, owner)
    short = owner + len(drawn.count) * (row >= _take(drawn.middle, owner))
    below_end = centre - _take(drawn.short_y, short)
    short_edge = _take(drawn.short_x, short) + below_end * _take(drawn.short_slope, short)
    left = _first_centre(xp.minimum(long_edge, short_edge), width)
    count = _first_centre(xp.maximum(long_edge, short_edge), width) - left
    filled = xp.nonzero(count)[0]
    owner, left, row = _take(owner, filled), _take(left, filled), _take(row, filled)
    from_top = xp.astype(left, xp.float64) + 0.5 - _take(ax, filled)
    slope = _take(drawn.along_x, owner)
    depth = _take(drawn.az, owner) + from_top * slope
    depth += _take(below_top, filled) * _take(drawn.along_y, owner)
    face = _take(drawn.face, owner)
    image = face // len(faces)
    pixel = (image * height + row) * width + left
    return _Spans(pixel, _take(count, filled), depth, slope, face - image * len(faces))


def _prepared(places: _Places, faces: Array, cull: bool) -> _Triangles:
    xp = array_namespace(places.x)
    x, y, z, rows = places.x, places.y, places.z, places.row
    face, corners = _candidates(places, faces)
    if cull:
        front = xp.nonzero(_signed_area(x, y, corners) < 0)[0]
        face, corners = _take(face, front), _each(corners, front)
    (top, middle, bottom), (ay, by, cy) = _sorted_by(y, corners)
    ax, bx, cx = _take(x, top), _take(x, middle), _take(x, bottom)
    az, bz, cz = _take(z, top), _take(z, middle), _take(z, bottom)
    abx, aby, acx, acy = bx - ax, by - ay, cx - ax, cy - ay
    area = abx * acy - acx * aby
    row = _take(rows, top)
    large = (xp.abs(area) >= SMALLEST_DOUBLE_AREA) & xp.isfinite(area)
    return _Triangles(
        face, row, _take(rows, middle), (_take(rows, bottom) - row) * large, ax, ay, az,
        long_slope=acx / acy,
        short_x=xp.concat([ax, bx]),
        short_y=xp.concat([ay, by]),
        short_slope=xp.concat([abx / aby, (cx - bx) / (cy - by)]),
        along_x=((bz - az) * acy - (cz - az) * aby) / area,
        along_y=(abx * (cz - az) - acx * (bz - az)) / area,
    )  # fmt: skip


def _signed_area(x: Array, y: Array, corners: _Columns) -> Array:
    """Return twice the signed area of triangles; negative faces the viewer."""
    (ax, bx, cx), (ay, by, cy) = ([_take(axis, corner) for corner in corners] for axis in (x, y))
    return (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)


def _take(values: Array, index: Array) -> Array:
    """Return ``values[index]`` for indices that are not negative.

    torch's own operation is several times as fast as indexing on the CPU, and as the one by which
    the array interface lets negative indices count from the end.
    """
    return values.index_select(0, index) if is_torch(values) else values.take(index, mode="clip")


def _each(columns: _Columns, index: Array) -> _Columns:
    a, b, c = columns
    return _take(a, index), _take(b, index), _take(c, index)


def _candidates(places: _Places, faces: Array) -> tuple[Array, _Columns]:
    """Return the triangles whose bounding box holds a pixel centre.

    Returns:
        Their numbers, counted through all pictures ``[N]``; their corners as numbers of all
        pictures' vertices ``[N]``.
    """
    xp = array_namespace(faces)
    offset = counted(places.images, faces)[:, None] * (len(places.x) // places.images)
    a, b, c = ((corner + offset).reshape(-1) for corner in xp.unstack(faces, axis=1))
    keep = _differ(places.column, (a, b, c)) & _differ(places.row, (a, b, c))
    if not bool(xp.all(places.finite)):
        keep &= _take(places.finite, a) & _take(places.finite, b) & _take(places.finite, c)
    index = xp.nonzero(keep)[0]
    return index, _each((a, b, c), index)


def _differ(values: Array, corners: _Columns) -> Array:
    a, b, c = (_take(values, corner) for corner in corners)
    return (a != b) | (b != c)


def _first_centre(coordinate: Array, size: int) -> Array:
    """Return the first pixel, from 0 to size, whose centre is not before a coordinate."""
    xp = array_namespace(coordinate)
    offset = (coordinate - 0.5).clip(0, size)
    whole = xp.astype(offset, xp.int64)
    # several times as fast as rounding up, for NumPy
    return whole + (offset > whole)


def _sorted_by(key: Array, corners: _Columns) -> tuple[_Columns, _Columns]:
    """Return corners ordered by their keys, triangle by triangle, and their keys."""
    a, b, c = ((_take(key, corner), corner) for corner in corners)
    a, b = _ordered(a, b)
    b, c = _ordered(b, c)
    a, b = _ordered(a, b)
    return (a[1], b[1], c[1]), (a[0], b[0], c[0])


def _ordered(
    a: tuple[Array, Array], b: tuple[Array, Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return two lists of keys and corners with the smaller keys first; equal ones stay."""
    xp = array_namespace(a[0])
    move = (b[1] - a[1]) * (a[0] > b[0])
    return (xp.minimum(a[0], b[0]), a[1] + move), (xp.maximum(a[0], b[0]), b[1] - move)


def _expand(counts: Array) -> tuple[Array, Array]:
    """Return, for each of ``sum(counts)`` items, its owner and its number within the owner."""
    xp = array_namespace(counts)
    owner = xp.repeat(counted(len(counts), counts), counts)
    before = xp.cumulative_sum(counts) - counts
    return owner, counted(len(owner), counts) - _take(before, owner)


def _fragments(spans: _Spans) -> Iterator[_Columns]:
    """Yield span, pixel and depth in single precision ``[N]`` of all the spans' pixels."""
    xp = array_namespace(spans.count)
    for start, stop in _chunks(spans.count, _FRAGMENTS_PER_CHUNK[_kind(spans.count)]):
        owner, step = _expand(spans.count[start:stop])
        owner += start
        depth = _take(spans.depth, owner) + _take(spans.slope, owner) * step
        pixel = _take(spans.pixel, owner) + step
        yield owner, pixel, xp.astype(depth, xp.float32)


def _chunks(counts: Array, limit: int) -> list[tuple[int, int]]:
    """Return slices of about ``limit`` items each; none where there is no item."""
    xp = array_namespace(counts)
    ends = xp.cumulative_sum(counts)
    total = int(ends[-1]) if len(ends) else 0
    marks = limit * (counted((total - 1) // limit, counts) + 1)
    cuts = [0, *xp.searchsorted(ends, marks).tolist(), len(counts)]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _sortable(depth: Array) -> Array:
    """Return int32 in the order of float32 depths; minus zero counts as zero."""
    xp = array_namespace(depth)
    bits = (depth + 0.0).view(xp.int32)
    return xp.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
