"""Short videos in the containers and codecs that people have."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.tracking.clips import write_video

from fuzz.inputs import Files
from fuzz.seeds.pictures import picture

_FRAMES = 8
_WIDTH, _HEIGHT = 64, 48


def _frames() -> list[NDArray[np.uint8]]:
    still = np.asarray(picture("RGB", _WIDTH, _HEIGHT))
    return [np.roll(still, 4 * shift, axis=1) for shift in range(_FRAMES)]


def video_seeds() -> list[Files]:
    """Return one video a container and codec; some turned, with sound, or of uneven times."""
    kinds: dict[str, tuple[str, str, bool, int]] = {
        "plain.mp4": ("libx264", "yuv420p", False, 0),
        "sound.mp4": ("libx264", "yuv420p", True, 0),
        "turned.mov": ("libx264", "yuv420p", False, 90),
        "deep.mkv": ("libx264", "yuv420p10le", False, 0),
        "pictures.mov": ("mjpeg", "yuvj420p", False, 0),
        "pictures.avi": ("mjpeg", "yuvj420p", False, 0),
        "plain.avi": ("mpeg4", "yuv420p", False, 0),
        "plain.webm": ("libvpx-vp9", "yuv420p", False, 0),
        "lossless.mkv": ("ffv1", "yuv444p", False, 0),
        "raw.mov": ("rawvideo", "rgb24", False, 0),
        "plain.ts": ("mpeg2video", "yuv420p", False, 0),
    }
    seeds: list[Files] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (codec, pixels, sound, turn) in kinds.items():
            path = Path(folder) / name
            try:
                write_video(
                    path, _frames(), codec=codec, pixels=pixels, sound=sound, turn=turn, rate=25
                )
            except (OSError, ValueError, LookupError):
                continue  # this FFmpeg does not write it
            seeds.append({name: path.read_bytes()})
        uneven: Callable[[int], int] = lambda number: 40 * number + 30 * (number % 2)  # noqa: E731
        path = write_video(Path(folder) / "uneven.mkv", _frames(), times=uneven)
        seeds.append({path.name: path.read_bytes()})
    return seeds
