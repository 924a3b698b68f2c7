"""A head's surface for renderers: one vertex per pair of position and texture coordinate."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.geometry.meshes import compact, unit, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS


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
    vertex_ids: Tensor
    uv: Tensor
    faces: Tensor


def primitives(head: HeadModel) -> list[Primitive]:
    """Return the head's parts in order, without strips of hair.

    A triangle between parts belongs to the skin's side.
    """
    return _by_part(head, head.faces, head.uv_faces)


def hair_primitives(head: HeadModel) -> list[Primitive]:
    """Return the head's strips of hair by part, which need a picture with alpha."""
    return _by_part(head, head.hair_faces, head.hair_uv_faces)


def _by_part(head: HeadModel, corners: Tensor, uv_corners: Tensor) -> list[Primitive]:
    part_of_face = head.part[corners].amin(1) if len(corners) else corners[:, 0]
    # one key for each pair of vertex and texture coordinate that some triangle's corner uses
    key = corners * len(head.uv) + uv_corners
    found = []
    for number, name in enumerate(PARTS):
        chosen = part_of_face == number
        if not chosen.any():
            continue
        ids, faces = compact(key[chosen])
        found.append(Primitive(name, ids // len(head.uv), head.uv[ids % len(head.uv)], faces))
    return found


def smooth_normals(primitive: Primitive, vertices: Tensor) -> Tensor:
    """Return unit normals ``[B, U, 3]`` of a part, continuous across its texture's seams.

    Args:
        primitive: the part.
        vertices: the head's ``[B, V, 3]``.
    """
    ids, faces = compact(primitive.vertex_ids[primitive.faces])
    normals = vertex_normals(vertices[:, ids], faces)
    # folded parts have vertices whose triangles cancel out, but formats ask for unit normals
    cancelled = normals.norm(dim=2, keepdim=True) < 0.5
    normals = torch.where(cancelled, normals.new_tensor([0.0, 0.0, 1.0]), normals)
    return normals[:, torch.searchsorted(ids, primitive.vertex_ids)]


def tangents(primitive: Primitive, points: Tensor, normals: Tensor) -> Tensor:
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
    along = (sides[:, 0] * steps[:, 1, 1:] - sides[:, 1] * steps[:, 0, 1:]) * area.sign()[:, None]
    up = (sides[:, 1] * steps[:, 0, :1] - sides[:, 0] * steps[:, 1, :1]) * area.sign()[:, None]
    summed = points.new_zeros(len(points), 6)
    for corner in primitive.faces.unbind(1):
        summed.index_add_(0, corner, torch.cat([along, up], 1))
    tangent, upwards = summed.split(3, 1)
    tangent = tangent - (tangent * normals).sum(1, keepdim=True) * normals
    # a vertex whose triangles cancel out takes any direction across its normal
    lost = tangent.norm(dim=1, keepdim=True) < 1e-9
    aside = torch.linalg.cross(normals, normals.roll(1, 1) + 0.1)
    tangent = unit(torch.where(lost, aside, tangent))
    side = (torch.linalg.cross(normals, tangent) * upwards).sum(1, keepdim=True)
    return torch.cat([tangent, torch.where(side < 0, -1.0, 1.0)], 1)
