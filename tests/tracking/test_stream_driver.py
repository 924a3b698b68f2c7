"""A live stream goes on while nobody is seen, and one person keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import OutputError
from smirk3d.heads.tiny import tiny_head
from smirk3d.live.calibration import Calibration
from smirk3d.live.datagrams import FaceValues
from smirk3d.live.stream_driver import StreamDriver
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.tracking.tracker import TrackedFace

HEAD = tiny_head()
RATE = 10
JAW = ARKIT_NAMES.index("jawOpen")
YAW = len(ARKIT_NAMES)


class Receiver:
    """Keeps what is sent, and can be away."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.jaws: list[float] = []
        self.values: list[FaceValues] = []
        self.away = False

    def datagrams(self, values: FaceValues, seconds: float) -> list[bytes]:
        if not self.away:
            self.times.append(seconds)
            self.values.append(values)
            self.jaws.append(float(values[JAW]))
        return [b"packet"]

    def post(self, datagrams: Iterable[bytes]) -> None:
        assert list(datagrams) == [b"packet"]
        if self.away:
            raise OutputError("10.0.0.1:39539 cannot be reached")


class Stage:
    """A camera's frames: who stands before it, frame by frame."""

    def __init__(self) -> None:
        self.receiver = Receiver()
        self.lines: list[str] = []
        self.driver = StreamDriver(HEAD, [self.receiver], self.lines.append)
        self.frame = 0

    def show(self, *faces: TrackedFace, frames: int = 1, **renamed: int) -> list[float]:
        """Return the jaws that are sent meanwhile."""
        first = len(self.receiver.jaws)
        final = {int(old.removeprefix("n")): new for old, new in renamed.items()}
        for _ in range(frames):
            self.driver.step(faces, self.frame / RATE, final)
            self.frame += 1
        return self.receiver.jaws[first:]


def person(number: int, jaw: float, size: float = 100) -> TrackedFace:
    parameters = HEAD.neutral()[0]
    parameters.jaw[0] = jaw
    parameters.head_pose[1] = jaw
    return TrackedFace(
        id=number,
        parameters=parameters,
        T_crop_image=np.eye(3),
        head=HEAD,
        detection=DetectedFace(
            box=np.array([0, 0, size, size], np.float32),
            score=1.0,
            landmarks=np.empty((0, 3), np.float32),
        ),
        points=np.zeros((0, 2)),
        quality=1.0,
    )


def rising(values: Sequence[float]) -> bool:
    return bool((np.diff(values) > 0).all())


def test_every_frame_is_sent_and_the_face_is_held_then_rests_and_comes_back() -> None:
    stage = Stage()
    assert stage.show(frames=3) == [0] * 3  # before anybody came
    assert stage.show(person(0, 0.8), frames=5) == pytest.approx([0.8] * 5)
    lost = stage.show(frames=20)
    assert lost[:10] == pytest.approx([0.8] * 10)
    assert rising([-jaw for jaw in lost[9:15]])
    assert lost[15:] == pytest.approx([0] * 5, abs=1e-6)
    back = stage.show(person(0, 0.8), frames=8)
    assert rising(back[:5])
    assert back[-1] == pytest.approx(0.8)
    assert stage.receiver.times == [n / RATE for n in range(stage.frame)]
    np.testing.assert_allclose(stage.receiver.values[3 + 5 + 19], 0, atol=1e-6)


def test_a_face_that_is_hidden_for_a_moment_is_held() -> None:
    stage = Stage()
    stage.show(person(0, 0.8), frames=3)
    assert stage.show(frames=8) == pytest.approx([0.8] * 8)
    assert stage.show(person(0, 0.5)) == pytest.approx([0.5])


def test_a_passer_by_cannot_take_over() -> None:
    stage = Stage()
    passer, near = person(0, 0.1, size=60), person(4, 0.9, size=200)
    assert stage.show(passer, near, frames=3) == pytest.approx([0.9] * 3)
    # lower number, nearer to the camera, alone in the picture: no reason
    close = person(1, 0.1, size=400)
    assert stage.show(close, near, frames=3) == pytest.approx([0.9] * 3)
    assert stage.show(close, frames=10) == pytest.approx([0.9] * 10)
    assert stage.show(close, near)[-1] == pytest.approx(0.9)


def test_the_stream_passes_on_when_its_person_was_gone_for_a_while() -> None:
    stage = Stage()
    stage.show(person(0, 0.9), frames=3)
    other = person(1, 0.4)
    waiting = stage.show(other, frames=30)
    assert waiting[-1] == pytest.approx(0, abs=1e-6)
    taken = stage.show(other, frames=8)
    assert rising(taken[:5])
    assert taken[-1] == pytest.approx(0.4)
    # who was first is a passer-by now
    assert stage.show(person(0, 0.9), other)[-1] == pytest.approx(0.4)


def test_a_person_who_gets_an_old_number_back_drives_on() -> None:
    stage = Stage()
    stage.show(person(5, 0.6), frames=3)
    assert stage.show(person(2, 0.7), n5=2) == pytest.approx([0.7])


def test_a_receiver_that_is_away_is_said_once_and_ends_nothing() -> None:
    stage = Stage()
    stage.receiver.away = True
    stage.show(person(0, 0.5), frames=5)
    assert stage.lines == ["10.0.0.1:39539 cannot be reached"]
    stage.receiver.away = False
    assert stage.show(person(0, 0.5)) == pytest.approx([0.5])
    stage.receiver.away = True
    stage.show(person(0, 0.5))
    assert len(stage.lines) == 2


def test_who_drives_is_told() -> None:
    stage = Stage()
    near, far = person(4, 0.9, size=200), person(2, 0.1)
    assert stage.driver.step([near, far], 0.0, {}) == 4
    assert stage.driver.step([far], 0.1, {}) is None


def test_the_first_seconds_calibrate_the_rest() -> None:
    made: list[Calibration] = []
    receiver = Receiver()
    driver = StreamDriver(HEAD, [receiver], print, on_calibrated=made.append)
    for frame in range(31):
        assert driver.is_calibrating
        driver.step([person(0, 0.2)], frame / RATE, {})
    assert not driver.is_calibrating
    assert len(made) == 1
    np.testing.assert_allclose(receiver.values, 0, atol=1e-6)
    driver.step([person(0, 1.0)], 3.1, {})
    assert receiver.jaws[-1] == pytest.approx(1.0)
    assert receiver.values[-1][YAW] == pytest.approx(-(1.0 - 0.2), abs=1e-5)


def test_a_head_that_turns_is_calibrated_once_it_is_still() -> None:
    made: list[Calibration] = []
    lines: list[str] = []
    driver = StreamDriver(HEAD, [Receiver()], lines.append, on_calibrated=made.append)
    for frame in range(64):
        driver.step([person(0, 0.3 * (frame % 2) if frame < 31 else 0.2)], frame / RATE, {})
    assert lines == ["the head turned while calibrating: look straight and hold still"]
    assert made[0].rest[JAW] == pytest.approx(0.2)
