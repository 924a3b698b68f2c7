"""A camera faster than the work on its frames: old ones are dropped, never queued."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from smirk3d.errors import InputError
from smirk3d.live.camera import LiveCamera


class FakeCamera:
    """Gives a frame whenever the test allows one; its number is its colour (BGR)."""

    def __init__(self) -> None:
        self.allowed = threading.Semaphore(0)
        self.given = 0
        self.open = True

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.given:
            self.allowed.acquire()
        if not self.open:
            return False, None
        self.given += 1
        return True, np.full((4, 4, 3), (self.given, 0, 200), np.uint8)

    def release(self) -> None:
        self.open = False


def _until(condition) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    assert condition()


def test_only_the_newest_frame_is_handed_out() -> None:
    fake = FakeCamera()
    camera = LiveCamera(fake)
    frames = camera.frames()
    first = next(frames)
    assert first.image[0, 0].tolist() == [200, 0, 1], "RGB"
    for number in range(2, 8):
        fake.allowed.release()
        _until(lambda wanted=number: fake.given == wanted)
    _until(lambda: camera.dropped == 5)
    newest = next(frames)
    assert newest.image[0, 0, 2] == 7
    assert newest.index == 1
    assert newest.seconds > first.seconds
    fake.open = False
    fake.allowed.release()
    assert next(frames, None) is None
    camera.close()


def test_a_camera_without_pictures_is_refused() -> None:
    fake = FakeCamera()
    fake.open = False
    with pytest.raises(InputError, match="gives no picture"):
        LiveCamera(fake)
