"""Normals, areas and selections of triangle meshes.

A triangle's corners run counter-clockwise seen from outside, so that normals point outwards.
Vertices may be in any frame; projected areas use x and y alone.
"""

from __future__ import annotations

from collections.abc import Callable

from smirk3d.array_interface import (
    Array,
    add_at,
    array_namespace,
    constant,
    counted,
    distances,
    in_precision,
    split,
    zeros,
)
from smirk3d.errors import check_shape

_SMALLEST_NORM = 1e-20
"""Length up to which a vector counts as zero; its square is near the least float32."""

_TOGETHER = 1024
"""Points compared with all others at once; bounds memory, the result does not depend on it."""


def _check_mesh(vertices: Array, faces: Array) -> None:
    check_shape(vertices, "B V 3", "vertices")
    check_shape(faces, "F 3", "faces")


def _corner_rows(vertices: Array, faces: Array) -> Array:
    """Return ``[3, B F]``: rows of the vertices ``[B V, 3]`` of each triangle's corners."""
    batch, num_vertices = vertices.shape[:2]
    offset = counted(batch, faces)[:, None] * num_vertices
    return (faces.T[:, None] + offset).reshape(3, -1)


def _area_columns(vertices: Array, rows: Array) -> Array:
    """Return area vectors ``[3, B F]``, axes first: strided access costs several times as much."""
    xp = array_namespace(vertices)
    columns = xp.stack(xp.unstack(vertices.reshape(-1, 3), axis=1))
    a, b, c = (xp.take(columns, corner, axis=1) for corner in rows)
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    return xp.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])


def unit(vectors: Array, axis: int = -1) -> Array:
    """Return vectors divided by their length along an axis; zero vectors stay zero.

    The gradient of a zero vector is zero. Lengths below 1e-20 count as zero.
    """
    return vectors * _or_zero(vectors, axis, lambda length: 1 / length)


def _or_zero(vectors: Array, axis: int, function: Callable[[Array], Array]) -> Array:
    """Return a function of lengths, which stay as an axis, and zero where those are."""
    xp = array_namespace(vectors)
    square = (vectors * vectors).sum(axis)
    zero = square <= _SMALLEST_NORM**2
    found = function(xp.sqrt(xp.where(zero, xp.ones_like(square), square)))
    return xp.expand_dims(xp.where(zero, xp.zeros_like(found), found), axis=axis)


def area_vectors(vertices: Array, faces: Array) -> Array:
    """Return ``[B, F, 3]``, each triangle's normal times twice its area.

    Args:
        vertices: ``[B, V, 3]``.
        faces: vertex ids ``[F, 3]``.

    Raises:
        ShapeError: if a shape differs.
    """
    _check_mesh(vertices, faces)
    columns = _area_columns(vertices, _corner_rows(vertices, faces))
    return columns.T.reshape(vertices.shape[0], len(faces), 3)


def face_areas(vertices: Array, faces: Array) -> Array:
    """Return the area ``[B, F]`` of each triangle, in squared units of the vertices."""
    vectors = area_vectors(vertices, faces)
    return 0.5 * _or_zero(vectors, -1, lambda length: length)[..., 0]


def projected_areas(vertices_ndc: Array, faces: Array) -> Array:
    """Return the signed area ``[B, F]`` in the picture plane; positive faces the viewer.

    Args:
        vertices_ndc: ``[B, V, 3]``, x right, y down, z away from the viewer.
        faces: ``[F, 3]``.
    """
    return -0.5 * area_vectors(vertices_ndc, faces)[..., 2]


def face_normals(vertices: Array, faces: Array) -> Array:
    """Return unit normals ``[B, F, 3]``; a triangle without area has a zero normal."""
    return unit(area_vectors(vertices, faces))


def vertex_normals(vertices: Array, faces: Array) -> Array:
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
    total = zeros((3, batch * num_vertices), columns)
    for corner in rows:
        total = add_at(total, 1, corner, columns)
    return unit(total, axis=0).T.reshape(batch, num_vertices, 3)


def faces_within(faces: Array, vertex_mask: Array) -> Array:
    """Return the mask ``[F]`` of triangles whose three corners are all in a vertex mask ``[V]``."""
    check_shape(faces, "F 3", "faces")
    check_shape(vertex_mask, "V", "vertex_mask")
    xp = array_namespace(faces)
    return xp.astype(vertex_mask, xp.bool)[faces].all(1)


def compact(faces: Array) -> tuple[Array, Array]:
    """Drop unused vertices.

    Args:
        faces: ``[F, 3]``.

    Returns:
        The ids ``[U]`` of the vertices that the triangles use, ascending, and the triangles
        ``[F, 3]`` renumbered to index them: ``vertices[:, ids]`` with the second result is the
        same surface.
    """
    check_shape(faces, "F 3", "faces")
    ids, renumbered = array_namespace(faces).unique_inverse(faces)
    return ids, renumbered.reshape(faces.shape)


def split_by_label(faces: Array, face_label: Array) -> tuple[Array, Array]:
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
        return zeros((0,), faces), faces
    num_labels = int(face_label.max()) + 1
    key = faces * num_labels + in_precision(face_label, faces)[:, None]
    copies, renumbered = compact(key)
    return copies // num_labels, renumbered


def edges(faces: Array) -> Array:
    """Return each edge once ``[N, 2]``, the smaller vertex id first, rows ascending."""
    check_shape(faces, "F 3", "faces")
    if not len(faces):
        return zeros((0, 2), faces)
    xp = array_namespace(faces)
    start, end = faces.reshape(-1), xp.roll(faces, -1, axis=1).reshape(-1)
    limit = int(faces.max()) + 1
    # NumPy returns unique values in any order
    key = xp.sort(xp.unique_values(xp.minimum(start, end) * limit + xp.maximum(start, end)))
    return xp.stack([key // limit, key % limit], axis=1)


def subdivide(faces: Array, num_vertices: int) -> tuple[Array, Array]:
    """Split each triangle into four at its edges' middles.

    Args:
        faces: ``[F, 3]``.
        num_vertices: V; the middle of row e of the edges becomes vertex ``V + e``.

    Returns:
        The edges ``[N, 2]`` as of :func:`edges`, and triangles ``[4 F, 3]``: the children at the
        first corners of all triangles, at the second, at the third, then those in the middle.
    """
    xp = array_namespace(faces)
    pairs = edges(faces)
    a, b, c = xp.unstack(faces, axis=1)
    key = pairs[:, 0] * num_vertices + pairs[:, 1]
    ab, bc, ca = (
        num_vertices + xp.searchsorted(key, xp.minimum(p, q) * num_vertices + xp.maximum(p, q))
        for p, q in ((a, b), (b, c), (c, a))
    )
    children = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return pairs, xp.concat([xp.stack(child, axis=1) for child in children])


def curved_middles(vertices: Array, faces: Array, pairs: Array, curvature: float) -> Array:
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
    xp = array_namespace(vertices)
    start, end = (xp.take(vertices, ids, axis=1) for ids in pairs.T)
    start_normal, end_normal = (xp.take(normals, ids, axis=1) for ids in pairs.T)
    middle = 0.5 * (start + end)
    above_start = ((middle - start) * start_normal).sum(-1)[..., None]
    above_end = ((middle - end) * end_normal).sum(-1)[..., None]
    return middle - 0.5 * curvature * (above_start * start_normal + above_end * end_normal)


def smoothed(attributes: Array, faces: Array, rounds: int = 1) -> Array:
    """Return vertex attributes ``[V, C]`` averaged, half and half, with their neighbours' mean.

    Args:
        attributes: ``[V, C]``; vertices without neighbours keep theirs.
        faces: ``[F, 3]``.
        rounds: number of repetitions.
    """
    xp = array_namespace(attributes)
    order, neighbours, count = _neighbours(faces, len(attributes))
    count = in_precision(count, attributes)[:, None]
    attributes = attributes[order]
    for _ in range(rounds):
        total = xp.zeros_like(attributes)
        for ids in neighbours:
            total[: len(ids)] += xp.take(attributes, ids, axis=0)
        mean = xp.where(count > 0, total / count.clip(1, None), attributes)
        attributes = 0.5 * (attributes + mean)
    return attributes[xp.argsort(order)]


def _neighbours(faces: Array, num_vertices: int) -> tuple[Array, list[Array], Array]:
    """Return vertices ``[V]`` by falling number of neighbours, these, and their numbers ``[V]``.

    The k-th array has the k-th neighbour of as many vertices as have so many. Neighbours are
    numbered by the new order.
    """
    xp = array_namespace(faces)
    pairs = edges(faces)
    start, end = xp.concat([pairs[:, 0], pairs[:, 1]]), xp.concat([pairs[:, 1], pairs[:, 0]])
    own = counted(num_vertices, start)
    sorted_start = xp.sort(start)
    count = xp.searchsorted(sorted_start, own, side="right") - xp.searchsorted(sorted_start, own)
    order = xp.argsort(-count, stable=True)
    place = xp.argsort(order)
    start, end = place[start], place[end]
    by_start = xp.argsort(start, stable=True)
    start, end = start[by_start], end[by_start]
    nth = counted(len(start), start) - xp.searchsorted(start, start)
    by_nth = xp.argsort(nth, stable=True)
    most = int(count.max()) if num_vertices else 0
    sizes = [int((count > k).sum()) for k in range(most)]
    return order, split(end[by_nth], sizes, 0), count[order]


_SAME_PLACE = 1e-5
"""Part of a mesh's extent within which two points lie in one place: microns of a head, below what a
file in single precision keeps after some steps of arithmetic."""


def mirrored_vertices(points: Array) -> Array:
    """Return for each point ``[V]`` the one nearest to its mirror image in x, of points ``[V, 3]``.

    Raises:
        ShapeError: if the shape differs.
    """
    check_shape(points, "V 3", "points")
    mirrored = points * constant([-1.0, 1.0, 1.0], points)
    if not len(points):
        return counted(0, points)
    xp = array_namespace(points)
    # of a symmetric mesh nearly all are found by their place on a grid
    unit_length = xp.max(xp.abs(points)).clip(1e-12, None) * _SAME_PLACE
    own, wanted = _cells(points / unit_length), _cells(mirrored / unit_length)
    order = xp.argsort(own, stable=True)
    found = order[xp.searchsorted(own[order], wanted).clip(None, len(points) - 1)]
    missing = xp.nonzero(own[found] != wanted)[0]
    for start in range(0, len(missing), _TOGETHER):
        rows = missing[start : start + _TOGETHER]
        found[rows] = distances(mirrored[rows], points).argmin(1)
    return found


def _cells(places: Array) -> Array:
    """Return numbers ``[V]`` of the cells of a unit grid, that reaches to 1 / _SAME_PLACE."""
    xp = array_namespace(places)
    x, y, z = xp.astype(xp.round(places), xp.int64).T
    side = round(3 / _SAME_PLACE)
    return (x * side + y) * side + z
