"""A head's surface for renderers: one vertex per pair of position and texture coordinate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, add_at, to_numpy
from smirk3d.geometry.meshes import area_vectors, compact, unit, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS

Values = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Primitive:
    """The triangles of one part.

    Attributes:
        part: its name, one of :data:`~smirk3d.heads.spec.PARTS`.
        vertex_ids: the head's vertex behind each of the primitive's ``[U]``.
        uv: texture coordinates ``[U, 2]``, v upwards.
        faces: triangles ``[F, 3]`` of the primitive's vertices.
    """

    part: str
    vertex_ids: Ids
    uv: Values
    faces: Ids


def primitives(head: HeadModel) -> list[Primitive]:
    """Return the head's parts in order, without strips of hair.

    A triangle between parts belongs to the skin's side.
    """
    return _by_part(head, head.faces, head.uv_faces)


def hair_primitives(head: HeadModel) -> list[Primitive]:
    """Return the head's strips of hair by part, which need a picture with alpha."""
    return _by_part(head, head.hair_faces, head.hair_uv_faces)


def _by_part(head: HeadModel, corners: Array, uv_corners: Array) -> list[Primitive]:
    corners, uv = to_numpy(corners), to_numpy(head.uv)
    part_of_face = to_numpy(head.part)[corners].min(axis=1)
    # one key for each pair of vertex and texture coordinate that some triangle's corner uses
    key = corners * len(uv) + to_numpy(uv_corners)
    found = []
    for number, name in enumerate(PARTS):
        chosen = part_of_face == number
        if not chosen.any():
            continue
        ids, faces = compact(key[chosen])
        found.append(Primitive(name, ids // len(uv), uv[ids % len(uv)], faces))
    return found


def has_closed_skin(head: HeadModel) -> bool:
    """Return whether the skin has no border, so that its back is seen from nowhere outside.

    Vertices at the same place count as one. Renderers that draw both sides of a closed surface
    show its back in pixels along its outlines, dark since its normals point away.
    """
    rest, part = to_numpy(head.v_template), to_numpy(head.part)
    place = np.unique(rest, axis=0, return_inverse=True)[1].reshape(-1)
    corners = to_numpy(head.faces)
    sides = np.concatenate([corners, np.roll(corners, -1, axis=1)], 1).reshape(-1, 2, 3)
    start, end = sides.swapaxes(0, 1).reshape(2, -1)
    there, back = place[start] * len(rest) + place[end], place[end] * len(rest) + place[start]
    on_skin = np.minimum(part[start], part[end]) == PARTS.index("skin")
    return bool(np.isin(there[on_skin], back).all())


def smooth_normals(primitive: Primitive, vertices: Values) -> Values:
    """Return unit normals ``[B, U, 3]`` of a part, continuous across its texture's seams.

    Args:
        primitive: the part.
        vertices: the head's ``[B, V, 3]``.
    """
    ids, faces = compact(primitive.vertex_ids[primitive.faces])
    normals = _normals_of_alike(vertices[:, ids], faces)
    return normals[:, np.searchsorted(ids, primitive.vertex_ids)]


def _whole(normals: Values) -> Values:
    """Return unit normals ``[3, N]``, forwards where they are zero.

    Folded parts have vertices whose triangles cancel out, but formats ask for unit normals.
    """
    cancelled = (normals * normals).sum(0) < 0.25
    return np.where(cancelled, np.array([[0], [0], [1]], normals.dtype), normals)


def _normals_of_alike(vertices: Values, faces: Ids) -> Values:
    """Return the unit normals ``[B, V, 3]`` of shapes that differ from the first here and there.

    Only about the vertices ``[B, V, 3]`` that differ are normals computed anew.
    """
    count, size = vertices.shape[:2]
    first = _whole(vertex_normals(vertices[:1], faces)[0].T)
    normals = np.repeat(first.T[None], count, axis=0)
    x, y, z = (vertices[..., axis] != vertices[:1, :, axis] for axis in range(3))
    moved = x | y | z
    shape, face = np.nonzero(moved[:, faces[:, 0]] | moved[:, faces[:, 1]] | moved[:, faces[:, 2]])
    rows = faces[face].T + shape * size
    bent = np.zeros(count * size, np.bool_)
    bent[rows] = True
    bent = np.flatnonzero(bent)
    number = np.zeros(count * size, np.int64)
    number[bent] = np.arange(len(bent))
    areas = area_vectors(vertices[:1], faces)[0].T
    # the sums of all shapes' triangles about a vertex differ by those of the triangles that moved
    change = area_vectors(vertices.reshape(1, -1, 3), rows.T)[0].T - areas[:, face]
    start = np.zeros((3, size), vertices.dtype)
    for corner in faces.T:
        start = add_at(start, 1, corner, areas)
    total = start[:, bent % size]
    for corner in number[rows]:
        total = add_at(total, 1, corner, change)
    normals.reshape(-1, 3)[bent] = _whole(unit(total, axis=0)).T
    return normals


def tangents(primitive: Primitive, points: Values, normals: Values) -> Values:
    """Return glTF's tangents ``[U, 4]``: unit vectors along u, then the side on which v grows.

    Args:
        primitive: the part.
        points: positions of its vertices ``[U, 3]``.
        normals: unit, of its vertices ``[U, 3]``.
    """
    corners, places = points[primitive.faces], primitive.uv[primitive.faces]
    sides, steps = corners[:, 1:] - corners[:, :1], places[:, 1:] - places[:, :1]
    area = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 1, 0] * steps[:, 0, 1]
    # weighed by area, as sums of what each triangle says
    along = (sides[:, 0] * steps[:, 1, 1:] - sides[:, 1] * steps[:, 0, 1:]) * np.sign(area)[:, None]
    up = (sides[:, 1] * steps[:, 0, :1] - sides[:, 0] * steps[:, 1, :1]) * np.sign(area)[:, None]
    summed = np.zeros((len(points), 6), points.dtype)
    for corner in primitive.faces.T:
        summed = add_at(summed, 0, corner, np.concatenate([along, up], 1))
    tangent, upwards = summed[:, :3], summed[:, 3:]
    tangent = tangent - (tangent * normals).sum(1)[:, None] * normals
    # a vertex whose triangles cancel out takes any direction across its normal
    lost = np.linalg.norm(tangent, axis=1, keepdims=True) < 1e-9
    aside = np.cross(normals, np.roll(normals, 1, axis=1) + points.dtype.type(0.1))
    tangent = unit(np.where(lost, aside, tangent))
    side = (np.cross(normals, tangent) * upwards).sum(1)
    return np.column_stack([tangent, np.where(side < 0, -1, 1).astype(points.dtype)])
