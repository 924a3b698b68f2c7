"""Videos, one upright frame at a time, with the times at which they are shown.

PyAV decodes, so any container and codec of FFmpeg will do: variable frame rates, turned and
mirrored pictures, ten bits, odd sizes, and frames of another size in the middle.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.optional import require
from smirk3d.errors import InputError

Plane = NDArray[np.uint8]

_Frame = TypeVar("_Frame", "VideoFrame", "VideoPlanes")

_DEFAULT_RATE = Fraction(30)
_AHEAD = 6
_VIDEO_RANGE, _FULL_RANGE = 1, 2
_WHOLE, _SLACK = 0.95, 0.1
"""Share of the told length, less some seconds, from which a video counts as whole."""
BT709 = 1
"""FFmpeg's number of the matrix and primaries of high definition video."""


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


@dataclass(frozen=True, eq=False)
class VideoPlanes:
    """One frame as encoders take it: 8 bits, brightness apart from colour.

    Attributes:
        index, seconds: as of :class:`VideoFrame`.
        y: brightness, uint8 ``[H, W]``, 16 is black and 235 white; upright.
        u, v: colours, uint8 at half the size ``[ceil(H / 2), ceil(W / 2)]``, 128 is grey.
    """

    index: int
    seconds: float
    y: Plane
    u: Plane
    v: Plane


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says.

    Attributes:
        width, height: of the picture as it is stored, in pixels.
        rate: mean frames a second.
        num_frames: an estimate of how many frames there are; 0 where the header does not tell.
        seconds: when the last frame ends; 0 where the header does not tell.
        colours: FFmpeg's numbers of the primaries, the transfer and the matrix of
            :class:`VideoPlanes`; 2 where not told.
    """

    width: int
    height: int
    rate: Fraction
    num_frames: int
    seconds: float
    colours: tuple[int, int, int]


class VideoReader:
    """Decodes a video from its beginning.

    Attributes:
        path: of the file.
        info: what the header says.
        damage: what was wrong, or that the video ends before its header says so, or None; set once
            all frames are read.
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
        yield from _ahead(self._decoded(_picture, lambda number: number >= first))

    def planes(self) -> Iterator[VideoPlanes]:
        """Yield the same frames as planes, without a conversion where they are stored so.

        Raises:
            InputError: if not one frame can be decoded.
        """
        yield from _ahead(self._decoded(_planes, lambda number: True))

    def spread(self, count: int) -> Iterator[VideoFrame]:
        """Yield at most ``count`` frames, evenly spread over the video's length.

        All frames before them are decoded: seeking would land on the nearest key frame.

        Raises:
            InputError: if there is no frame at these places.
        """
        total = self.info.num_frames or self._num_packets()
        places = np.arange(total)
        if count < total:
            places = np.linspace(0, total - 1, count + 2)[1:-1].round().astype(int)
        wanted = set(places.tolist())
        last = max(wanted, default=0)
        seen = False
        for frame in self._decoded(_picture, wanted.__contains__):
            seen = True
            yield frame
            if frame.index == last:
                return
        if not seen:
            raise InputError(f"{self.path}: ends before the first of the frames looked for")

    def _num_packets(self) -> int:
        with self._open() as container:
            return sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))

    def _decoded(
        self, convert: Callable[[int, float, Any], _Frame], wanted: Callable[[int], bool]
    ) -> Iterator[_Frame]:
        count, clock = 0, _Clock(self.info.rate)
        self.damage = None
        with self._open() as container:
            for frame in self._whole_frames(container):
                seconds = clock.seconds(frame)
                if wanted(count):
                    yield convert(count, seconds, frame)
                count += 1
        if not count:
            raise InputError(f"{self.path}: no frame can be decoded ({self.damage or 'empty'})")
        # containers end their videos a little sooner or later than they tell
        if clock.end < _WHOLE * self.info.seconds - _SLACK and self.damage is None:
            self.damage = f"ends after {clock.end:.2f} s, its header tells {self.info.seconds:.2f}"

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
    """Gives frames their times, which increase strictly whatever the file says.

    Attributes:
        end: when the last frame ends, by the file's own clock.
    """

    def __init__(self, rate: Fraction) -> None:
        self._step = float(1 / rate)
        self._start: float | None = None
        self._last = -math.inf
        self.end = 0.0

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
        self.end = self._last + (self._start or 0.0) + self._step
        return self._last


def _info(stream: Any, container: Any) -> VideoInfo:
    rate = stream.average_rate or stream.guessed_rate or _DEFAULT_RATE
    if not 1 <= rate <= 1000:
        rate = _DEFAULT_RATE
    length = Fraction(stream.duration or 0) * (stream.time_base or 0)
    if not length and container.duration:
        length = Fraction(container.duration, 1_000_000)
    count = stream.frames or round(length * rate)
    codec = stream.codec_context
    colours = (codec.color_primaries, codec.color_trc, codec.colorspace)
    if codec.format is not None and codec.format.is_rgb:
        colours = (codec.color_primaries, codec.color_trc, BT709)
    size, count = (stream.width, stream.height), max(int(count), 0)
    return VideoInfo(*size, Fraction(rate), count, float(length), colours)


def _picture(index: int, seconds: float, frame: Any) -> VideoFrame:
    return VideoFrame(index, seconds, _upright(frame.to_ndarray(format="rgb24"), frame))


def _planes(index: int, seconds: float, frame: Any) -> VideoPlanes:
    changes: dict[str, Any] = {"format": "yuv420p"}
    if frame.format.is_rgb:
        changes["dst_colorspace"] = BT709
    if frame.format.is_rgb or frame.color_range == _FULL_RANGE:
        changes["dst_color_range"] = _VIDEO_RANGE
    stored = frame.reformat(**changes)
    # a copy: the decoder may still refer to its own
    y, u, v = (
        _upright(np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width], frame)
        for p in stored.planes
    )
    return VideoPlanes(index, seconds, y, u, v)


def _upright(picture: NDArray[np.uint8], frame: Any) -> NDArray[np.uint8]:
    """Return a contiguous copy, turned as the frame asks for."""
    quarters = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.array(np.rot90(picture, quarters), order="C")


def _ahead(frames: Iterator[_Frame]) -> Iterator[_Frame]:
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
