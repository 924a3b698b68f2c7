"""The video with the heads drawn over it and its sound, as MP4."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.errors import OutputError
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.head_model import HeadModel
from smirk3d.preprocessing.video_reader import VideoReader
from smirk3d.rendering.mesh_renderer import MeshRenderer
from smirk3d.tracking.track_file import Track

Image = NDArray[np.uint8]

_SIDE = 256
_OPACITY = 0.85
_TIME_BASE = Fraction(1, 90_000)
_COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"}
"""Sound that MP4 holds as it is; other sound is encoded anew as AAC."""


class FaceOverlay:
    """Draws faces over frames, fast: a small grey rendering a face, laid over the picture."""

    def __init__(self, head: HeadModel) -> None:
        """Prepare the head's face region, or all of it where it has none."""
        self._head = copy.deepcopy(head).cpu()
        face = self._head.regions.get("face")
        self._renderer = MeshRenderer(self._head.faces, _SIDE, vertex_mask=face)

    @torch.no_grad()
    def draw(self, image: Image, parameters: FaceParameters, T_crop_image: NDArray[Any]) -> Image:
        """Return a copy of a frame ``[H, W, 3]`` with B faces drawn over it."""
        drawn = image.copy()
        if not len(T_crop_image):
            return drawn
        vertices = self._head(parameters).vertices
        rendered = self._renderer(vertices, parameters.camera)
        grey = rendered.image[:, 0].numpy()
        alpha = rendered.mask[:, 0].numpy() * _OPACITY
        for number in np.argsort(-T_crop_image[:, 0, 0]):
            _lay_over(drawn, grey[number], alpha[number], T_crop_image[number])
        return drawn


def _lay_over(
    image: Image, grey: NDArray[Any], alpha: NDArray[Any], T_crop_image: NDArray[Any]
) -> None:
    """Blend a rendering of the crop into the picture, in place."""
    to_image = np.linalg.inv(T_crop_image) @ np.diag([224 / _SIDE, 224 / _SIDE, 1.0])
    low = np.floor(to_image[:2, 2]).astype(int)
    high = np.ceil(to_image[:2] @ [_SIDE, _SIDE, 1]).astype(int)
    limits = [image.shape[1], image.shape[0]]
    (left, top), (right, bottom) = low.clip(0, limits).tolist(), high.clip(0, limits).tolist()
    if right <= left or bottom <= top:
        return
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
    matrix = np.linalg.inv(half) @ shift @ to_image @ half
    soft = cv2.GaussianBlur(np.dstack([grey * alpha, alpha]), (3, 3), 0)
    layer = cv2.warpAffine(soft, matrix[:2], (right - left, bottom - top))
    window = image[top:bottom, left:right]
    blended = window * (1 - layer[..., 1:]) + layer[..., :1] * 255
    window[:] = np.rint(blended).astype(np.uint8)


def write_overlay(
    path: Path,
    video: VideoReader,
    track: Track,
    head: HeadModel,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the video's tracked frames with the heads drawn over them, and the video's sound.

    Frames keep their times. Frames of another size are fitted into the first one's.

    Args:
        path: MP4 to write, whole or not at all.
        video: the video that was tracked.
        track: its faces.
        head: their head.
        on_progress: called with the number of frames done and of all.

    Raises:
        OutputError: if it cannot be written.
    """
    av = require("av", extra="video")
    with atomic_path(path) as temporary:
        try:
            with av.open(str(temporary), "w", format="mp4") as output:
                _encode(av, output, video, _drawn(video, track, head, on_progress))
        except av.FFmpegError as error:
            raise OutputError(f"{path} cannot be written ({error.strerror})") from error


def _drawn(
    video: VideoReader,
    track: Track,
    head: HeadModel,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[float, Image]]:
    overlay = FaceOverlay(head)
    people = [track.parameters(person) for person in range(len(track.ids))]
    crops = [track.rows["T_crop_image"][track.rows_of(p)] for p in range(len(track.ids))]
    row = track.valid.cumsum(1) - 1
    count = len(track.timestamps)
    for frame in video.frames():
        if frame.index >= count:
            break
        here = np.flatnonzero(track.valid[:, frame.index])
        image = frame.image
        if len(here):
            at = [int(row[person, frame.index]) for person in here]
            faces = [people[p][r : r + 1] for p, r in zip(here, at, strict=True)]
            transforms = np.stack([crops[p][r] for p, r in zip(here, at, strict=True)])
            image = overlay.draw(image, FaceParameters.cat(faces), transforms)
        yield frame.seconds, image
        if on_progress is not None:
            on_progress(frame.index + 1, count)


def _encode(
    av: Any, output: Any, video: VideoReader, frames: Iterator[tuple[float, Image]]
) -> None:
    stream = output.add_stream("libx264", rate=video.info.rate)
    stream.options = {"crf": "18", "preset": "veryfast"}
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _TIME_BASE
    sound = _Sound(av, output, video)
    try:
        for seconds, image in frames:
            if not stream.width or stream.codec_context.is_open is False:
                stream.width, stream.height = (n - n % 2 or 2 for n in image.shape[1::-1])
            fitted = _fitted(image, stream.width, stream.height)
            frame = av.VideoFrame.from_ndarray(fitted, format="rgb24")
            frame.pts, frame.time_base = round(seconds / _TIME_BASE), _TIME_BASE
            output.mux(stream.encode(frame))
            sound.write_until(seconds)
        output.mux(stream.encode())
        sound.finish(seconds)
    finally:
        sound.close()


def _fitted(image: Image, width: int, height: int) -> Image:
    """Return a picture cut by a pixel to even sides, or scaled into the middle of others."""
    if abs(image.shape[1] - width) <= 1 and abs(image.shape[0] - height) <= 1:
        return np.ascontiguousarray(image[:height, :width])
    zoom = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom)))
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(image, size)
    return canvas


class _Sound:
    """Copies the first sound stream of a video, in step with its frames."""

    def __init__(self, av: Any, output: Any, video: VideoReader) -> None:
        self._output = output
        self._source = av.open(str(video.path), metadata_errors="ignore")
        self._packets: Iterator[Any] = iter(())
        self._waiting: Any = None
        self._copied = True
        if not self._source.streams.audio:
            return
        stream = self._source.streams.audio[0]
        self._copied = stream.codec_context.name in _COPIED
        if self._copied:
            self._stream = output.add_stream_from_template(stream)
        else:
            self._stream = output.add_stream("aac", rate=stream.rate)
        first = self._source.streams.video[0].start_time
        start = first * self._source.streams.video[0].time_base if first else Fraction(0)
        self._shift = round(start / stream.time_base)
        self._packets = self._source.demux(stream)
        self._errors = av.FFmpegError

    def write_until(self, seconds: float) -> None:
        """Write the packets that play before a time."""
        while True:
            packet = self._waiting or self._next()
            if packet is None:
                return
            if packet.pts is not None and packet.pts * packet.time_base > seconds:
                self._waiting = packet
                return
            self._waiting = None
            self._write(packet)

    def _next(self) -> Any:
        try:
            for packet in self._packets:
                if packet.dts is not None:
                    packet.pts, packet.dts = packet.pts - self._shift, packet.dts - self._shift
                    if packet.pts >= 0:
                        return packet
        except self._errors:
            pass  # what can be read of a damaged file has been
        return None

    def _write(self, packet: Any) -> None:
        if self._copied:
            packet.stream = self._stream
            self._output.mux(packet)
            return
        for frame in packet.decode():
            self._output.mux(self._stream.encode(frame))

    def finish(self, seconds: float) -> None:
        """Write the sound of the last frame."""
        self.write_until(seconds + 0.1)
        if not self._copied:
            self._output.mux(self._stream.encode())

    def close(self) -> None:
        """Close the source."""
        self._source.close()
