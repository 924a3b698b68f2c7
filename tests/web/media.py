"""Photos, clips and a camera's pictures for the page, made of a photo that anybody may use."""

from __future__ import annotations

import io
import math
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT, RATE = 480, 360, 15


def frame(second: float, *, people: int) -> NDArray[np.uint8]:
    """One picture ``[360, 480, 3]`` of the astronaut, or of two, swaying and nodding."""
    data = pytest.importorskip("skimage.data")
    photo = data.astronaut()[:300, 80:380]
    background = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for person in range(people):
        angle = 8 * math.sin(2 * math.pi * (0.5 * second + 0.3 * person))
        size = 0.95 if people == 1 else 0.75
        centre_x = WIDTH * (person + 0.5) / people + 12 * math.sin(2 * math.pi * 0.4 * second)
        turn = cv2.getRotationMatrix2D((150, 150), angle, size)
        turn[:, 2] += [centre_x - 150, HEIGHT / 2 - 150]
        shown = photo if person == 0 else photo[:, ::-1]
        layer = cv2.warpAffine(np.ascontiguousarray(shown), turn, (WIDTH, HEIGHT))
        mask = cv2.warpAffine(np.ones((300, 300), np.uint8), turn, (WIDTH, HEIGHT))
        background[mask > 0] = layer[mask > 0]
    return background


def write_clip(path: Path, seconds: float, *, people: int) -> Path:
    """A WebM file."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libvpx", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 2_000_000
        stream.options = {"deadline": "realtime", "cpu-used": "8"}
        for number in range(round(seconds * RATE)):
            picture = av.VideoFrame.from_ndarray(frame(number / RATE, people=people), "rgb24")
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    return path


def write_camera(path: Path, seconds: float) -> Path:
    """A MJPEG file as Chromium's made camera shows it, over and over."""
    with path.open("wb") as file:
        for number in range(round(seconds * RATE)):
            picture = io.BytesIO()
            Image.fromarray(frame(number / RATE, people=1)).save(picture, "JPEG", quality=90)
            file.write(picture.getvalue())
    return path
