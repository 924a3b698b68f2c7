"""A few pictures of a video, evenly spread, for training data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import InputError
from smirk3d.preprocessing.native_log import quiet_stderr


def sampled_frames(path: Path, count: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield numbers and pictures uint8 RGB ``[H, W, 3]`` of at most ``count`` frames of a video.

    Raises:
        InputError: if the video cannot be read.
    """
    with quiet_stderr():
        video = cv2.VideoCapture(str(path))
    try:
        total = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        if not video.isOpened() or total < 1:
            raise InputError(f"{path}: no readable video")
        wanted = {int(n) for n in np.linspace(0, total - 1, min(count, total) + 2)[1:-1].round()}
        seen = 0
        for number in range(max(wanted, default=0) + 1):
            # reading on is exact where seeking lands on the nearest key frame
            if not video.grab():
                break
            if number in wanted:
                good, frame = video.retrieve()
                if good:
                    seen += 1
                    yield number, np.ascontiguousarray(frame[..., ::-1]).astype(np.uint8)
        if not seen:
            raise InputError(f"{path}: no frame can be decoded")
    finally:
        video.release()
