"""The layout of IMavatar and PointAvatar."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.flame.clip import FlameClip, axis_angles, flame_groups, world_of
from smirk3d.export.flame.pictures import head_mask, save_picture

_HEAD_SCALE = 4.0
"""FLAME's vertices are multiplied by this in IMavatar and PointAvatar, and so is the world."""
_NUM_EXPRESSION, _NUM_SHAPE = 50, 100
"""Components that their FLAME takes."""


def write_imavatar(path: Path, clip: FlameClip) -> None:
    """Write ``flame_params.json``, as IMavatar and PointAvatar read it.

    ``world_mat`` ``[3, 4]`` is world to camera in OpenGL's axes (x right, y up, z back) of a world
    in which FLAME is four times as large, and holds the translation; ``pose`` has the rotations of
    root, neck, jaw and both eyes as 15 numbers. ``intrinsics`` are focal lengths and principal
    point as fractions of width and height, with the first negated: readers project
    ``x = cx + fx X / Z`` and ``y = cy + fy Y / Z``. ``bbox`` bounds the face, -1 to 1 over the
    picture. Names of pictures have no ending; readers append ``.png``.
    """
    world, groups = world_of(clip), flame_groups(clip)
    height, width = clip.image_size
    pose = np.concatenate(
        [axis_angles(world.rotation), groups["neck"], groups["jaw"], groups["eyes"]], 1
    )
    frames = [
        {
            "file_path": clip.image_names[frame].removesuffix(".png"),
            "world_mat": np.concatenate(
                [np.eye(3), _HEAD_SCALE * translation[:, None]], 1
            ).tolist(),
            "expression": groups["expression"][frame, :_NUM_EXPRESSION].tolist(),
            "pose": pose[frame].tolist(),
            "bbox": _face_box(clip, frame),
        }
        for frame, translation in enumerate(world.translation)
    ]
    content = {
        "frames": frames,
        "shape_params": groups["shape"][0, :_NUM_SHAPE].tolist(),
        "intrinsics": [-clip.focal / width, clip.focal / height, 0.5, 0.5],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1))


def _face_box(clip: FlameClip, frame: int) -> list[float]:
    """Return left, top, right and bottom of the face, -1 to 1 over the picture."""
    points = clip.seen(frame)[clip.head.regions["face"]].astype(np.float64)
    scaled = points * 2 / np.array(clip.image_size[::-1]) - 1
    corners: list[Any] = [*scaled.min(0).clip(-1, 1), *scaled.max(0).clip(-1, 1)]
    return [float(corner) for corner in corners]


def write_imavatar_set(folder: Path, clip: FlameClip, images: Iterable[NDArray[np.uint8]]) -> None:
    """Write what IMavatar trains on: ``image/0.png``, ``mask/0.png`` and ``flame_params.json``.

    Args:
        folder: for the files; made where it is not there.
        clip: the clip, whose images are named ``image/NUMBER.png``.
        images: uint8 ``[H, W, 3]`` of all frames in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_imavatar(folder / "flame_params.json", clip)
    for frame, (name, image) in enumerate(zip(clip.image_names, images, strict=True)):
        save_picture(folder / name, image)
        save_picture(folder / "mask" / Path(name).name, head_mask(clip, frame))
