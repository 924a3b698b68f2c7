"""The camera that sees a head as its video does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from smirk3d.export.rigs.rig import CameraPath
from smirk3d.export.usd.modules import Pxr

FILM_WIDTH = 0.036
"""Metres of the film, the full frame of photography, as Lab2Shot assumes it: lenses in millimetres
are those that photographers know."""
_NEAR = 0.01
"""Metres from the camera before which nothing is drawn; a face fills any picture before that."""


def add_camera(pxr: Pxr, stage: Any, path: str, camera: CameraPath, times: Sequence[float]) -> None:
    """Add the camera of a motion.

    Args:
        pxr: USD's modules.
        stage: the stage.
        path: of the camera's prim.
        camera: where it is, seen from the head's space.
        times: time codes ``[T]``.
    """
    prim = pxr.UsdGeom.Camera.Define(stage, path)
    width, height = camera.image_size
    # in tenths of the stage's unit, which is the metre
    prim.CreateHorizontalApertureAttr(10 * FILM_WIDTH)
    prim.CreateVerticalApertureAttr(10 * FILM_WIDTH * height / width)
    prim.CreateFocalLengthAttr(10 * FILM_WIDTH * camera.focal / width)
    far = 2 * float(np.linalg.norm(camera.position, axis=1).max()) + 1
    prim.CreateClippingRangeAttr(pxr.Gf.Vec2f(_NEAR, far))
    placing = prim.AddTransformOp()
    matrices = np.tile(np.eye(4), (len(times), 1, 1))
    # USD multiplies row vectors
    matrices[:, :3, :3] = camera.rotation.transpose(0, 2, 1)
    matrices[:, 3, :3] = camera.position
    for time, matrix in zip(times, matrices.tolist(), strict=True):
        placing.Set(pxr.Gf.Matrix4d(matrix), time)
