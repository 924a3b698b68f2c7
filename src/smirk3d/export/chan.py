"""Nuke's ``.chan``: a moving object or camera as a table, which other programs read too.

A line a frame: number, position x, y and z, rotation about x, y and z in degrees, and of cameras
the vertical field of view in degrees. Rotations are in Nuke's usual order ZXY: about z first, then
x, then y.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path

FIRST_FRAME = 1
"""Number of a video's first frame in Nuke."""


def write_chan(
    path: str | Path,
    frames: NDArray[np.int64],
    rotation: NDArray[np.float64],
    position: NDArray[np.float64],
    *,
    fov: float | None = None,
) -> None:
    """Write the motion of an object, or of a camera.

    Args:
        path: file to write, whole or not at all.
        frames: numbers ``[T]`` of the frames, counted from 0, increasing.
        rotation: from the object's axes to the world's ``[T, 3, 3]``; cameras look along -z.
        position: in the world, in metres ``[T, 3]``.
        fov: vertical field of view of a camera in degrees, None for other objects.

    Raises:
        OutputError: if the file cannot be written.
    """
    angles = np.stack(
        [
            np.arcsin(-rotation[:, 1, 2].clip(-1, 1)),
            np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2]),
            np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1]),
        ],
        1,
    )
    degrees = np.degrees(np.unwrap(angles, axis=0))
    table = np.concatenate([position, degrees], 1)
    if fov is not None:
        table = np.concatenate([table, np.full((len(table), 1), fov)], 1)
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii") as file:
        for frame, row in zip(frames.tolist(), table.tolist(), strict=True):
            values = "\t".join(f"{value:.9g}" for value in row)
            file.write(f"{frame + FIRST_FRAME}\t{values}\n")
