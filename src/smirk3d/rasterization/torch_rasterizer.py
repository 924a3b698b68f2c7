"""Rasterisation in plain torch operations, on any device.

Triangles are expanded into row spans and spans into pixels; each pixel takes the smallest of 64-bit
keys that hold depth above and triangle below (scatter-min). :mod:`~smirk3d.rasterization.reference`
defines the rules; the arithmetic here is the same, in double precision where it decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from smirk3d.rasterization.reference import SMALLEST_DOUBLE_AREA

_EMPTY = torch.iinfo(torch.int64).max
_FACES_PER_CHUNK = {"cpu": 16_384, "other": 4_194_304}
"""Triangles that are taken apart at once: a choice that bounds memory."""
_FRAGMENTS_PER_CHUNK = {"cpu": 262_144, "other": 33_554_432}
"""Fragments that are drawn at once: a choice that bounds memory; their keys take 8 bytes each."""


@dataclass(frozen=True)
class _Spans:
    """Runs of pixels of one triangle in one row; all ``[N]``."""

    pixel: Tensor
    """Flat index of the first pixel in the chunk's pictures."""
    count: Tensor
    depth: Tensor
    """At the first pixel's centre, float64."""
    slope: Tensor
    """Change of depth from a pixel to the next."""
    face: Tensor


def rasterize_ids_torch(
    vertices_ndc: Tensor, faces: Tensor, height: int, width: int, cull_backfaces: bool = False
) -> Tensor:
    """Return the triangle ``[B, H, W]`` seen in each pixel, -1 where none.

    Args:
        vertices_ndc: ``[B, V, 3]``, x right, y down, z away from the viewer.
        faces: ``[F, 3]``.
        height: H.
        width: W.
        cull_backfaces: leave out triangles that face away from the viewer.
    """
    batch = vertices_ndc.shape[0]
    kind = "cpu" if vertices_ndc.device.type == "cpu" else "other"
    ids = vertices_ndc.new_full((batch, height, width), -1, dtype=torch.int64)
    if not faces.shape[0] or not batch:
        return ids
    scale = vertices_ndc.new_tensor([0.5 * width, 0.5 * height, 1.0], dtype=torch.float64)
    shift = vertices_ndc.new_tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    images = min(batch, max(1, _FACES_PER_CHUNK[kind] // faces.shape[0]))
    keys = ids.new_empty(images * height * width)
    for start in range(0, batch, images):
        chunk = vertices_ndc[start : start + images].detach()
        points = (chunk.double() + shift) * scale
        spans = _row_spans(points, faces, height, width, cull_backfaces)
        drawn = keys[: len(chunk) * height * width].fill_(_EMPTY)
        _draw(spans, drawn, _FRAGMENTS_PER_CHUNK[kind])
        # the lower half of a key is the triangle, and -1 where nothing was drawn
        ids[start : start + images] = drawn.int().view(len(chunk), height, width)
    return ids


def _row_spans(points: Tensor, faces: Tensor, height: int, width: int, cull: bool) -> _Spans:
    images, num_vertices = points.shape[:2]
    x, y, z = points.reshape(-1, 3).t().contiguous().unbind(0)
    offset = torch.arange(images, device=points.device)[:, None] * num_vertices
    corners = [(corner + offset).view(-1) for corner in faces.unbind(1)]
    face, corners = _candidates((x, y, z), corners, height, width)
    if cull:
        front = _signed_area((x, y), corners) < 0
        face, corners = face[front], [corner[front] for corner in corners]
    triangle = _prepare((x, y, z), corners)
    first = _first_centre(triangle.ay, height)
    counts = (_first_centre(triangle.cy, height) - first) * triangle.drawn
    owner, step = _expand(counts)
    row = _take(first, owner) + step
    centre = row.double() + 0.5
    ax, by = _take(triangle.ax, owner), _take(triangle.by, owner)
    below_top = centre - _take(triangle.ay, owner)
    long_edge = ax + below_top * _take(triangle.long_slope, owner)
    # the lower short edge starts at the middle vertex, as it does in the triangle beyond it
    short_edge = torch.where(
        centre < by,
        ax + below_top * _take(triangle.upper_slope, owner),
        _take(triangle.bx, owner) + (centre - by) * _take(triangle.lower_slope, owner),
    )
    left = _first_centre(torch.minimum(long_edge, short_edge), width)
    count = _first_centre(torch.maximum(long_edge, short_edge), width) - left
    slope = _take(triangle.along_x, owner)
    depth = _take(triangle.az, owner) + (left.double() + 0.5 - ax) * slope
    depth += below_top * _take(triangle.along_y, owner)
    image = torch.div(face, len(faces), rounding_mode="floor")
    pixel = (_take(image * height, owner) + row) * width + left
    return _Spans(pixel, count, depth, slope, _take(face - image * len(faces), owner))


@dataclass(frozen=True)
class _Triangles:
    """Quantities ``[N]`` that all rows of a triangle share; corners a, b, c from top to bottom."""

    ax: Tensor
    ay: Tensor
    az: Tensor
    bx: Tensor
    by: Tensor
    cy: Tensor
    long_slope: Tensor
    """Change of x along the edge from a to c as y grows by one."""
    upper_slope: Tensor
    lower_slope: Tensor
    along_x: Tensor
    """Change of depth as x grows by one."""
    along_y: Tensor
    drawn: Tensor


def _prepare(points: tuple[Tensor, Tensor, Tensor], corners: list[Tensor]) -> _Triangles:
    x, y, z = points
    top, middle, bottom = _sorted_by(y, *corners)
    ax, bx, cx = _take(x, top), _take(x, middle), _take(x, bottom)
    ay, by, cy = _take(y, top), _take(y, middle), _take(y, bottom)
    az, bz, cz = _take(z, top), _take(z, middle), _take(z, bottom)
    abx, aby, acx, acy = bx - ax, by - ay, cx - ax, cy - ay
    area = abx * acy - acx * aby
    return _Triangles(
        ax, ay, az, bx, by, cy,
        long_slope=acx / acy,
        upper_slope=abx / aby,
        lower_slope=(cx - bx) / (cy - by),
        along_x=((bz - az) * acy - (cz - az) * aby) / area,
        along_y=(abx * (cz - az) - acx * (bz - az)) / area,
        drawn=(area.abs() >= SMALLEST_DOUBLE_AREA) & torch.isfinite(area),
    )  # fmt: skip


def _signed_area(points: tuple[Tensor, Tensor], corners: list[Tensor]) -> Tensor:
    """Return twice the signed area of triangles; negative faces the viewer."""
    (ax, bx, cx), (ay, by, cy) = ([_take(axis, corner) for corner in corners] for axis in points)
    return (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)


def _take(values: Tensor, index: Tensor) -> Tensor:
    """Return ``values[index]``; index_select is several times as fast as indexing on the CPU."""
    return values.index_select(0, index)


def _candidates(
    points: tuple[Tensor, Tensor, Tensor], corners: list[Tensor], height: int, width: int
) -> tuple[Tensor, list[Tensor]]:
    """Return index and corners of the triangles whose bounding box holds a pixel centre."""
    x, y, z = points
    finite = torch.isfinite(x + y + z)
    column = torch.where(finite, _first_centre(x, width), 0).int()
    row = torch.where(finite, _first_centre(y, height), 0).int()
    keep = _differ(column, corners) & _differ(row, corners)
    if not bool(finite.all()):
        for corner in corners:
            keep &= _take(finite, corner)
    index = keep.nonzero()[:, 0]
    return index, [corner.index_select(0, index) for corner in corners]


def _differ(values: Tensor, corners: list[Tensor]) -> Tensor:
    a, b, c = (values.index_select(0, corner) for corner in corners)
    return (a != b) | (b != c)


def _first_centre(coordinate: Tensor, size: int) -> Tensor:
    """Return the first pixel, from 0 to size, whose centre is not before a coordinate."""
    return (coordinate - 0.5).ceil().clamp(0, size).long()


def _sorted_by(key: Tensor, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return three index vectors ordered by key, element by element."""
    a, b = _ordered(key, a, b)
    b, c = _ordered(key, b, c)
    a, b = _ordered(key, a, b)
    return a, b, c


def _ordered(key: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    swap = key.index_select(0, a) > key.index_select(0, b)
    return torch.where(swap, b, a), torch.where(swap, a, b)


def _expand(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return, for each of ``sum(counts)`` items, its owner and its number within the owner."""
    ends = counts.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    owners = torch.arange(len(counts), device=counts.device)
    owner = torch.repeat_interleave(owners, counts, output_size=total)
    step = torch.arange(total, device=counts.device) - _take(ends - counts, owner)
    return owner, step


def _draw(spans: _Spans, keys: Tensor, fragments_per_chunk: int) -> None:
    """Lower the keys ``[pixels]``, in place, to the nearest of the spans' fragments."""
    if not len(spans.count):
        return
    for start, stop in _chunks(spans.count, fragments_per_chunk):
        owner, step = _expand(spans.count[start:stop])
        owner += start
        pixel = _take(spans.pixel, owner) + step
        depth = _take(spans.depth, owner) + _take(spans.slope, owner) * step
        key = (_sortable(depth.float()).long() << 32) | _take(spans.face, owner)
        keys.scatter_reduce_(0, pixel, key, "amin")


def _chunks(counts: Tensor, limit: int) -> list[tuple[int, int]]:
    """Return slices of about ``limit`` items each, one at least."""
    ends = counts.cumsum(0)
    total = int(ends[-1])
    if total <= limit:
        return [(0, len(counts))]
    marks = torch.arange(limit, total, limit, device=counts.device)
    cuts = [0, *torch.searchsorted(ends, marks).tolist(), len(counts)]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _sortable(depth: Tensor) -> Tensor:
    """Return int32 in the order of float32 depths; minus zero counts as zero."""
    bits = (depth + 0.0).view(torch.int32)
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
