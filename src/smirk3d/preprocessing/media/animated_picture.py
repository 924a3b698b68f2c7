"""An animated WebP as a video; FFmpeg, which reads the other animated pictures, cannot read it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageSequence

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.regular_files import check_regular
from smirk3d.preprocessing.media.video_container import (
    BT709,
    DEFAULT_RATE,
    MAX_FRAME_PIXELS,
    NOT_TOLD,
    OnDamage,
    VideoInfo,
)

_MILLISECOND = Fraction(1, 1000)


def is_animated_webp(path: Path) -> bool:
    """Whether a regular file is a WebP of more than one picture, by its first bytes."""
    try:
        check_regular(path, "video")  # a pipe would be waited for without end
        with path.open("rb") as file:
            start = file.read(21)
    except (OSError, InputError):
        return False
    # the chunk VP8X has a flag for animation
    is_extended = start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X"
    return is_extended and len(start) == 21 and bool(start[20] & 2)


class AnimatedPicture:
    """The pictures of an animated WebP, at their times.

    Attributes:
        info, files: as of :class:`smirk3d.preprocessing.media.video_container.FrameSource`.
    """

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            InputError: if it is no regular file, cannot be read, or its pictures are too large.
        """
        self._path = path
        self.files: tuple[Path, ...] = (path,)
        check_regular(path, "video")
        try:
            with Image.open(path, formats=["WEBP"]) as picture:
                size, count = picture.size, int(getattr(picture, "n_frames", 1))
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError(f"{path}: no readable picture ({error}): save it anew") from error
        if size[0] * size[1] > MAX_FRAME_PIXELS:
            raise InputError(f"{path} has pictures of {size[0]} x {size[1]} pixels: reduce it")
        colours = (NOT_TOLD, NOT_TOLD, BT709)
        self.info = VideoInfo(*size, DEFAULT_RATE, count, 0.0, colours)

    def frames(self, on_damage: OnDamage) -> Iterator[Any]:
        """Yield the pictures, as PyAV's ``VideoFrame``, before black where they are transparent.

        Args:
            on_damage: told why the rest cannot be read.
        """
        try:
            with Image.open(self._path, formats=["WEBP"]) as picture:
                time = 0
                for shown in ImageSequence.Iterator(picture):
                    rgb = np.array(shown.convert("RGB"))
                    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                    frame.pts, frame.time_base = time, _MILLISECOND
                    # the duration is known once the picture is decoded
                    time += max(int(shown.info.get("duration", 0)), 1)
                    yield frame
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            on_damage(str(error))

    def count(self) -> int:
        """Return the number of pictures."""
        return self.info.num_frames
