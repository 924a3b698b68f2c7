"""A folder of numbered pictures as a video: ``frame_0001.png``, ``frame_0002.png`` and so on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.preprocessing.media.video_container import (
    BT709,
    DEFAULT_RATE,
    MAX_FRAME_PIXELS,
    NOT_TOLD,
    OnDamage,
    VideoInfo,
)

_ENDINGS = {
    ".png", ".jpg", ".jpeg", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff", ".bmp", ".ppm",
    ".tga",
}  # fmt: skip


class FrameFolder:
    """The pictures of a folder whose names differ in one number, in its order, at one rate.

    Attributes:
        info, files: as of :class:`smirk3d.preprocessing.media.video_container.FrameSource`.
    """

    def __init__(self, path: Path, rate: Fraction = DEFAULT_RATE) -> None:
        """Find the pictures of a folder.

        Args:
            path: the folder. Files that are no picture or have no number are passed over.
            rate: frames a second.

        Raises:
            InputError: if there are no such pictures, none can be read, or there are several
                sequences.
        """
        self._path = path
        self._rate = rate
        self.files = numbered_frames(path)
        if not self.files:
            raise InputError(
                f"{path} holds no numbered pictures (frame_0001.png and so on): give a video file "
                "or a folder of them"
            )
        first = next(self.frames(lambda why: None), None)
        if first is None:
            raise InputError(f"{path}: none of its {len(self.files)} pictures can be read")
        colours = (NOT_TOLD, NOT_TOLD, BT709)
        count = len(self.files)
        self.info = VideoInfo(first.width, first.height, rate, count, float(count / rate), colours)

    def frames(self, on_damage: OnDamage) -> Iterator[Any]:
        """Yield the pictures that can be read, as PyAV's ``VideoFrame``, at their times.

        Args:
            on_damage: told of pictures that cannot be read; the others keep their times.
        """
        for number, file in enumerate(self.files):
            try:
                image = read_image(file)
            except InputError as error:
                on_damage(str(error))
                continue
            height, width = image.shape[:2]
            if height * width > MAX_FRAME_PIXELS:
                on_damage(f"{file} has {width} x {height} pixels, too many for a video")
                continue
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, 1 / self._rate
            yield frame

    def count(self) -> int:
        """Return the number of pictures."""
        return len(self.files)


def numbered_frames(folder: Path) -> tuple[Path, ...]:
    """Return the numbered pictures of a folder by their numbers; none where there are none.

    Raises:
        InputError: if the folder cannot be read, or the names differ in more than a number.
    """
    sequences: dict[tuple[str, str], list[tuple[int, Path]]] = defaultdict(list)
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): check it") from error
    for file in files:
        name = re.fullmatch(r"((?!\.).*?)([0-9]{1,18})([^0-9]*)", file.stem, re.DOTALL)
        if name and file.suffix.lower() in _ENDINGS:
            kind = (name[1], name[3] + file.suffix.lower())
            sequences[kind].append((int(name[2]), file))
    if len(sequences) > 1:
        one, other = (min(frames)[1].name for frames in list(sequences.values())[:2])
        raise InputError(
            f"{folder} holds pictures of several sequences ({one}, {other}): give each its folder"
        )
    return tuple(file for frames in sequences.values() for _, file in sorted(frames))
