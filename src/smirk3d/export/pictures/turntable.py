"""A head in clay from all around, as MP4 or GIF."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.assets.atomic import atomic_path
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.clay import View, clay, facing_viewer
from smirk3d.rendering.folds import face_slopes
from smirk3d.rendering.layers import FAST

_SIDE = 480
"""Pixels a side, which pages and slides show without scaling."""
_FRAMES = 72
"""Frames of a rotation: five degrees each."""
_SECONDS = 3
"""Duration of a rotation: 24 frames a second with :data:`_FRAMES`, the film's rate."""
_GIF_COLOURS = 64
"""A grey head needs no more, and each doubling makes the file larger."""


def write_turntable(path: str | Path, head: HeadModel, parameters: FaceParameters) -> None:
    """Write one full rotation of the head: a GIF where the path ends so, else an MP4.

    Args:
        path: the file.
        head: the head.
        parameters: one face, without batch dimension; its head pose does not count.

    Raises:
        OutputError: if the file cannot be written.
    """
    path = Path(path)
    posed = head(parameters[None].to(head.v_template)).vertices[0]
    vertices = facing_viewer(head, posed)
    views = [
        View(yaw=2 * math.pi * number / _FRAMES, height=_SIDE, width=_SIDE)
        for number in range(_FRAMES)
    ]
    slopes = face_slopes(head, parameters)
    frames = [clay(head, vertices, view, FAST, slopes=slopes) for view in views]
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".gif":
            _write_gif(temporary, frames)
        else:
            write_mp4(temporary, frames, Fraction(_FRAMES, _SECONDS))


def _write_gif(path: Path, frames: list[NDArray[np.uint8]]) -> None:
    # one palette for all frames, of the first, so that colours do not flicker
    palette = Image.fromarray(frames[0]).quantize(_GIF_COLOURS)
    pictures = [Image.fromarray(frame).quantize(palette=palette) for frame in frames]
    pictures[0].save(
        path, "GIF", save_all=True, append_images=pictures[1:], loop=0,
        duration=1000 * _SECONDS / _FRAMES,
    )  # fmt: skip


def write_mp4(path: Path, frames: list[NDArray[np.uint8]], rate: Fraction) -> None:
    """Write pictures uint8 ``[H, W, 3]`` of even sides as an MP4 that browsers play."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as output:
        stream = output.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18", "preset": "fast"}
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())
