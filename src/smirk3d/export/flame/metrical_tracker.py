"""metrical-tracker's frames and the data sets that are made of them: FlashAvatar's, INSTA's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import constant
from smirk3d.assets.foreign.tensors import save_torch_file
from smirk3d.export.flame.clip import FlameClip, flame_groups, world_of
from smirk3d.export.flame.pictures import (
    head_mask,
    mouth_mask,
    num_training_frames,
    save_picture,
)
from smirk3d.geometry.rotations import axis_angle_to_matrix

_OPENCV = np.diag([1.0, -1.0, -1.0])
_PYTORCH3D = np.diag([-1.0, 1.0, -1.0])
"""World axes to the camera axes of both libraries, for a camera that looks along -z."""
_CANONICAL_JAW = 0.3
"""Radians by which the canonical face opens its jaw, as VHAP's does."""


def write_metrical_tracker(folder: Path, clip: FlameClip) -> None:
    """Write ``checkpoint/00000.frame`` a frame, as metrical-tracker leaves for INSTA, FlashAvatar.

    FLAME's root stays at rest; the camera has the head's motion. ``opencv`` has world to camera
    in OpenCV's axes (``R @ x + t``; x right, y down, z ahead) and ``K`` in pixels. ``camera`` has
    the same in PyTorch3D's (x left, y up, z ahead; ``x @ R + t``) with focal length and principal
    point in its normalised coordinates. Jaw and eyes are the first two rows of their rotations.
    """
    world, groups = world_of(clip), flame_groups(clip)
    rotation, translation = world.motion()
    height, width = clip.image_size
    intrinsics = np.array(
        [[clip.focal, 0, width / 2], [0, clip.focal, height / 2], [0, 0, 1]], np.float32
    )
    normalised = np.array([[2 * clip.focal / min(height, width)]], np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint").mkdir()
    for frame in range(len(clip.parameters)):
        row = slice(frame, frame + 1)
        R, t = rotation[frame], translation[frame]
        content = {
            "flame": _metrical_flame(groups, row),
            "camera": {
                "R": (_PYTORCH3D @ R).T[None].astype(np.float32),
                "t": (_PYTORCH3D @ t)[None].astype(np.float32),
                "fl": normalised,
                "pp": np.zeros((1, 2), np.float32),
            },
            "opencv": {
                "R": (_OPENCV @ R)[None].astype(np.float32),
                "t": (_OPENCV @ t)[None].astype(np.float32),
                "K": intrinsics[None],
            },
            "img_size": np.array([height, width]),
            "frame_id": f"{frame:05d}",
            "global_step": frame,
        }
        save_torch_file(content, folder / "checkpoint" / f"{frame:05d}.frame")


def _metrical_flame(groups: dict[str, NDArray[np.float32]], row: slice) -> dict[str, Any]:
    eyelids = groups["eyelids"][row]
    eyes = groups["eyes"][row]
    return {
        "exp": groups["expression"][row],
        "shape": groups["shape"],
        "tex": np.zeros((1, 140), np.float32),
        "sh": np.zeros((1, 9, 3), np.float32),
        "eyes": np.concatenate([_two_rows(eyes[:, :3]), _two_rows(eyes[:, 3:])], 1),
        "eyelids": eyelids if eyelids.shape[1] else np.zeros((1, 2), np.float32),
        "jaw": _two_rows(groups["jaw"][row]),
    }


def _two_rows(axis_angle: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first two rows of rotations ``[T, 6]`` (Zhou et al. 2019)."""
    matrix = axis_angle_to_matrix(axis_angle)
    rows: NDArray[np.float32] = matrix[:, :2].reshape(-1, 6)
    return rows


def write_flash_avatar(folder: Path, clip: FlameClip, images: Iterable[NDArray[np.uint8]]) -> None:
    """Write what FlashAvatar trains on: ``dataset`` and ``metrical-tracker`` for one person.

    Pictures are ``dataset/imgs/00001.jpg``, numbered from one as its tracker leaves them, with
    ``alpha/00001.jpg`` and ``parsing/00001_neckhead.png`` and ``00001_mouth.png``; the frames are
    ``metrical-tracker/checkpoint/00000.frame``. The last 500 frames are its test set.

    Args:
        folder: for the files; made where it is not there.
        clip: the clip; FlashAvatar takes 512 x 512 pixels.
        images: uint8 ``[H, W, 3]`` of all frames in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_metrical_tracker(folder / "metrical-tracker", clip)
    data = folder / "dataset"
    numbers = range(len(clip.parameters))
    for frame, image in zip(numbers, images, strict=True):
        name, mask = f"{frame + 1:05d}", head_mask(clip, frame)
        save_picture(data / "imgs" / f"{name}.jpg", image)
        save_picture(data / "alpha" / f"{name}.jpg", mask)
        save_picture(data / "parsing" / f"{name}_neckhead.png", mask)
        save_picture(data / "parsing" / f"{name}_mouth.png", mouth_mask(clip, frame))


def write_insta(folder: Path, clip: FlameClip, images: Iterable[NDArray[np.uint8]]) -> None:
    """Write INSTA's data set: pictures with alpha, a mesh and an expression a frame.

    The head stands still but for its expression, the camera moves around it: ``transform_matrix``
    is camera to world in OpenCV's axes. ``transforms.json`` has all frames, ``transforms_train``
    and ``_test`` their share.

    Args:
        folder: for the files; made where it is not there.
        clip: the clip.
        images: uint8 ``[H, W, 3]`` of all frames in order.
    """
    rotation, translation = world_of(clip).motion()
    expression = flame_groups(clip)["expression"]
    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    numbers = range(len(clip.parameters))
    for frame, image in zip(numbers, images, strict=True):
        paths = _insta_paths(frame)
        rgba = np.dstack([image, head_mask(clip, frame)])
        save_picture(folder / paths["file_path"], rgba)
        _write_lines(folder / paths["exp_path"], map(str, expression[frame].tolist()))
        _write_mesh(folder / paths["mesh_path"], clip, frame)
        matrix = _camera_to_world(_OPENCV @ rotation[frame], _OPENCV @ translation[frame])
        frames.append({"transform_matrix": matrix, **paths})
    _write_mesh(folder / "canonical.obj", clip, None)
    count = num_training_frames(len(frames))
    splits = (("", frames), ("_train", frames[:count]), ("_test", frames[count:]))
    for split, chosen in splits:
        content = {**_insta_camera(clip), "frames": chosen}
        (folder / f"transforms{split}.json").write_text(json.dumps(content, indent=1))


def _insta_paths(frame: int) -> dict[str, str]:
    return {
        "file_path": f"images/{frame:05d}.png",
        "mesh_path": f"meshes/{frame:05d}.obj",
        "exp_path": f"flame/exp/{frame:05d}.txt",
    }


def _insta_camera(clip: FlameClip) -> dict[str, float]:
    height, width = clip.image_size
    angles = (2 * math.degrees(math.atan(side / 2 / clip.focal)) for side in (width, height))
    return {
        **dict(zip(("x_fov", "y_fov"), angles, strict=True)),
        "fl_x": clip.focal, "fl_y": clip.focal, "cx": width / 2, "cy": height / 2,
        "w": width, "h": height,
    }  # fmt: skip


def _camera_to_world(rotation: NDArray[Any], translation: NDArray[Any]) -> list[list[float]]:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation.T, -rotation.T @ translation
    rows: list[list[float]] = matrix.tolist()
    return rows


def _write_mesh(path: Path, clip: FlameClip, frame: int | None) -> None:
    """Write FLAME with its root at rest as OBJ: of a frame, or the canonical face."""
    face = clip.parameters[0 if frame is None else frame][None]
    still = clip.head.neutral(1)
    if frame is None:
        opened = constant([[_CANONICAL_JAW, 0.0, 0.0]], still.jaw)
        face = still.replace(shape=face.shape, jaw=opened)
    vertices = clip.head(face.replace(head_pose=still.head_pose)).vertices[0]
    lines = [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (clip.head.faces + 1).tolist()]
    _write_lines(path, lines)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
