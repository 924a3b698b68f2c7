"""Where a tracked person's head is before the camera, and the camera about the head."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.chan import write_chan
from smirk3d.export.flame.clip import FOCAL_FRACTION
from smirk3d.export.rigs.rig import CameraPath
from smirk3d.heads.head_model import HeadModel
from smirk3d.tracking.motion.image_motion import HeadAnchor, rotations_of, to_image
from smirk3d.tracking.track_file import Track


def camera_path(track: Track, person: int, head: HeadModel) -> CameraPath:
    """Return the camera about a person's head, in the frames that show it.

    Without a field of view the camera is assumed so far away that it is all but orthographic, as
    tracking is.

    Args:
        track: the clip.
        person: the person's number in it.
        head: its head.
    """
    track = _before_pinhole(track, head)
    placed = track.rows["translation"][track.rows_of(person)].astype(np.float64)
    turned = np.tile(np.eye(3), (len(placed), 1, 1))
    return CameraPath(
        rotation=turned, position=-placed, focal=track.meta["focal"], image_size=track.image_size
    )


def write_chans(stem: Path, track: Track, person: int, head: HeadModel) -> None:
    """Write ``STEM.chan``, the head before a camera at the origin, and ``STEM-camera.chan``.

    The latter is the camera about the head of the animated files, whose rotation is the head's.

    Args:
        stem: the files without ending.
        track: the clip.
        person: the person's number in it.
        head: its head.

    Raises:
        OutputError: if a file cannot be written.
    """
    camera = camera_path(track, person, head)
    fov = math.degrees(2 * math.atan(camera.image_size[1] / 2 / camera.focal))
    frames = track.frames(person)
    rotation, position = _head_motion(track, person, head, camera)
    write_chan(stem.with_name(f"{stem.name}.chan"), frames, rotation, position)
    write_chan(
        stem.with_name(f"{stem.name}-camera.chan"),
        frames, camera.rotation, camera.position, fov=fov,
    )  # fmt: skip


def _head_motion(
    track: Track, person: int, head: HeadModel, camera: CameraPath
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rotation ``[F, 3, 3]`` and position ``[F, 3]`` of the head in the camera's space."""
    anchor = HeadAnchor.of(head)
    crops = track.rows["T_crop_image"][track.rows_of(person)]
    motion = to_image(track.parameters(person), crops, anchor)
    rotation = rotations_of(motion.rotation)
    return rotation, anchor.pivot - rotation @ anchor.pivot - camera.position


def _before_pinhole(track: Track, head: HeadModel) -> Track:
    if "translation" in track.rows and track.meta.get("focal"):
        return track
    return track.seen_through_pinhole(head, FOCAL_FRACTION * max(track.image_size))
