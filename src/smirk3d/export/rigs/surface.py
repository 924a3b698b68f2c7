"""A head's surface for renderers: one vertex per pair of position and texture coordinate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.geometry.meshes import compact, vertex_normals
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
