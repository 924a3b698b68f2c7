"""The sound of a video, brought into another file in step with its frames."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.video_container import first_decodable, open_container, reason
from smirk3d.preprocessing.media.video_reader import VideoReader

_COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"}
"""Sound that MP4 holds as it is; other sound is encoded anew as AAC."""
_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
          8_000)  # fmt: skip
"""Samples a second that AAC knows (ISO/IEC 14496-3)."""
_LAST_FRAME = 0.1
"""Seconds for which the sound goes on after the last frame is shown."""


class Sound:
    """Writes the first sound that FFmpeg can decode, up to where it is damaged.

    Attributes:
        missing: why some or all of the sound is not written, a part of a sentence, or None.
    """

    def __init__(self, output: Any, video: VideoReader) -> None:
        """Add a stream to a PyAV container, if the video has sound, before its first frame.

        Args:
            output: the container to write to.
            video: where the sound is from.
        """
        self.missing: str | None = None
        self._output = output
        self._open = contextlib.ExitStack()
        self._packets: Iterator[Any] = iter(())
        self._waiting: Any = None
        self._copied = True
        if video.is_folder:
            return
        with self._unless_damaged("no sound is written"):
            self._begin(self._open.enter_context(open_container(video.path)))

    @contextlib.contextmanager
    def _unless_damaged(self, outcome: str) -> Iterator[None]:
        """Leave the rest of the sound out when the block fails.

        A full disk fails the pictures too.
        """
        try:
            yield
        except Exception as error:  # FFmpeg's errors have no common base with PyAV's
            self.missing = f"{outcome} ({reason(error)})"
            self._packets, self._waiting, self._copied = iter(()), None, True

    def _begin(self, source: Any) -> None:
        if not source.streams.audio:
            return
        stream = first_decodable(source.streams.audio)
        if stream is None:
            raise InputError("FFmpeg has no decoder for it")
        copied = stream.codec_context.name in _COPIED and _fits_mp4(stream)
        if copied:
            self._stream = self._output.add_stream_from_template(stream)
        else:
            told = stream.rate or 0
            rate = min(_RATES, key=lambda known: abs(known - told))
            self._stream = self._output.add_stream("aac", rate=rate)
        pictures = first_decodable(source.streams.video)
        first = pictures.start_time if pictures is not None else None
        start = first * pictures.time_base if pictures is not None and first else Fraction(0)
        self._shift = round(start / stream.time_base)
        self._packets, self._copied = source.demux(stream), copied

    def write_until(self, seconds: float) -> None:
        """Write the packets that play before a time."""
        with self._unless_damaged(f"the sound ends at about {seconds:.1f} s"):
            while (packet := self._waiting or self._next()) is not None:
                if packet.pts is not None and packet.pts * packet.time_base > seconds:
                    self._waiting = packet
                    return
                self._waiting = None
                self._write(packet)

    def _next(self) -> Any:
        for packet in self._packets:
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts = packet.pts - self._shift, packet.dts - self._shift
                if packet.pts >= 0:
                    return packet
        return None

    def _write(self, packet: Any) -> None:
        if self._copied:
            packet.stream = self._stream
            self._output.mux(packet)
            return
        try:
            frames = packet.decode()
        except Exception:  # FFmpeg's errors have no common base with PyAV's
            return  # decoders go on at the next packet
        for frame in frames:
            self._output.mux(self._stream.encode(frame))

    def finish(self, seconds: float) -> None:
        """Write the sound of the last frame, which is shown at a time."""
        self.write_until(seconds + _LAST_FRAME)
        if not self._copied:
            with self._unless_damaged(f"the sound ends at about {seconds:.1f} s"):
                self._output.mux(self._stream.encode())

    def close(self) -> None:
        """Close the source."""
        self._open.close()


def _fits_mp4(stream: Any) -> bool:
    """Tell whether MP4's header can be written with a copy of a stream; damaged ones lack parts."""
    try:
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except Exception:  # FFmpeg's errors have no common base with PyAV's
        return False
    return True
