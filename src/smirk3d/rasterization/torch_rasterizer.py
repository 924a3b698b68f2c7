"""Rasterisation in plain torch operations, on any device.

Triangles are expanded into row spans and spans into pixels; each pixel takes the smallest of 64-bit
keys that hold depth above and triangle below (scatter-min). :mod:`~smirk3d.rasterization.reference`
defines the rules; the arithmetic here is the same, in double precision where it decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.rasterization.reference import SMALLEST_DOUBLE_AREA

_EMPTY = torch.iinfo(torch.int64).max
_FACES_PER_CHUNK = {"cpu": 16_384, "other": 4_194_304}
_FRAGMENTS_PER_CHUNK = {"cpu": 262_144, "other": 33_554_432}


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
        cull_backfaces: leave out triangles that turn away from the viewer.
    """
    batch = vertices_ndc.shape[0]
    kind = "cpu" if vertices_ndc.device.type == "cpu" else "other"
    keys = vertices_ndc.new_full((batch, height * width), _EMPTY, dtype=torch.int64)
    if faces.shape[0] and keys.numel():
        scale = vertices_ndc.new_tensor([0.5 * width, 0.5 * height, 1.0], dtype=torch.float64)
        shift = vertices_ndc.new_tensor([1.0, 1.0, 0.0], dtype=torch.float64)
        points = (vertices_ndc.detach().double() + shift) * scale
        images = max(1, _FACES_PER_CHUNK[kind] // faces.shape[0])
        for start in range(0, batch, images):
            chunk = points[start : start + images]
            spans = _row_spans(chunk, faces, height, width, cull_backfaces)
            _draw(spans, keys[start : start + images].view(-1), _FRAGMENTS_PER_CHUNK[kind])
    ids = torch.where(keys == _EMPTY, -1, keys & 0xFFFFFFFF)
    return ids.view(batch, height, width)


def _row_spans(points: Tensor, faces: Tensor, height: int, width: int, cull: bool) -> _Spans:
    images, num_vertices = points.shape[:2]
    flat = points.reshape(-1, 3)
    offset = torch.arange(images, device=points.device)[:, None, None] * num_vertices
    corners = (faces + offset).view(-1, 3)
    face, corners = _candidates(flat, corners, height, width)
    image = face // len(faces)
    x, y, z = flat.unbind(1)
    top, middle, bottom = _sorted_by(y, *corners.unbind(1))
    ax, ay, az = x[top], y[top], z[top]
    bx, by, bz = x[middle] - ax, y[middle], z[middle] - az
    cx, cy, cz = x[bottom] - ax, y[bottom], z[bottom] - az
    area = bx * (cy - ay) - cx * (by - ay)
    keep = (area.abs() >= SMALLEST_DOUBLE_AREA) & torch.isfinite(area)
    if cull:
        a, b, c = (flat[corner] for corner in corners.unbind(1))
        turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
        keep &= turn < 0
    along_x = (bz * (cy - ay) - cz * (by - ay)) / area
    along_y = (bx * cz - cx * bz) / area
    first = _first_centre(ay, height)
    rows = (_first_centre(cy, height) - first) * keep
    owner, step = _expand(rows)
    row = first[owner] + step
    centre = row.double() + 0.5
    below_top = centre - ay[owner]
    long_edge = below_top * (cx / (cy - ay))[owner]
    upper = below_top * (bx / (by - ay))[owner]
    # the lower short edge starts at the middle vertex, as its neighbour computes it
    lower_slope = ((x[bottom] - x[middle]) / (cy - by))[owner]
    lower = x[middle][owner] + (centre - by[owner]) * lower_slope
    top_x = ax[owner]
    short = torch.where(centre < by[owner], top_x + upper, lower)
    long_edge = top_x + long_edge
    left = _first_centre(torch.minimum(long_edge, short), width)
    right = _first_centre(torch.maximum(long_edge, short), width)
    slope = along_x[owner]
    depth = az[owner] + (left.double() + 0.5 - top_x) * slope + below_top * along_y[owner]
    pixel = (image[owner] * height + row) * width + left
    return _Spans(pixel, right - left, depth, slope, (face % len(faces))[owner])


def _candidates(
    points: Tensor, corners: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Return index and corners of the triangles whose bounding box holds a pixel centre."""
    finite = torch.isfinite(points).all(1)
    column = torch.where(finite, _first_centre(points[:, 0], width), 0).int()
    row = torch.where(finite, _first_centre(points[:, 1], height), 0).int()
    a, b, c = corners.unbind(1)
    rows, columns = (row[a], row[b], row[c]), (column[a], column[b], column[c])
    keep = _differ(*rows) & _differ(*columns)
    if not bool(finite.all()):
        keep &= finite[a] & finite[b] & finite[c]
    index = keep.nonzero()[:, 0]
    return index, corners[index]


def _differ(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
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
    swap = key[a] > key[b]
    return torch.where(swap, b, a), torch.where(swap, a, b)


def _expand(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return, for each of ``sum(counts)`` items, its owner and its number within the owner."""
    ends = counts.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    owners = torch.arange(len(counts), device=counts.device)
    owner = torch.repeat_interleave(owners, counts, output_size=total)
    step = torch.arange(total, device=counts.device) - (ends - counts)[owner]
    return owner, step


def _draw(spans: _Spans, keys: Tensor, fragments_per_chunk: int) -> None:
    """Lower the keys ``[pixels]``, in place, to the nearest of the spans' fragments."""
    if not len(spans.count):
        return
    for start, stop in _chunks(spans.count, fragments_per_chunk):
        owner, step = _expand(spans.count[start:stop])
        pixel = spans.pixel[start:stop][owner] + step
        depth = spans.slope[start:stop][owner] * step
        depth = (depth + spans.depth[start:stop][owner]).float()
        key = (_sortable(depth).long() << 32) | spans.face[start:stop][owner]
        keys.scatter_reduce_(0, pixel, key, "amin")


def _chunks(counts: Tensor, limit: int) -> list[tuple[int, int]]:
    """Return slices of about ``limit`` items each, one at least."""
    ends = counts.cumsum(0)
    total = int(ends[-1])
    if total <= limit:
        return [(0, len(counts))]
    marks = torch.arange(limit, total, limit, device=counts.device)
    cuts = [0, *torch.searchsorted(ends, marks).tolist(), len(counts)]
    return [(a, b) for a, b in zip(cuts, cuts[1:], strict=False) if b > a]


def _sortable(depth: Tensor) -> Tensor:
    """Return int32 in the order of float32 depths; minus zero counts as zero."""
    bits = (depth + 0.0).view(torch.int32)
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
