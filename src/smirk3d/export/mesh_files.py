"""Single meshes: OBJ with parts and texture coordinates, PLY with vertex colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import trimesh
from torch import Tensor

from smirk3d.assets.atomic import atomic_path
from smirk3d.export.surface import primitives, smooth_normals
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS

_PLY_COLOURS = {
    "skin": (194, 145, 122), "eyeL": (236, 230, 226), "eyeR": (236, 230, 226),
    "teethU": (230, 220, 200), "teethL": (230, 220, 200), "tongue": (158, 69, 69),
    "cavity": (92, 31, 31), "lashes": (20, 15, 13),
}  # fmt: skip


def posed_vertices(head: HeadModel, parameters: FaceParameters) -> Tensor:
    """Return one face's vertices ``[V, 3]`` in metres, expression and head pose applied."""
    with torch.no_grad():
        return head(parameters[None].to(head.v_template)).vertices[0].cpu()


def write_obj(path: str | Path, head: HeadModel, parameters: FaceParameters) -> None:
    """Write the posed mesh as OBJ, a group a part, in metres with y up.

    Vertices keep the head's order, so that meshes of one head can be blended in other programs.

    Args:
        path: file to write, whole or not at all.
        head: the head.
        parameters: one face, without batch dimension.

    Raises:
        OutputError: if the file cannot be written.
    """
    vertices = posed_vertices(head, parameters).double().numpy()
    uv = head.uv.cpu().double().numpy()
    faces = head.faces.cpu().numpy() + 1
    uv_faces = head.uv_faces.cpu().numpy() + 1
    part = head.part.cpu().numpy()[faces - 1].min(1)
    lines = [f"# {head.name} head, metres, y up, z out of the face", f"o {head.name}"]
    lines += [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uv]
    for number, name in enumerate(PARTS):
        chosen = np.flatnonzero(part == number)
        if len(chosen):
            lines.append(f"g {name}")
            lines += [
                "f " + " ".join(f"{v}/{t}" for v, t in zip(faces[f], uv_faces[f], strict=True))
                for f in chosen
            ]
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
    vertices = posed_vertices(head, parameters)
    normals = torch.zeros_like(vertices)
    colours = np.full((len(vertices), 4), 255, np.uint8)
    by_part = smooth_normals(head, vertices.to(head.v_template))
    for primitive in primitives(head):
        ids = primitive.vertex_ids.cpu()
        normals[ids] = by_part[primitive.part].cpu()[ids]
        colours[ids.numpy(), :3] = _PLY_COLOURS[primitive.part]
    mesh = trimesh.Trimesh(
        vertices.numpy(),
        head.faces.cpu().numpy(),
        vertex_normals=normals.numpy(),
        vertex_colors=colours,
        process=False,
    )
    with atomic_path(path) as temporary:
        mesh.export(temporary, file_type="ply", vertex_normal=True)
