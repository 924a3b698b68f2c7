"""A point cache as USD: the posed vertices of each frame, for programs that need no rig.

Unlike a rig it has everything that moves a head, FLAME's pose correctives too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from smirk3d.export.rigs.look import HeadLook
from smirk3d.export.rigs.rig import HeadMotion, rig_of
from smirk3d.export.rigs.surface import has_closed_skin, primitives
from smirk3d.export.usd.camera import add_camera
from smirk3d.export.usd.materials import Materials
from smirk3d.export.usd.modules import load_pxr, vectors
from smirk3d.export.usd.times import set_times
from smirk3d.export.usd.writing import ROOT, add_surface, custom_data, save, set_up
from smirk3d.heads.head_model import HeadModel

_TOGETHER = 64
"""Frames evaluated at once, to bound the memory."""


def write_point_cache(path: str | Path, head: HeadModel, motion: HeadMotion) -> None:
    """Write the vertices of a motion, a time sample a frame.

    Args:
        path: file to write, whole or not at all: ``.usd``, ``.usda`` or ``.usdc``.
        head: the head.
        motion: frames of one person.

    Raises:
        MissingExtra: if usd-core is not installed.
        OutputError: if the file cannot be written.
    """
    pxr, head, frames = load_pxr(), head.to_numpy(), motion.parameters
    first = frames[0]
    rig = rig_of(head, first)
    stage = pxr.Usd.Stage.CreateInMemory()
    root = pxr.UsdGeom.Xform.Define(stage, ROOT)
    set_up(pxr, stage, root, custom_data(head, first, rig))
    times = set_times(stage, motion)
    materials = Materials(pxr, stage, HeadLook.of(head, rig, None), None)
    meshes, closed = [], has_closed_skin(head)
    for primitive in primitives(head):
        points = rig.vertices[primitive.vertex_ids]
        mesh = add_surface(pxr, stage, primitive, points, two_sided=not closed)
        materials.bind(mesh, primitive)
        extent = mesh.CreateExtentAttr()
        meshes.append((mesh.GetPointsAttr(), extent, primitive.vertex_ids))
    for start in range(0, len(frames), _TOGETHER):
        posed = head(frames[start : start + _TOGETHER].to(head.v_template)).vertices
        for points, time in zip(posed, times[start:], strict=False):
            for attribute, extent, ids in meshes:
                here = points[ids]
                attribute.Set(vectors(pxr, here), time)
                extent.Set(vectors(pxr, np.stack([here.min(axis=0), here.max(axis=0)])), time)
    if motion.camera is not None:
        add_camera(pxr, stage, f"{ROOT}/Camera", motion.camera, times)
    with tempfile.TemporaryDirectory() as folder:
        save(pxr, stage, Path(path), Path(folder))
