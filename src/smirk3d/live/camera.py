"""Frames of a camera with bounded delay: the newest one, never a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import cv2
import numpy as np

from smirk3d.closing import Closing
from smirk3d.errors import InputError
from smirk3d.preprocessing.media.video_reader import VideoFrame
from smirk3d.preprocessing.native_log import quiet_stderr

_PATIENCE = 5.0
"""Seconds to wait for a camera's last frame."""


class Capture(Protocol):
    """The part of OpenCV's ``VideoCapture`` that is used here."""

    def read(self) -> tuple[bool, Any]:
        """Wait for the next frame, uint8 BGR ``[H, W, 3]``."""
        ...

    def release(self) -> None:
        """Close the camera."""
        ...


class LiveCamera(Closing):
    """Reads a camera in its own thread and hands out its newest frame.

    Frames that come while one is worked on are dropped, so the newest one is never older than
    the camera's own delay.

    Attributes:
        dropped: the number of frames that were left out so far.
    """

    def __init__(self, camera: int | Capture) -> None:
        """Open a camera.

        Args:
            camera: its number, or a capture that is open.

        Raises:
            InputError: if it gives no frame.
        """
        self.dropped = 0
        self._name = f"camera {camera}" if isinstance(camera, int) else "camera"
        self._capture: Any = camera
        if isinstance(camera, int):
            with quiet_stderr():
                self._capture = cv2.VideoCapture(camera)
        good, first = self._capture.read()
        if not good:
            self._capture.release()
            raise InputError(f"{self._name} gives no picture: is it plugged in, or used elsewhere?")
        self._newest: tuple[float, Any] | None = (time.monotonic(), first)
        self._start = self._newest[0]
        self._fresh = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended:
            good, picture = self._capture.read()
            with self._fresh:
                if not good:
                    self._ended = True
                else:
                    self.dropped += self._newest is not None
                    self._newest = (time.monotonic(), picture)
                self._fresh.notify()

    def frames(self, stop: threading.Event | None = None) -> Iterator[VideoFrame]:
        """Yield the newest frame whenever asked, waiting where there is none.

        Args:
            stop: ends the frames when set, also while a camera that hangs gives none.
        """
        number, last = 0, -1.0
        while True:
            with self._fresh:
                while self._newest is None and not self._ended and not _is_set(stop):
                    self._fresh.wait(0.5)
                if self._newest is None or _is_set(stop):
                    return
                moment, picture = self._newest
                self._newest = None
            seconds = max(moment - self._start, last + 1e-4)
            last = seconds
            yield VideoFrame(number, seconds, np.ascontiguousarray(picture[..., ::-1]))
            number += 1

    def close(self) -> None:
        """Stop reading and close the camera."""
        self._ended = True
        self._thread.join(_PATIENCE)
        if not self._thread.is_alive():  # else it hangs in the driver, which must not lose it
            self._capture.release()


def camera_sizes(numbers: Iterable[int]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the number of each camera that gives a picture, with the picture's width and height."""
    for number in numbers:
        with quiet_stderr():
            capture = cv2.VideoCapture(number)
            good, picture = capture.read()
            capture.release()
        if good:
            yield number, (picture.shape[1], picture.shape[0])


def _is_set(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()
