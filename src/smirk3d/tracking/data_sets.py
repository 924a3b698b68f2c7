"""Data sets that avatar builders train on: a tracked person's pictures, masks and parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.export.flame.clip import FlameClip, Window, head_window, windowed
from smirk3d.export.flame.layouts import DATA_SET_SIDE, PICTURE_NAMES, write_data_set
from smirk3d.heads.head_model import HeadModel
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.tracking.track_file import Track


def flame_clip(track: Track, person: int, head: HeadModel) -> FlameClip:
    """Return a person of a track, its frames named as GaussianAvatars names pictures.

    Raises:
        AssetError: if the head is not FLAME.
    """
    width, height = track.image_size
    frames = track.frames(person).tolist()
    return FlameClip(
        head=head,
        parameters=track.parameters(person),
        T_crop_image=track.rows["T_crop_image"][track.rows_of(person)],
        image_size=(height, width),
        image_names=[f"images/{frame:05d}_00.png" for frame in frames],
        focal_length=track.meta.get("focal"),
    )


def write_person_data_set(
    folder: Path,
    name: str,
    track: Track,
    person: int,
    head: HeadModel,
    video: VideoReader,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write one person of a clip as a data set: the square around its head, 512 pixels a side.

    Args:
        folder: for ``face-ID-NAME/``.
        name: one of :data:`smirk3d.tracking.clip_formats.DATA_SET_FORMATS`.
        track: the clip.
        person: the person's number in it.
        head: its head, FLAME.
        video: the video that was tracked.
        on_progress: called with the number of frames done and of all.

    Raises:
        AssetError: if the head is not FLAME.
        OutputError: if a file cannot be written.
    """
    clip = flame_clip(track, person, head)
    window = head_window(clip, DATA_SET_SIDE)
    names = [PICTURE_NAMES[name].format(row) for row in range(len(clip.parameters))]
    images = _windows(video, track.frames(person), window, on_progress)
    out = folder / f"face-{track.ids[person]}-{name}"
    write_data_set(name, out, windowed(clip, window, names), images)


def _windows(
    video: VideoReader,
    frames: NDArray[np.int64],
    window: Window,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield what the window shows ``[S, S, 3]`` of some frames of a video."""
    # OpenCV's pixel centres are whole numbers
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(half) @ window.T_window_image @ half
    size = (window.side, window.side)
    wanted, done = set(frames.tolist()), 0
    smaller = cv2.INTER_AREA if matrix[0, 0] < 1 else cv2.INTER_CUBIC
    for frame in video.frames():
        if frame.index not in wanted:
            continue
        image = cv2.warpAffine(
            frame.image, matrix[:2], size, flags=smaller, borderMode=cv2.BORDER_REPLICATE
        )
        yield np.asarray(image, np.uint8)
        done += 1
        if on_progress is not None:
            on_progress(done, len(wanted))
        if done == len(wanted):
            return
