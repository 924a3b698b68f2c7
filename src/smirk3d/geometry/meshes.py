"""Normals, areas and selections of triangle meshes.

A triangle's corners run counter-clockwise seen from outside, so that normals point outwards.
Vertices may be in any frame; projected areas use x and y alone.
"""

from __future__ import annotations

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.errors import check_shape

_SMALLEST_NORM = 1e-20
"""Length up to which a vector counts as zero; its square is near the least float32."""


def _check_mesh(vertices: Tensor, faces: Tensor) -> None:
    check_shape(vertices, "B V 3", "vertices")
    check_shape(faces, "F 3", "faces")


def _corner_rows(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return ``[3, B F]``: rows of ``vertices.flatten(0, 1)`` of each triangle's corners."""
    batch, num_vertices = vertices.shape[:2]
    offset = torch.arange(batch, device=faces.device)[:, None] * num_vertices
    return (faces.t()[:, None] + offset).reshape(3, -1)


def _area_columns(vertices: Tensor, rows: Tensor) -> Tensor:
    """Return area vectors ``[3, B F]``, axes first: strided access costs several times as much."""
    columns = vertices.flatten(0, 1).t().contiguous()
    a, b, c = (columns.index_select(1, corner) for corner in rows.unbind(0))
    (ux, uy, uz), (vx, vy, vz) = (b - a).unbind(0), (c - a).unbind(0)
    return torch.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])


def unit(vectors: Tensor, dim: int = -1) -> Tensor:
    """Return vectors divided by their length along a dimension; zero vectors stay zero.

    The gradient of a zero vector is zero. Lengths below 1e-20 count as zero.
    """
    square = (vectors * vectors).sum(dim, keepdim=True)
    zero = square <= _SMALLEST_NORM**2
    inverse = torch.where(zero, torch.ones_like(square), square).rsqrt()
    return vectors * torch.where(zero, torch.zeros_like(inverse), inverse)


def area_vectors(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return ``[B, F, 3]``, each triangle's normal times twice its area.

    Args:
        vertices: ``[B, V, 3]``.
        faces: vertex ids ``[F, 3]``.

    Raises:
        ShapeError: if a shape differs.
    """
    _check_mesh(vertices, faces)
    columns = _area_columns(vertices, _corner_rows(vertices, faces))
    return columns.t().reshape(vertices.shape[0], len(faces), 3)


def face_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return the area ``[B, F]`` of each triangle, in squared units of the vertices."""
    vectors = area_vectors(vertices, faces)
    square = (vectors * vectors).sum(-1)
    zero = square <= _SMALLEST_NORM**2
    length = torch.where(zero, torch.ones_like(square), square).sqrt()
    return 0.5 * torch.where(zero, torch.zeros_like(length), length)


def projected_areas(vertices_ndc: Tensor, faces: Tensor) -> Tensor:
    """Return the signed area ``[B, F]`` in the picture plane; positive faces the viewer.

    Args:
        vertices_ndc: ``[B, V, 3]``, x right, y down, z away from the viewer.
        faces: ``[F, 3]``.
    """
    return -0.5 * area_vectors(vertices_ndc, faces)[..., 2]


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return unit normals ``[B, F, 3]``; a triangle without area has a zero normal."""
    return unit(area_vectors(vertices, faces))


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return unit normals ``[B, V, 3]``, each the area-weighted mean over the vertex's triangles.

    Vertices without triangles, or whose triangles cancel out, have a zero normal.

    Args:
        vertices: ``[B, V, 3]``.
        faces: ``[F, 3]``.

    Raises:
        ShapeError: if a shape differs.
    """
    _check_mesh(vertices, faces)
    batch, num_vertices = vertices.shape[:2]
    rows = _corner_rows(vertices, faces)
    columns = _area_columns(vertices, rows)
    total = columns.new_zeros(3, batch * num_vertices)
    for corner in rows.unbind(0):
        total = total.scatter_add(1, corner.expand(3, -1), columns)
    return unit(total, dim=0).t().reshape(batch, num_vertices, 3)


def faces_within(faces: Tensor, vertex_mask: Tensor) -> Tensor:
    """Return the mask ``[F]`` of triangles whose three corners are all in a vertex mask ``[V]``."""
    check_shape(faces, "F 3", "faces")
    check_shape(vertex_mask, "V", "vertex_mask")
    return vertex_mask.bool()[faces].all(1)


def compact(faces: Tensor) -> tuple[Tensor, Tensor]:
    """Drop unused vertices.

    Args:
        faces: ``[F, 3]``.

    Returns:
        The ids ``[U]`` of the vertices that the triangles use, ascending, and the triangles
        ``[F, 3]`` renumbered to index them: ``vertices[:, ids]`` with the second result is the
        same surface.
    """
    check_shape(faces, "F 3", "faces")
    ids, renumbered = faces.unique(return_inverse=True)
    return ids, renumbered.view_as(faces)


def split_by_label(faces: Tensor, face_label: Tensor) -> tuple[Tensor, Tensor]:
    """Give each vertex one copy per label of its triangles, so that normals stop at the border.

    Args:
        faces: ``[F, 3]``.
        face_label: ``[F]``, integers from 0.

    Returns:
        The original vertex ``[V']`` of each copy and the triangles ``[F, 3]`` over the copies.
    """
    check_shape(faces, "F 3", "faces")
    check_shape(face_label, "F", "face_label", F=len(faces))
    if not len(faces):
        return faces.new_zeros(0), faces
    num_labels = int(face_label.max()) + 1
    key = faces * num_labels + face_label.to(faces.dtype)[:, None]
    copies, renumbered = key.unique(return_inverse=True)
    return copies // num_labels, renumbered.view_as(faces)


def edges(faces: Tensor) -> Tensor:
    """Return each edge once ``[N, 2]``, the smaller vertex id first, rows ascending."""
    check_shape(faces, "F 3", "faces")
    if not len(faces):
        return faces.new_zeros(0, 2)
    start, end = faces.flatten(), faces.roll(-1, 1).flatten()
    limit = int(faces.max()) + 1
    key = (torch.minimum(start, end) * limit + torch.maximum(start, end)).unique()
    return torch.stack([torch.div(key, limit, rounding_mode="floor"), key % limit], 1)


def subdivide(faces: Tensor, num_vertices: int) -> tuple[Tensor, Tensor]:
    """Split each triangle into four at its edges' middles.

    Args:
        faces: ``[F, 3]``.
        num_vertices: V; the middle of row e of the edges becomes vertex ``V + e``.

    Returns:
        The edges ``[N, 2]`` as of :func:`edges`, and triangles ``[4 F, 3]``: the children at the
        first corners of all triangles, at the second, at the third, then those in the middle.
    """
    pairs = edges(faces)
    a, b, c = faces.unbind(1)
    key = pairs[:, 0] * num_vertices + pairs[:, 1]
    ab, bc, ca = (
        num_vertices
        + torch.searchsorted(key, torch.minimum(p, q) * num_vertices + torch.maximum(p, q))
        for p, q in ((a, b), (b, c), (c, a))
    )
    children = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return pairs, torch.cat([torch.stack(child, 1) for child in children])


def curved_middles(vertices: Tensor, faces: Tensor, pairs: Tensor, curvature: float) -> Tensor:
    """Return the middles ``[B, N, 3]`` of edges, bent onto the smooth surface.

    Phong tessellation (Boubekeur and Alexa 2008, equation 2): each middle moves towards its
    projections on the tangent planes at the edge's ends.

    Args:
        vertices: ``[B, V, 3]``.
        faces: ``[F, 3]``, which give the tangent planes.
        pairs: edges ``[N, 2]``.
        curvature: 0 keeps the middles, 1 is full bending; the paper advises 0.75.
    """
    normals = vertex_normals(vertices, faces)
    start, end = (vertices.index_select(1, ids) for ids in pairs.unbind(1))
    start_normal, end_normal = (normals.index_select(1, ids) for ids in pairs.unbind(1))
    middle = 0.5 * (start + end)
    above_start = ((middle - start) * start_normal).sum(-1, keepdim=True)
    above_end = ((middle - end) * end_normal).sum(-1, keepdim=True)
    return middle - 0.5 * curvature * (above_start * start_normal + above_end * end_normal)


def smoothed(attributes: Tensor, faces: Tensor, rounds: int = 1) -> Tensor:
    """Return vertex attributes ``[V, C]`` averaged, half and half, with their neighbours' mean.

    Args:
        attributes: ``[V, C]``; vertices without neighbours keep theirs.
        faces: ``[F, 3]``.
        rounds: number of repetitions.
    """
    start, end = edges(faces).unbind(1)
    start, end = torch.cat([start, end]), torch.cat([end, start])
    count = torch.zeros_like(attributes[:, :1]).index_add(
        0, start, attributes.new_ones(len(start), 1)
    )
    for _ in range(rounds):
        total = torch.zeros_like(attributes).index_add(0, start, attributes[end])
        mean = torch.where(count > 0, total / count.clamp(min=1), attributes)
        attributes = 0.5 * (attributes + mean)
    return attributes


_SAME_PLACE = 1e-5
"""Part of a mesh's extent within which two points lie in one place: microns of a head, below what a
file in single precision keeps after some steps of arithmetic."""


def mirrored_vertices(points: Tensor) -> Tensor:
    """Return for each point ``[V]`` the one nearest to its mirror image in x, of points ``[V, 3]``.

    Raises:
        ShapeError: if the shape differs.
    """
    check_shape(points, "V 3", "points")
    mirrored = points * points.new_tensor([-1.0, 1.0, 1.0])
    if not len(points):
        return torch.arange(0)
    # of a symmetric mesh nearly all are found by their place on a grid
    unit_length = points.abs().max().clamp(min=1e-12) * _SAME_PLACE
    own, wanted = _cells(points / unit_length), _cells(mirrored / unit_length)
    order = own.argsort(stable=True)
    found = order[torch.searchsorted(own[order], wanted).clamp(max=len(points) - 1)]
    missing = (own[found] != wanted).nonzero()[:, 0]
    for rows in missing.split(1024):
        found[rows] = torch.cdist(mirrored[rows], points).argmin(1)
    return found


def _cells(places: Tensor) -> Tensor:
    """Return numbers ``[V]`` of the cells of a unit grid, that reaches to 1 / _SAME_PLACE."""
    x, y, z = places.round().long().unbind(1)
    side = round(3 / _SAME_PLACE)
    return (x * side + y) * side + z
