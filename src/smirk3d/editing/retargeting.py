"""Videos of a photo's face with the motion of a tracked face."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.editing.photo_editor import PhotoEditor
from smirk3d.editing.provenance import NOTICE, SOURCE_TYPE
from smirk3d.errors import InputError
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.media.video_output import mp4_output
from smirk3d.tracking.track_file import Track

_LARGEST_SIDE = 1280
"""Pixels of a video's longer side: that of 720p."""
_TIME_BASE = Fraction(1, 90_000)
"""Seconds: the clock of MPEG-2 systems, which every player knows."""


def performance(track: Track, person: int) -> tuple[FaceParameters, NDArray[np.float64]]:
    """Return a person's parameters ``[F]`` in the frames that show it, and the times ``[F]``.

    Times are in seconds from the first of these frames.

    Raises:
        InputError: if there is no such person in the track.
    """
    if not 0 <= person < len(track.ids):
        raise InputError(f"the track has {len(track.ids)} people: give --person 0 or up")
    seconds = track.timestamps[track.frames(person)]
    return track.parameters(person), seconds - seconds[0]


def reduced(
    image: NDArray[np.uint8], T_crop_image: NDArray[np.floating]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return a picture of even sides that suits a video, and its ``T_crop_image``."""
    height, width = image.shape[:2]
    zoom = min(1.0, _LARGEST_SIDE / max(height, width))
    new = [max(2, 2 * round(side * zoom / 2)) for side in (width, height)]
    small = np.asarray(Image.fromarray(image).resize((new[0], new[1]), Image.Resampling.LANCZOS))
    back = np.diag([width / new[0], height / new[1], 1.0])
    return small, np.asarray(T_crop_image, np.float64) @ back


def write_retargeted(
    path: Path,
    editor: PhotoEditor,
    image: NDArray[np.uint8],
    T_crop_image: NDArray[np.floating],
    shown: FaceParameters,
    target: FaceParameters,
    seconds: NDArray[np.float64],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write an MP4 of the photo with the target face of each frame, marked as generated.

    Args:
        path: the file, written whole or not at all.
        editor: renders the frames.
        image: the upright photo uint8 ``[H, W, 3]``, as :func:`reduced` gives it.
        T_crop_image: ``[3, 3]``, photo pixels to the crop in whose frame the parameters are.
        shown: the face as the photo shows it, without batch dimension.
        target: T target faces, in the same frame of the crop.
        seconds: times ``[T]`` of the frames, increasing from 0.
        on_progress: called with the number of frames done and of all.

    Raises:
        OutputError: if it cannot be written.
    """
    with mp4_output(path) as output:
        output.metadata["comment"] = f"{NOTICE} {SOURCE_TYPE}"
        stream = output.add_stream("libx264", rate=_rate(seconds))
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "18", "preset": "fast"}
        stream.codec_context.time_base = _TIME_BASE
        for row, when in enumerate(seconds.tolist()):
            picture = editor(image, T_crop_image, shown, target[row])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(when / _TIME_BASE), _TIME_BASE
            output.mux(stream.encode(frame))
            if on_progress is not None:
                on_progress(row + 1, len(seconds))
        output.mux(stream.encode())


def _rate(seconds: NDArray[np.float64]) -> Fraction:
    """Return about how many frames a second there are."""
    if len(seconds) < 2:
        return Fraction(25)
    return Fraction(1 / float(np.median(np.diff(seconds)))).limit_denominator(1001)
