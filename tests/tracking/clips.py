"""Clips made for tests: photos of faces moved over moving backgrounds, and files of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

Picture = np.ndarray


def background(height: int, width: int, time: float, seed: int = 0) -> Picture:
    """Bluish blobs that drift."""
    rng = np.random.default_rng(seed)
    small = rng.uniform((30, 50, 130), (140, 160, 240), (9, 17, 3))
    big = cv2.resize(small.astype(np.float32), (width + 200, height), interpolation=cv2.INTER_CUBIC)
    start = int(100 + 80 * np.sin(time))
    return np.clip(big[:, start : start + width], 0, 255).astype(np.uint8)


def paste(
    frame: Picture, photo: Picture, x: float, y: float, scale: float, turn: float = 0.0
) -> None:
    """Draw a photo's oval middle with its centre at x, y; in place."""
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += [x - width / 2, y - height / 2]
    size = (frame.shape[1], frame.shape[0])
    oval = np.zeros((height, width), np.float32)
    axes = (int(0.48 * width), int(0.49 * height))
    cv2.ellipse(oval, (width // 2, height // 2), axes, 0, 0, 360, 1.0, -1)
    oval = cv2.GaussianBlur(oval, (0, 0), 4)
    alpha = cv2.warpAffine(oval, matrix, size)[..., None]
    drawn = cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_LINEAR)
    frame[:] = np.rint(frame * (1 - alpha) + drawn * alpha).astype(np.uint8)


def write_video(
    path: Path,
    frames: Iterable[Picture],
    *,
    rate: int = 30,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Callable[[int], int] | None = None,
    sound: bool = False,
    turn: int = 0,
) -> Path:
    """Write frames; ``times`` gives each frame's time in milliseconds instead of the rate."""
    base = Fraction(1, 1000) if times else Fraction(1, rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        if codec == "libx264":
            stream.options = {"crf": "16", "preset": "ultrafast"}
        stream.codec_context.time_base = base
        stream.pix_fmt = pixels
        audio = container.add_stream("aac", rate=16000) if sound else None
        started = False
        for number, picture in enumerate(frames):
            if not started:
                stream.width, stream.height = picture.shape[1], picture.shape[0]
                if turn:
                    stream.set_display_rotation(turn)
                started = True
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = (times(number) if times else number), base
            container.mux(stream.encode(frame))
            if audio is not None and number % rate == 0:
                container.mux(audio.encode(_tone(number // rate)))
        container.mux(stream.encode())
        if audio is not None:
            container.mux(audio.encode())
    return path


def _tone(second: int) -> av.AudioFrame:
    phase = np.arange(16000) / 16000 * 2 * np.pi * 440
    frame = av.AudioFrame.from_ndarray(
        (0.2 * np.sin(phase)).astype(np.float32)[None], format="fltp", layout="mono"
    )
    frame.sample_rate, frame.pts, frame.time_base = 16000, second * 16000, Fraction(1, 16000)
    return frame
