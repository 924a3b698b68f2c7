"""The pictures behind the faces: one photo, or the frames of a video, as the page gets them."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.errors import Smirk3dError
from smirk3d.preprocessing.media.video_reader import VideoReader

Picture = NDArray[np.uint8]

_PHOTO_SIDE = 1600
"""Longer side in pixels of a photo on the page; a choice, that of a large window."""
_FRAME_SIDE = 720
"""Longer side in pixels of a video's frame on the page; a choice against memory, which holds many
frames where it holds one photo."""
_QUALITY = 85
"""JPEG's, at which faces show no blocks; set by eye."""
_LARGEST_STORE = 512 * 2**20
"""Bytes of a video's frames; a choice: a minute at 30 frames a second of up to 298 kB each."""


class SourcePictures(Protocol):
    """Pictures by frame; they may be smaller than the ones that the faces were found in.

    Attributes:
        problem: why some are missing, or None.
    """

    problem: str | None

    def jpeg(self, frame: int) -> bytes | None:
        """Return a frame as JPEG, or None where it is not there (yet)."""
        ...

    def rgb(self, frame: int) -> Picture | None:
        """Return a frame as uint8 ``[H, W, 3]``, or None."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


class Photo:
    """One picture for every frame.

    Attributes:
        problem: None.
    """

    def __init__(self, image: Picture) -> None:
        """Keep a picture uint8 ``[H, W, 3]``."""
        self.problem: str | None = None
        self._image = image
        self._jpeg = to_jpeg(image, _PHOTO_SIDE)

    def jpeg(self, frame: int) -> bytes | None:
        """Return the picture as JPEG."""
        return self._jpeg

    def rgb(self, frame: int) -> Picture | None:
        """Return the picture."""
        return self._image

    def close(self) -> None:
        """Do nothing: no thread reads."""


class VideoFrames:
    """The frames of a video, read once by another thread and kept as small JPEGs.

    Attributes:
        problem: why frames are missing, or None.
    """

    def __init__(self, path: str | Path, num_frames: int) -> None:
        """Start reading.

        Args:
            path: the video.
            num_frames: how many frames are wanted.

        Raises:
            InputError: if it is no readable video.
            MissingExtra: if PyAV is not installed.
        """
        self.problem: str | None = None
        self._video = VideoReader(path)
        self._wanted = num_frames
        self._frames: list[bytes] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="source frames", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        held = 0
        try:
            for frame in self._video.frames():
                if self._stop.is_set() or len(self._frames) == self._wanted:
                    return
                self._frames.append(to_jpeg(frame.image, _FRAME_SIDE))
                held += len(self._frames[-1])
                if held > _LARGEST_STORE:
                    self.problem = f"only the first {len(self._frames)} frames fit into memory"
                    return
        except Exception as error:  # whatever a decoder raises, the frames before it stay
            text = str(error) if isinstance(error, Smirk3dError) else repr(error)
            self.problem = f"frames from {len(self._frames)} on cannot be read: {text}"

    def jpeg(self, frame: int) -> bytes | None:
        """Return a frame as JPEG, or None while it is not read."""
        return self._frames[frame] if 0 <= frame < len(self._frames) else None

    def rgb(self, frame: int) -> Picture | None:
        """Return a frame, decoded again, or None while it is not read."""
        data = self.jpeg(frame)
        return None if data is None else np.array(Image.open(io.BytesIO(data)).convert("RGB"))

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join()


def to_jpeg(image: Picture, side: int) -> bytes:
    """Return a picture as JPEG whose longer side has at most so many pixels."""
    picture = Image.fromarray(image)
    picture.thumbnail((side, side), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
