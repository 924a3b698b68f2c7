"""The video with the heads drawn over it and its sound, as MP4."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SIZE
from smirk3d.geometry.cameras import project
from smirk3d.geometry.meshes import compact, faces_within, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.media.drawing_ahead import drawn_ahead
from smirk3d.preprocessing.media.video_output import mp4_output
from smirk3d.preprocessing.media.video_reader import VideoPlanes, VideoReader
from smirk3d.rasterization.base import rasterize
from smirk3d.rendering.shading import shade
from smirk3d.tracking.overlay.sound import Sound
from smirk3d.tracking.track_file import Track

_SIDE = 256
"""Side of a drawn head in pixels before it is scaled to the frame; a choice against time."""
_OPACITY = 0.85
"""Of the head over the video; set by eye, so that the face can be compared."""
_BLACK, _WHITE, _GREY = 16, 235, 128
"""Levels of black, white and of no colour in limited range (ITU-R BT.601 and BT.709)."""
_TOGETHER = 32
"""Frames whose meshes are computed at once."""
_AHEAD = 4
"""Frames that are drawn while others are encoded."""
_X264 = {
    "crf": "19",
    "preset": "ultrafast",
    "x264-params": "cabac=1:aq-mode=1:no-deblock=0:mbtree=1:rc-lookahead=10",
}
"""x264's fastest preset with what it leaves out that keeps files small and surfaces even. On a 720p
clip with a camera's noise that takes 6.8 ms of processor time a frame, ``superfast`` at 18 with the
same lookahead 13; the file is 25 % smaller, its PSNR 40.5 instead of 40.9 dB; measured."""
_TIME_BASE = Fraction(1, 90_000)


class FaceOverlay:
    """Draws faces over frames, fast: a small grey rendering a face, laid over the picture."""

    def __init__(self, head: HeadModel) -> None:
        """Prepare the head's face region, or all of it where it has none."""
        head = head.to_numpy()
        drawn = head.faces
        if "face" in head.regions:
            drawn = drawn[faces_within(drawn, head.regions["face"])]
        vertex_ids, self._faces = compact(drawn)
        self._head = head.at_vertices(vertex_ids)

    def meshes(self, parameters: FaceParameters) -> Iterator[NDArray[np.float32]]:
        """Yield the vertices ``[V, 3]`` of each of T frames; some are computed at a time."""
        for start in range(0, len(parameters), _TOGETHER):
            part = parameters[start : start + _TOGETHER].to(self._head.v_template)
            yield from self._head(part).vertices

    def draw(
        self,
        frame: VideoPlanes,
        vertices: NDArray[np.float32],
        camera: NDArray[np.float32],
        T_crop_image: NDArray[Any],
    ) -> None:
        """Draw B faces over a frame, in place, the smallest first.

        Args:
            frame: the picture.
            vertices: ``[B, V, 3]`` of :meth:`meshes`.
            camera: ``[B, 3]``.
            T_crop_image: ``[B, 3, 3]``, picture pixels to crop pixels.
        """
        fragments = rasterize(project(vertices, camera), self._faces, _SIDE, _SIDE)
        normals = vertex_normals(vertices, self._faces)
        # light at the vertices, not at the pixels: what is laid over a video is small
        light = shade(normals.reshape(-1, 3).T).reshape(*normals.shape[:2], 1)
        grey = fragments.interpolate(light)[:, 0]
        alpha = fragments.mask * np.float32(_OPACITY)
        for number in np.argsort(-T_crop_image[:, 0, 0]):
            _lay_over(frame, grey[number], alpha[number], T_crop_image[number])


def _lay_over(
    frame: VideoPlanes, grey: NDArray[Any], alpha: NDArray[Any], T_crop_image: NDArray[Any]
) -> None:
    """Blend a rendering of the crop into the picture, in place."""
    to_image = np.linalg.inv(T_crop_image) @ np.diag([CROP_SIZE / _SIDE, CROP_SIZE / _SIDE, 1.0])
    low = np.floor(to_image[:2, 2] / 2).astype(int) * 2
    high = np.ceil(to_image[:2] @ [_SIDE, _SIDE, 1] / 2).astype(int) * 2
    limits = [frame.y.shape[1], frame.y.shape[0]]
    (left, top), (right, bottom) = low.clip(0, limits).tolist(), high.clip(0, limits).tolist()
    if right <= left or bottom <= top:
        return
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
    matrix = np.linalg.inv(half) @ shift @ to_image @ half
    light = (_BLACK + (_WHITE - _BLACK) * grey) * alpha
    soft = cv2.GaussianBlur(np.dstack([light, alpha]), (3, 3), 0)
    layer = cv2.warpAffine(soft, matrix[:2], (right - left, bottom - top))
    _blend(frame.y[top:bottom, left:right], layer[..., 0], layer[..., 1])
    part = np.s_[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
    fraction = cv2.resize(layer[..., 1], frame.u[part].shape[::-1], interpolation=cv2.INTER_AREA)
    for plane in (frame.u, frame.v):
        _blend(plane[part], _GREY * fraction, fraction)


def _blend(window: NDArray[np.uint8], over: NDArray[Any], alpha: NDArray[Any]) -> None:
    """Lay values already multiplied by alpha ``[H, W]`` over a part of a plane, in place."""
    window[:] = window * (1 - alpha) + over + 0.5


def write_overlay(
    path: Path,
    video: VideoReader,
    track: Track,
    head: HeadModel,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[str, ...]:
    """Write the video's tracked frames with the heads drawn over them, and the video's sound.

    Frames keep their times. Frames of another size are fitted into the first one's. Sound that
    cannot be read or written is left out.

    Args:
        path: MP4 to write, whole or not at all.
        video: the video that was tracked.
        track: its faces.
        head: their head.
        on_progress: called with the number of frames done and of all.

    Returns:
        Notes for the user on the written file, a line each, such as why it has no sound.

    Raises:
        OutputError: if it cannot be written.
    """
    with mp4_output(path) as output:
        drawn = drawn_ahead(_drawn(video, track, head), _AHEAD)
        missing = _encode(output, video, _counted(drawn, len(track.timestamps), on_progress))
    return () if missing is None else (missing,)


def _counted(
    frames: Iterator[VideoPlanes], count: int, on_progress: Callable[[int, int], None] | None
) -> Iterator[VideoPlanes]:
    for frame in frames:
        yield frame
        if on_progress is not None:
            on_progress(frame.index + 1, count)


def _drawn(video: VideoReader, track: Track, head: HeadModel) -> Iterator[VideoPlanes]:
    overlay = FaceOverlay(head)
    people = [track.parameters(person).to_numpy() for person in range(len(track.ids))]
    meshes = [overlay.meshes(parameters) for parameters in people]
    crops = [track.rows["T_crop_image"][track.rows_of(p)] for p in range(len(track.ids))]
    row = track.valid.cumsum(1) - 1
    count = len(track.timestamps)
    for frame in video.planes():
        if frame.index >= count:
            break
        here = np.flatnonzero(track.valid[:, frame.index]).tolist()
        if here:
            overlay.draw(
                frame,
                np.stack([next(meshes[person]) for person in here]),
                np.stack([people[person].camera[row[person, frame.index]] for person in here]),
                np.stack([crops[person][row[person, frame.index]] for person in here]),
            )
        yield frame


def _encode(output: Any, video: VideoReader, frames: Iterator[VideoPlanes]) -> str | None:
    """Fill a container; return why sound is missing, or None."""
    stream = output.add_stream("libx264", rate=video.info.rate)
    stream.options = _X264
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.time_base = _TIME_BASE
    codec.color_primaries, codec.color_trc, codec.colorspace = video.info.colours
    with contextlib.closing(Sound(output, video)) as sound:
        for planes in frames:
            if not stream.width or codec.is_open is False:
                stream.width, stream.height = (n - n % 2 or 2 for n in planes.y.shape[::-1])
            fitted = _fitted(planes, stream.width, stream.height)
            frame = av.VideoFrame.from_ndarray(fitted, format="yuv420p")
            frame.pts, frame.time_base = round(planes.seconds / _TIME_BASE), _TIME_BASE
            output.mux(stream.encode(frame))
            sound.write_until(planes.seconds)
        output.mux(stream.encode())
        sound.finish(planes.seconds)
        return sound.missing


def _fitted(frame: VideoPlanes, width: int, height: int) -> NDArray[np.uint8]:
    """Return the planes one after the other ``[H * 3 / 2, W]``, as PyAV takes them.

    A picture of odd sides is cut by a pixel; one of another size is scaled into the middle.
    """
    stacked = np.empty((height * 3 // 2, width), np.uint8)
    flat, begin = stacked.reshape(-1), 0
    planes = ((frame.y, height, width, _BLACK), (frame.u, height // 2, width // 2, _GREY),
              (frame.v, height // 2, width // 2, _GREY))  # fmt: skip
    for plane, rows, columns, empty in planes:
        canvas = flat[begin : begin + rows * columns].reshape(rows, columns)
        begin += rows * columns
        if plane.shape[0] - rows in (0, 1) and plane.shape[1] - columns in (0, 1):
            canvas[:] = plane[:rows, :columns]
            continue
        canvas[:] = empty
        zoom = min(columns / plane.shape[1], rows / plane.shape[0])
        size = (max(1, round(plane.shape[1] * zoom)), max(1, round(plane.shape[0] * zoom)))
        left, top = (columns - size[0]) // 2, (rows - size[1]) // 2
        canvas[top : top + size[1], left : left + size[0]] = cv2.resize(plane, size)
    return stacked
