"""The data set layout of GaussianAvatars and VHAP."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.flame.clip import FlameClip, axis_angles, flame_groups, world_of
from smirk3d.export.flame.pictures import (
    before_white,
    head_mask,
    num_training_frames,
    save_picture,
)

NUM_AVATAR_VERTICES = 5143
"""FLAME's vertices and the teeth that GaussianAvatars adds."""

_CANONICAL_JAW = 0.3
"""Radians by which VHAP opens the jaw of its canonical face."""
_CAMERA = ("cx", "cy", "fl_x", "fl_y", "h", "w", "camera_angle_x", "camera_angle_y")


def write_gaussian_avatars(
    folder: Path, clip: FlameClip, images: Iterable[NDArray[np.uint8]] | None = None
) -> None:
    """Write ``transforms.json``, ``canonical_flame_param.npz`` and ``flame_param/00000.npz``.

    The world's origin is the mean of FLAME's translations. The camera stands still,
    ``transform_matrix`` is camera to world in OpenGL's axes; FLAME's ``rotation`` and
    ``translation`` are the head's motion. This layout has no eyelids.

    Args:
        folder: for the files; made where it is not there.
        clip: the clip; its names of images are relative to the folder, without which they are
            looked for there.
        images: uint8 ``[H, W, 3]`` of all frames in order. With them the data set can be trained
            on: the pictures before white, ``fg_masks``, and ``transforms_train``, ``_val`` (no
            frames, as VHAP has it for one camera) and ``_test``.
    """
    world, groups = world_of(clip), flame_groups(clip)
    middle = world.translation.mean(0)
    moving = {
        "translation": (world.translation - middle).astype(np.float32),
        "rotation": axis_angles(world.rotation), "neck_pose": groups["neck"],
        "jaw_pose": groups["jaw"], "eyes_pose": groups["eyes"], "expr": groups["expression"],
    }  # fmt: skip
    fixed = {"shape": groups["shape"][0]}
    fixed["static_offset"] = np.zeros((1, NUM_AVATAR_VERTICES, 3), np.float32)
    camera_to_world = np.eye(4)
    camera_to_world[:3, 3] = -middle
    frames = [_frame(clip, frame, camera_to_world) for frame in range(len(clip.parameters))]
    folder.mkdir(parents=True, exist_ok=True)
    _write_parameters(folder, moving, fixed)
    _write_transforms(folder / "transforms.json", frames, frames)
    if images is not None:
        _write_pictures(folder, clip, frames, images)
        count = num_training_frames(len(frames))
        for split, chosen in (
            ("train", frames[:count]), ("val", []), ("test", frames[count:]),
        ):  # fmt: skip
            _write_transforms(folder / f"transforms_{split}.json", chosen, frames)


def _write_parameters(
    folder: Path, moving: dict[str, NDArray[Any]], fixed: dict[str, NDArray[Any]]
) -> None:
    canonical = {key: np.zeros_like(value[:1]) for key, value in moving.items()}
    canonical["jaw_pose"][0, 0] = _CANONICAL_JAW
    _save_arrays(folder / "canonical_flame_param.npz", {**canonical, **fixed})
    (folder / "flame_param").mkdir()
    for frame in range(len(moving["expr"])):
        rows = {key: value[frame : frame + 1] for key, value in moving.items()}
        _save_arrays(folder / "flame_param" / f"{frame:05d}.npz", {**rows, **fixed})


def _save_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _write_pictures(
    folder: Path,
    clip: FlameClip,
    frames: list[dict[str, Any]],
    images: Iterable[NDArray[np.uint8]],
) -> None:
    for number, (frame, image) in enumerate(zip(frames, images, strict=True)):
        mask = head_mask(clip, number)
        save_picture(folder / frame["file_path"], before_white(image, mask))
        save_picture(folder / frame["fg_mask_path"], mask)


def _write_transforms(
    path: Path, frames: list[dict[str, Any]], everything: list[dict[str, Any]]
) -> None:
    content = {
        **{key: everything[0][key] for key in _CAMERA},
        "timestep_indices": [frame["timestep_index"] for frame in frames],
        "camera_indices": [0] if frames else [],
        "frames": frames,
    }
    path.write_text(json.dumps(content, indent=1))


def _frame(clip: FlameClip, frame: int, camera_to_world: NDArray[Any]) -> dict[str, Any]:
    height, width = clip.image_size
    return {
        "timestep_index": frame,
        "timestep_index_original": frame,
        "timestep_id": f"{frame:05d}",
        "camera_index": 0,
        "camera_id": "00",
        "cx": width / 2,
        "cy": height / 2,
        "fl_x": clip.focal,
        "fl_y": clip.focal,
        "h": height,
        "w": width,
        "camera_angle_x": 2 * math.atan(width / 2 / clip.focal),
        "camera_angle_y": 2 * math.atan(height / 2 / clip.focal),
        "transform_matrix": camera_to_world.tolist(),
        "file_path": clip.image_names[frame],
        "fg_mask_path": f"fg_masks/{frame:05d}_00.png",
        "flame_param_path": f"flame_param/{frame:05d}.npz",
    }
