"""Single meshes: OBJ with parts and texture coordinates, PLY with vertex colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.export.rigs.appearance import vertex_colours
from smirk3d.export.rigs.rig import rig_of
from smirk3d.export.rigs.surface import primitives, smooth_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.materials import linear_to_srgb, rest_eyeballs


def _posed_vertices(head: HeadModel, parameters: FaceParameters) -> NDArray[np.float32]:
    """Return one face's vertices ``[V, 3]`` in metres, expression and head pose applied."""
    vertices: NDArray[np.float32] = head(parameters[None].to(head.v_template)).vertices[0]
    return vertices


def write_obj(path: str | Path, head: HeadModel, parameters: FaceParameters) -> None:
    """Write the posed mesh as OBJ with normals, a group a part, in metres with y up.

    Vertices keep the head's order, so that meshes of one head can be blended in other programs.

    Args:
        path: file to write, whole or not at all.
        head: the head.
        parameters: one face, without batch dimension.

    Raises:
        OutputError: if the file cannot be written.
    """
    head = head.to_numpy()
    vertices = _posed_vertices(head, parameters)
    lines = [f"# {head.name} head, metres, y up, z out of the face", f"o {head.name}"]
    lines += [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices.tolist()]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in head.uv.tolist()]
    groups: list[str] = []
    count = 0
    part_of_face = head.part[head.faces].min(axis=1)
    for primitive in primitives(head):
        normals = smooth_normals(primitive, vertices[None])[0]
        lines += [f"vn {x:.5f} {y:.5f} {z:.5f}" for x, y, z in normals.tolist()]
        chosen = part_of_face == PARTS.index(primitive.part)
        corners = np.stack(
            [head.faces[chosen] + 1, head.uv_faces[chosen] + 1, primitive.faces + 1 + count], 2
        )
        groups.append(f"g {primitive.part}")
        groups += [
            "f " + " ".join(f"{v}/{t}/{n}" for v, t, n in triangle) for triangle in corners.tolist()
        ]
        count += len(normals)
    lines += groups
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def write_ply(path: str | Path, head: HeadModel, parameters: FaceParameters) -> None:
    """Write the posed mesh as binary PLY with normals and plain colours.

    Args:
        path: file to write, whole or not at all.
        head: the head.
        parameters: one face, without batch dimension.

    Raises:
        OutputError: if the file cannot be written.
    """
    import trimesh  # noqa: PLC0415 - takes seconds, and only this format needs it

    head = head.to_numpy()
    vertices = _posed_vertices(head, parameters)
    normals = np.zeros_like(vertices)
    colours = np.full((len(vertices), 4), 255, np.uint8)
    rig = rig_of(head, parameters)
    eyes = rest_eyeballs(head, rig.vertices, rig.joints)
    # the skin last: vertices on a border between parts are seen as skin
    for primitive in reversed(primitives(head)):
        ids, part = primitive.vertex_ids, primitive.part
        normals[ids] = smooth_normals(primitive, vertices[None])[0]
        linear = vertex_colours(part, rig.vertices[ids], eyes.get(part))
        colours[ids, :3] = np.round(linear_to_srgb(linear) * 255)
    mesh = trimesh.Trimesh(
        vertices, head.faces, vertex_normals=normals, vertex_colors=colours, process=False
    )
    with atomic_path(path) as temporary:
        mesh.export(temporary, file_type="ply", vertex_normal=True)
