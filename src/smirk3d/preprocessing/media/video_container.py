"""Files that hold a moving picture and its sound: opened so that nothing else is opened by them.

FFmpeg takes names for addresses and some files for lists of addresses. Here a name is always that
of a file, and only containers are read that hold what they show.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.regular_files import check_regular
from smirk3d.preprocessing.media.tone_mapping import is_high_range

MAX_FRAME_PIXELS = 8192 * 4320
"""Largest frame that is read, 8K of cinema: with the frames that decoders keep, under 2 GiB."""

DEFAULT_RATE = Fraction(30)
"""Frames a second where nothing tells."""

BT709 = 1
"""FFmpeg's number of the matrix and primaries of high definition video."""

NOT_TOLD = 2
"""FFmpeg's number of primaries and transfers that are not told."""

OnDamage = Callable[[str], None]
"""Called with what is wrong."""

_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "mpegvideo", "m4v",
    "flv", "ogg", "asf", "mxf", "dv", "ivf", "obu", "av1", "h264", "hevc", "mjpeg", "nut",
    "yuv4mpegpipe", "gif", "apng",
)  # fmt: skip
"""FFmpeg's names of what is read. It knows more, among them lists that open other files."""

_FILLED_IN = "frames with missing parts"

_LISTS = {
    b"#EXTM3U": "an HLS playlist",
    b"ffconcat": "a list of files (ffconcat)",
    b"v=0": "a description of a network stream (SDP)",
    b"[playlist]": "a playlist",
}
"""How files begin that name other files, and what they are."""

_LARGE, _FEW_THREADS = 4096 * 2304, 4
"""Pixels from which every decoding thread costs tens of megabytes, and how many there may be."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says.

    Attributes:
        width, height: of the picture as it is stored, in pixels.
        rate: mean frames a second.
        num_frames: an estimate of how many frames there are; 0 where the header does not tell.
        seconds: when the last frame ends; 0 where the header does not tell.
        colours: FFmpeg's numbers of the primaries, the transfer and the matrix of the frames' YUV
            planes; 2 where not told.
    """

    width: int
    height: int
    rate: Fraction
    num_frames: int
    seconds: float
    colours: tuple[int, int, int]


class FrameSource(Protocol):
    """Something whose frames FFmpeg's types can hold.

    Attributes:
        info: what is known before a frame is read.
        files: what is read, in order.
    """

    info: VideoInfo
    files: tuple[Path, ...]

    def frames(self, on_damage: OnDamage) -> Iterator[Any]:
        """Yield PyAV's ``VideoFrame`` of each readable frame; tell of what is not."""
        ...

    def count(self) -> int:
        """Return the number of frames where ``info`` does not tell it."""
        ...


class VideoFile:
    """A video file with at least one stream of pictures that FFmpeg decodes.

    Attributes:
        info, files: as of :class:`FrameSource`.
    """

    def __init__(self, path: Path) -> None:
        """Open a video.

        Raises:
            InputError: if the file is absent, no video, its frames too large, or FFmpeg has no
                decoder for them.
        """
        self._path = path
        self.files: tuple[Path, ...] = (path,)
        with self._opened() as (container, stream):
            self.info = _info(stream, container)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        with open_container(self._path) as container:
            yield container, self._pictures(container)

    def _pictures(self, container: Any) -> Any:
        """Return the stream to decode, ready to be."""
        # a cover is a stream of one picture
        shown = [s for s in container.streams.video if not s.disposition & _COVER] or list(
            container.streams.video
        )
        if not shown:
            raise InputError(f"{self._path}: holds no video stream: give a file that shows a face")
        stream = first_decodable(shown)
        if stream is None:
            raise InputError(
                f"{self._path}: FFmpeg has no decoder for its pictures: convert it to H.264"
            )
        codec = stream.codec_context
        if codec.width * codec.height > MAX_FRAME_PIXELS:
            raise InputError(
                f"{self._path} has frames of {codec.width} x {codec.height} pixels, more than "
                f"{MAX_FRAME_PIXELS // 10**6} million: reduce it first"
            )
        codec.options = {"max_pixels": str(MAX_FRAME_PIXELS)}
        codec.thread_type = "AUTO"
        if codec.width * codec.height > _LARGE:
            codec.thread_count = _FEW_THREADS
        return stream

    def frames(self, on_damage: OnDamage, stamp: int | None = None) -> Generator[Any, None, None]:
        """Yield the frames that can be decoded, as PyAV's ``VideoFrame``.

        Args:
            on_damage: told of each that cannot be, or only in part; those after it are looked for.
            stamp: time in the stream's units; given, decoding begins at the last key frame up to
                it, as far as the file allows.
        """
        with self._opened() as (container, stream):
            if stamp is not None:
                with contextlib.suppress(Exception):  # then it begins at the start
                    container.seek(stamp, stream=stream)
            for packet in _packets(container, stream, on_damage):
                try:
                    frames = packet.decode()
                except EOFError:
                    return
                except Exception as error:  # FFmpeg's errors have no common base with PyAV's
                    # decoders find their way again at the next key frame
                    on_damage(reason(error))
                else:
                    for frame in frames:
                        if frame.is_corrupt:  # the decoder filled in what it could not read
                            on_damage(_FILLED_IN)
                        yield frame

    def count(self) -> int:
        """Return how many packets of pictures there are."""
        with self._opened() as (container, stream):
            return sum(packet.size > 0 for packet in _packets(container, stream, lambda why: None))


_COVER = 1 << 10
"""FFmpeg's AV_DISPOSITION_ATTACHED_PIC."""


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[Any]:
    """Give PyAV's container of a file, read by no other protocol and as no list of other files.

    Raises:
        InputError: if it is no regular file or none of the containers that are read.
    """
    check_regular(path, "video")
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(_CONTAINERS),
        "max_pixels": str(MAX_FRAME_PIXELS),  # for the frames decoded to learn what there is
    }
    try:
        named = _named_list(path)
        container = (
            None
            if named
            else av.open(f"file:{path.absolute()}", metadata_errors="ignore", options=options)
        )
    except Exception as error:  # FFmpeg's errors have no common base with PyAV's
        raise InputError(
            f"{path}: no readable video ({reason(error)}): give MP4, MOV, MKV, WebM, AVI or MPEG"
        ) from error
    if container is None:
        raise InputError(f"{path}: no video but {named}: give the video itself")
    with container:
        yield container


def first_decodable(streams: Iterable[Any]) -> Any | None:
    """Return the first of some PyAV streams that FFmpeg has a decoder for, or None."""
    return next((stream for stream in streams if stream.codec_context is not None), None)


def reason(error: BaseException) -> str:
    """Return why FFmpeg or PyAV failed, in a few words."""
    lines = str(getattr(error, "strerror", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


def _named_list(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<") and b"<MPD" in start:
        return "a DASH playlist"
    return next((what for mark, what in _LISTS.items() if start.startswith(mark)), None)


def _packets(container: Any, stream: Any, on_damage: OnDamage) -> Iterator[Any]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, EOFError):
            return
        except Exception as error:  # FFmpeg's errors have no common base with PyAV's
            on_damage(reason(error))
            return
        yield packet


def _info(stream: Any, container: Any) -> VideoInfo:
    rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
    if not 1 <= rate <= 1000:
        rate = DEFAULT_RATE
    length = Fraction(stream.duration or 0) * (stream.time_base or 0)
    if not length and container.duration:
        length = Fraction(container.duration, 1_000_000)
    count = stream.frames or round(length * rate)
    codec = stream.codec_context
    colours = (codec.color_primaries, codec.color_trc, codec.colorspace)
    if codec.format is not None and codec.format.is_rgb:
        colours = (codec.color_primaries, codec.color_trc, BT709)
    if is_high_range(codec.color_trc):
        colours = (BT709, BT709, BT709)  # what tone mapping leaves
    size, count = (codec.width, codec.height), max(int(count), 0)
    return VideoInfo(*size, Fraction(rate), count, max(float(length), 0.0), colours)
