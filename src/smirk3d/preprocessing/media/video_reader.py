"""Videos, one upright frame at a time, with the times at which they are shown.

PyAV decodes, so any codec of FFmpeg will do: variable frame rates, turned and mirrored pictures,
ten bits, high dynamic range, odd sizes, animated pictures, and frames of another size in the
middle. A folder of numbered pictures is a video too.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.animated_picture import AnimatedPicture, is_animated_webp
from smirk3d.preprocessing.media.drawing_ahead import drawn_ahead
from smirk3d.preprocessing.media.frame_clock import FrameClock
from smirk3d.preprocessing.media.frame_folder import FrameFolder
from smirk3d.preprocessing.media.tone_mapping import is_high_range, tone_mapped
from smirk3d.preprocessing.media.video_container import (
    BT709,
    DEFAULT_RATE,
    FrameSource,
    VideoFile,
    VideoInfo,
    reason,
)

Plane = NDArray[np.uint8]

_Frame = TypeVar("_Frame", "VideoFrame", "VideoPlanes")

_AHEAD, _PIXELS_AHEAD = 6, 50_000_000
"""Frames that are decoded before they are asked for, and how many pixels they have at most."""
_VIDEO_RANGE, _FULL_RANGE = 1, 2
_WHOLE, _SLACK = 0.95, 0.1
"""Fraction of the length in the header, less some seconds, from which a video counts as whole."""


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame.

    Attributes:
        index: its number among the decoded frames, from 0.
        seconds: when it is shown; 0 for the first frame, strictly increasing.
        image: uint8 RGB ``[H, W, 3]``, upright.
        stamp: the file's own time of the frame, in its units, by which decoding can begin there;
            None where the file's times had to be mended, or it cannot be sought in.
    """

    index: int
    seconds: float
    image: NDArray[np.uint8]
    stamp: int | None = None


@dataclass(frozen=True)
class FramePlace:
    """A frame at which decoding may begin.

    Attributes:
        index, stamp: as of :class:`VideoFrame`.
    """

    index: int = 0
    stamp: int | None = None


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


class VideoReader:
    """Decodes a video from its beginning.

    Attributes:
        path: of the file, or of the folder of numbered pictures.
        files: what is read: the file, or the pictures.
        info: what the header says.
        damage: what was wrong, or that the video ends before its header says so, and how many
            frames are lost by it; None for a whole video. Set once all frames are read.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        folder_rate: Fraction = DEFAULT_RATE,
        start: float = 0.0,
        end: float | None = None,
    ) -> None:
        """Open a video.

        Args:
            path: a file, or a folder of pictures whose names differ in a number.
            folder_rate: frames a second of a folder.
            start: seconds of the first frame that is given; it has the number 0 and keeps its time.
            end: seconds at which frames are given no more; None for all.

        Raises:
            InputError: if it is absent, no video, or holds no pictures that can be decoded.
        """
        self.path = Path(path)
        self.damage: str | None = None
        self._complaints = 0
        folder = os.path.isdir(self.path)  # noqa: PTH112
        self._source: FrameSource
        if folder:
            self._source = FrameFolder(self.path, folder_rate)
        elif is_animated_webp(self.path):
            self._source = AnimatedPicture(self.path)
        else:
            self._source = VideoFile(self.path)
        self.files = self._source.files
        self._start, self._end = start, end
        self.info = _spanned(self._source.info, start, end)

    @property
    def is_folder(self) -> bool:
        """Whether the frames are pictures of a folder, which has no sound."""
        return isinstance(self._source, FrameFolder)

    def frames(
        self, first: int = 0, place: FramePlace | None = None
    ) -> Generator[VideoFrame, None, None]:
        """Yield the frames; those before number ``first`` are passed over.

        Frames are decoded by another thread, a few ahead. A damaged end leaves what was decoded
        before it, and is told by :attr:`damage`.

        Args:
            first: number of the first frame that is given.
            place: a frame that is not after it. Where its stamp is found in the file, nothing
                before the last key frame up to it is decoded; the frames are the same.

        Raises:
            InputError: if not one frame can be decoded.
        """
        yield from self._ahead(self._decoded(_picture, lambda number: number >= first, place))

    def planes(self) -> Iterator[VideoPlanes]:
        """Yield the same frames as planes, without a conversion where they are stored so.

        Raises:
            InputError: if not one frame can be decoded.
        """
        yield from self._ahead(self._decoded(_planes, lambda number: True))

    def evenly_spaced(self, count: int) -> Iterator[VideoFrame]:
        """Yield at most ``count`` frames, evenly spaced over the video's length.

        All frames before them are decoded: seeking would land on the nearest key frame.

        Raises:
            InputError: if there is no frame at these places.
        """
        total = self.info.num_frames or self._source.count()
        places = range(total)
        if count < total:
            places = np.linspace(0, total - 1, count + 2)[1:-1].round().astype(int).tolist()
        wanted = set(places)
        last = max(wanted, default=0)
        seen = False
        for frame in self._decoded(_picture, wanted.__contains__):
            seen = True
            yield frame
            if frame.index == last:
                return
        if not seen:
            raise InputError(f"{self.path}: ends before the first of the frames looked for")

    def _ahead(self, frames: Iterator[_Frame]) -> Iterator[_Frame]:
        pixels = max(self.info.width * self.info.height, 1)
        return drawn_ahead(frames, max(1, min(_AHEAD, _PIXELS_AHEAD // pixels)))

    def _decoded(
        self,
        convert: Callable[[int, float, Any, int | None], _Frame],
        wanted: Callable[[int], bool],
        place: FramePlace | None = None,
    ) -> Iterator[_Frame]:
        count, clock = 0, FrameClock(self.info.rate)
        self._forget_damage()
        found = self._sought(place, clock) if place is not None else None
        if place is not None and found is not None:
            count = place.index
        for frame in found or self._source.frames(self._note):
            seconds = clock.seconds(frame)
            if seconds < self._start:
                self._forget_damage()
                continue
            if self._end is not None and seconds >= self._end:
                break
            if wanted(count):
                try:
                    stamp = frame.pts if clock.is_files_own and self._is_file else None
                    converted = convert(count, seconds, frame, stamp)
                except Exception as error:  # FFmpeg's errors have no common base with PyAV's
                    self._note(reason(error))
                    break
                yield converted
            count += 1
        if not count:
            if clock.end and self._start and self.damage is None:
                raise InputError(f"{self.path}: no frame from {self._start:g} s on: it is shorter")
            raise InputError(f"{self.path}: no frame can be decoded ({self.damage or 'empty'})")
        # containers end their videos a little sooner or later than their headers say
        told = self._source.info.seconds if self._end is None else 0.0
        if clock.end < _WHOLE * told - _SLACK and self.damage is None:
            self.damage = f"ends after {clock.end:.2f} s, its header tells {told:.2f}"
        if self.damage is not None:
            total = max(self.info.num_frames, count)
            lost = min(max(self._complaints, total - count, 1), total)
            self.damage += f"; {lost} of {total} frames could not be read whole"

    @property
    def _is_file(self) -> bool:
        return isinstance(self._source, VideoFile)

    def _sought(self, place: FramePlace, clock: FrameClock) -> Iterator[Any] | None:
        """Return PyAV's frames from a place on, None where decoding must begin at the start.

        The clock is set to the time before it.
        """
        source = self._source
        if place.stamp is None or not isinstance(source, VideoFile):
            return None
        beginning = source.frames(self._note)
        for frame in beginning:
            clock.seconds(frame)
            break
        beginning.close()
        frames = source.frames(self._note, place.stamp)
        for number, frame in enumerate(frames):
            # a file without an index is sought in roughly: what is decoded must be whole
            if not number and not frame.key_frame:
                break
            if frame.pts == place.stamp:
                clock.leap_before(frame)
                return itertools.chain([frame], frames)
            if frame.pts is None or frame.pts > place.stamp:
                break
        frames.close()
        clock.reset()
        return None

    def _note(self, damage: str) -> None:
        self.damage = self.damage or damage
        self._complaints += 1

    def _forget_damage(self) -> None:
        self.damage, self._complaints = None, 0


def _spanned(info: VideoInfo, start: float, end: float | None) -> VideoInfo:
    """Return what a header says of a span of its video."""
    if not start and end is None:
        return info
    whole = info.seconds or math.inf
    seconds = max(0.0, min(whole, math.inf if end is None else end) - start)
    if math.isinf(seconds):
        return replace(info, num_frames=0, seconds=0.0)
    return replace(info, num_frames=math.ceil(seconds * info.rate), seconds=seconds)


def _picture(index: int, seconds: float, frame: Any, stamp: int | None) -> VideoFrame:
    if is_high_range(frame.color_trc):
        return VideoFrame(index, seconds, _upright(tone_mapped(frame), frame), stamp)
    return VideoFrame(index, seconds, _upright(frame.to_ndarray(format="rgb24"), frame), stamp)


def _planes(index: int, seconds: float, frame: Any, stamp: int | None) -> VideoPlanes:
    changes: dict[str, Any] = {"format": "yuv420p"}
    shown = frame
    if is_high_range(frame.color_trc):
        shown = av.VideoFrame.from_ndarray(tone_mapped(frame), "rgb24")
    if shown.format.is_rgb:
        changes["dst_colorspace"] = BT709
    if shown.format.is_rgb or shown.color_range == _FULL_RANGE:
        changes["dst_color_range"] = _VIDEO_RANGE
    stored = shown.reformat(**changes)
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
