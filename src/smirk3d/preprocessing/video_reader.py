"""Videos, one upright frame at a time, with the times at which they are shown.

PyAV decodes, so any container and codec of FFmpeg will do: variable frame rates, turned and
mirrored pictures, ten bits, odd sizes, and frames of another size in the middle.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.optional import require
from smirk3d.errors import InputError

_DEFAULT_RATE = Fraction(30)
_AHEAD = 6


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame.

    Attributes:
        index: its number among the decoded frames, from 0.
        seconds: when it is shown; 0 for the first frame, strictly increasing.
        image: uint8 RGB ``[H, W, 3]``, upright.
    """

    index: int
    seconds: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says.

    Attributes:
        width, height: of the upright picture in pixels.
        rate: mean frames a second.
        num_frames: an estimate of how many frames there are; 0 where the header does not tell.
    """

    width: int
    height: int
    rate: Fraction
    num_frames: int


class VideoReader:
    """Decodes a video from its beginning.

    Attributes:
        path: of the file.
        info: what the header says.
        damage: what stopped the decoding before the end, or None; set once all frames are read.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a video.

        Raises:
            InputError: if the file is absent, no video, or holds no video stream.
            MissingExtra: if PyAV is not installed.
        """
        self._av = require("av", extra="video")
        self.path = Path(path)
        self.damage: str | None = None
        if not self.path.is_file():
            raise InputError(f"{path}: no such file")
        with self._open() as container:
            self.info = _info(container.streams.video[0], container)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            container = self._av.open(str(self.path), metadata_errors="ignore")
        except (self._av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{self.path}: no readable video ({reason})") from error
        with container:
            if not container.streams.video:
                raise InputError(f"{self.path}: holds no video stream")
            container.streams.video[0].thread_type = "AUTO"
            yield container

    def frames(self, first: int = 0) -> Iterator[VideoFrame]:
        """Yield the frames, the first at 0 seconds; those before ``first`` are passed over.

        Frames are decoded by another thread, a few ahead. A damaged end leaves what was decoded
        before it, and is told by :attr:`damage`.

        Raises:
            InputError: if not one frame can be decoded.
        """
        yield from _ahead(self._decoded(first))

    def _decoded(self, first: int) -> Iterator[VideoFrame]:
        count, clock = 0, _Clock(self.info.rate)
        self.damage = None
        with self._open() as container:
            for frame in self._whole_frames(container):
                seconds = clock.seconds(frame)
                if count >= first:
                    yield VideoFrame(count, seconds, _upright(frame))
                count += 1
        if not count:
            raise InputError(f"{self.path}: no frame can be decoded ({self.damage or 'empty'})")

    def _whole_frames(self, container: Any) -> Iterator[Any]:
        stream = container.streams.video[0]
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (self._av.FFmpegError, OSError) as error:
                self.damage = str(getattr(error, "strerror", None) or error)
                return
            try:
                yield from packet.decode()
            except self._av.EOFError:
                return
            except self._av.InvalidDataError as error:
                # decoders find their way again at the next key frame
                self.damage = str(error.strerror)


class _Clock:
    """Gives frames their times, which increase strictly whatever the file says."""

    def __init__(self, rate: Fraction) -> None:
        self._step = float(1 / rate)
        self._start: float | None = None
        self._last = -math.inf

    def seconds(self, frame: Any) -> float:
        if frame.pts is not None and frame.time_base:
            told = float(frame.pts * frame.time_base)
            if self._start is None:
                self._start = told
            told -= self._start
        else:
            told = self._last + self._step
        if self._last == -math.inf:
            told = 0.0
        elif told <= self._last:
            told = self._last + self._step / 2
        # microseconds: a float's last bits differ with the way a time was reached
        self._last = round(told, 6)
        return self._last


def _info(stream: Any, container: Any) -> VideoInfo:
    rate = stream.average_rate or stream.guessed_rate or _DEFAULT_RATE
    if not 1 <= rate <= 1000:
        rate = _DEFAULT_RATE
    count = stream.frames
    if not count:
        length = stream.duration * stream.time_base if stream.duration else None
        if length is None and container.duration:
            length = Fraction(container.duration, 1_000_000)
        count = round(length * rate) if length else 0
    return VideoInfo(stream.width, stream.height, Fraction(rate), max(int(count), 0))


def _upright(frame: Any) -> NDArray[np.uint8]:
    image = frame.to_ndarray(format="rgb24")
    quarters = round(getattr(frame, "rotation", 0) / 90) % 4
    if quarters:
        image = np.rot90(image, quarters)
    return np.ascontiguousarray(image)


def _ahead(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Yield what another thread draws from an iterator a few items ahead."""
    ready: queue.Queue[Any] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(item, timeout=0.1)
                return True
        return False

    def work() -> None:
        try:
            for frame in frames:
                if not put(frame):
                    return
            put(None)
        except BaseException as error:  # every error belongs to the reading thread
            put(error)

    thread = threading.Thread(target=work, name="video decoder", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
