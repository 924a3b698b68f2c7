"""Closest points on a triangle mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smirk3d.array_interface import (
    Array,
    array_namespace,
    counted,
    distances,
    is_torch,
    norm,
)
from smirk3d.errors import check_shape

_CANDIDATES = 48
"""Triangles tested for each query: ample on meshes of similar triangles, not for long slivers."""

_CHUNK = 512
"""Queries handled at once; bounds memory, the result does not depend on it."""


@dataclass(frozen=True)
class SurfacePoints:
    """Points on a mesh, each closest to a query.

    Attributes:
        face_index: triangle of each point ``[P]``.
        barycentric: barycentric coordinates within the triangles ``[P, 3]``.
        points: positions ``[P, 3]``.
        distance: distance of each point from its query ``[P]``, in the unit of the vertices.
    """

    face_index: Array
    barycentric: Array
    points: Array
    distance: Array


def closest_points(queries: Array, vertices: Array, faces: Array) -> SurfacePoints:
    """Return the points of a mesh that are closest to queries.

    Exact among the 48 triangles whose centroids are nearest to a query, which holds the closest one
    on meshes of similar triangles; not meant for long slivers.

    Args:
        queries: positions ``[P, 3]``.
        vertices: the mesh's vertices ``[V, 3]``, in the unit of the queries.
        faces: vertex ids of the triangles ``[F, 3]``.

    Raises:
        ShapeError: if a shape differs.
    """
    check_shape(queries, "P 3", "queries")
    check_shape(vertices, "V 3", "vertices")
    check_shape(faces, "F 3", "faces")
    corners = vertices[faces]
    centroids = corners.mean(1)
    count = min(_CANDIDATES, len(faces))
    starts = range(0, max(len(queries), 1), _CHUNK)
    parts = [_closest(queries[at : at + _CHUNK], corners, centroids, count) for at in starts]
    xp = array_namespace(queries)
    face_index = xp.concat([face for face, _ in parts])
    barycentric = xp.concat([weights for _, weights in parts])
    points = (corners[face_index] * barycentric[..., None]).sum(1)
    return SurfacePoints(face_index, barycentric, points, norm(points - queries))


def closest_points_among(queries: Array, corners: Array, candidates: Array) -> Array:
    """Return the points ``[P, 3]`` closest to queries on some triangles of each.

    Args:
        queries: positions ``[P, 3]``.
        corners: positions of the triangles' corners ``[F, 3, 3]``.
        candidates: numbers of the triangles that are tested for each query ``[P, K]``.

    Raises:
        ShapeError: if a shape differs.
    """
    size = check_shape(queries, "P 3", "queries")["P"]
    check_shape(corners, "F 3 3", "corners")
    check_shape(candidates, "P K", "candidates", P=size)
    weights = _closest_on_triangles(queries[:, None], corners[candidates])
    points = (corners[candidates] * weights[..., None]).sum(2)
    best = norm(points - queries[:, None]).argmin(1)
    return points[counted(len(queries), queries), best]


def _closest(queries: Array, corners: Array, centroids: Array, count: int) -> tuple[Array, Array]:
    near = _nearest(queries, centroids, count)
    weights = _closest_on_triangles(queries[:, None], corners[near])
    points = (corners[near] * weights[..., None]).sum(2)
    best = norm(points - queries[:, None]).argmin(1)
    rows = counted(len(queries), queries)
    return near[rows, best], weights[rows, best]


def _nearest(queries: Array, points: Array, count: int) -> Array:
    """Return the numbers ``[P, count]`` of the points nearest to each query, nearest first."""
    between = distances(queries, points)
    if is_torch(between):
        return between.topk(count, dim=1, largest=False).indices
    # sorting a few of many is a tenth of sorting all
    near = np.argpartition(between, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(between, near, axis=1), axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1)


def _closest_on_triangles(points: Array, corners: Array) -> Array:
    """Return barycentrics ``[..., 3]`` of the points of triangles closest to points ``[..., 3]``.

    The closest point is the foot on the plane where that lies inside, or else lies on an edge.
    """
    xp = array_namespace(points)
    a, b, c = xp.unstack(corners, axis=-2)
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    d20, d21 = _dot(ap, ab), _dot(ap, ac)
    area = (d00 * d11 - d01 * d01).clip(1e-30, None)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    inside = xp.stack([1 - v - w, v, w], axis=-1)
    candidates = [inside.clip(0, 1)]
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, end = corners[..., first, :], corners[..., second, :]
        along = end - start
        fraction = (_dot(points - start, along) / _dot(along, along).clip(1e-30, None)).clip(0, 1)
        edge = [xp.zeros_like(fraction)] * 3
        edge[first], edge[second] = 1 - fraction, fraction
        candidates.append(xp.stack(edge, axis=-1))
    weights = xp.stack(candidates, axis=-2)
    feet = (weights[..., None] * corners[..., None, :, :]).sum(-2)
    between = norm(feet - points[..., None, :])
    # the foot on the plane counts where it is inside
    is_inside = (inside >= 0).all(-1)
    on_plane = xp.where(is_inside, between[..., 0], xp.full_like(between[..., 0], xp.inf))
    between = xp.concat([on_plane[..., None], between[..., 1:]], axis=-1)
    best = xp.argmin(between, axis=-1)[..., None, None]
    best = xp.broadcast_to(best, (*between.shape[:-1], 1, 3))
    return xp.take_along_axis(weights, best, axis=-2)[..., 0, :]


def _dot(a: Array, b: Array) -> Array:
    return (a * b).sum(-1)
