"""Closest points on a triangle mesh."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface.torch_names import Tensor, torch
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

    face_index: Tensor
    barycentric: Tensor
    points: Tensor
    distance: Tensor


def closest_points(queries: Tensor, vertices: Tensor, faces: Tensor) -> SurfacePoints:
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
    parts = [_closest(chunk, corners, centroids, count) for chunk in queries.split(_CHUNK)]
    face_index = torch.cat([face for face, _ in parts])
    barycentric = torch.cat([weights for _, weights in parts])
    points = (corners[face_index] * barycentric[..., None]).sum(1)
    return SurfacePoints(face_index, barycentric, points, (points - queries).norm(dim=1))


def closest_points_among(queries: Tensor, corners: Tensor, candidates: Tensor) -> Tensor:
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
    best = (points - queries[:, None]).norm(dim=2).argmin(1)
    return points[torch.arange(len(queries), device=queries.device), best]


def _closest(
    queries: Tensor, corners: Tensor, centroids: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    near = torch.cdist(queries, centroids).topk(count, dim=1, largest=False).indices
    weights = _closest_on_triangles(queries[:, None], corners[near])
    points = (corners[near] * weights[..., None]).sum(2)
    best = (points - queries[:, None]).norm(dim=2).argmin(1)
    rows = torch.arange(len(queries), device=queries.device)
    return near[rows, best], weights[rows, best]


def _closest_on_triangles(points: Tensor, corners: Tensor) -> Tensor:
    """Return barycentrics ``[..., 3]`` of the points of triangles closest to points ``[..., 3]``.

    The closest point is the foot on the plane where that lies inside, or else lies on an edge.
    """
    a, b, c = corners.unbind(-2)
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    d20, d21 = _dot(ap, ab), _dot(ap, ac)
    area = (d00 * d11 - d01 * d01).clamp(min=1e-30)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    inside = torch.stack([1 - v - w, v, w], -1)
    candidates = [inside.clamp(0, 1)]
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, end = corners[..., first, :], corners[..., second, :]
        along = end - start
        fraction = (_dot(points - start, along) / _dot(along, along).clamp(min=1e-30)).clamp(0, 1)
        edge = torch.zeros_like(inside)
        edge[..., first], edge[..., second] = 1 - fraction, fraction
        candidates.append(edge)
    weights = torch.stack(candidates, -2)
    feet = (weights[..., None] * corners[..., None, :, :]).sum(-2)
    distance = (feet - points[..., None, :]).norm(dim=-1)
    is_inside = (inside >= 0).all(-1)
    distance[..., 0] = torch.where(is_inside, distance[..., 0], torch.inf)
    best = distance.argmin(-1)[..., None, None].expand(*distance.shape[:-1], 1, 3)
    return weights.gather(-2, best).squeeze(-2)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1)
