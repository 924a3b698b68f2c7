"""``smirk3d play`` and ``smirk3d cameras``, from files and made cameras to datagrams and lines."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import numpy as np
import pytest

from smirk3d.cli.main import main
from smirk3d.heads.registry import load_head
from smirk3d.tracking.track_file import MOVING, Track


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person of the open head that opens its jaw, in all frames but one."""
    head = load_head("open")
    rows = {name: getattr(head.neutral(4), name).numpy().copy() for name in MOVING}
    rows["jaw"][:, 0] = [0.1, 0.2, 0.3, 0.4]
    for name in ("score", "quality"):
        rows[name] = np.ones(4, np.float32)
    rows["box"] = np.zeros((4, 4), np.float32)
    rows["T_crop_image"] = np.tile(np.eye(3), (4, 1, 1))
    meta = {"image_size": [64, 48], "head": "open", "head_fingerprint": head.fingerprint}
    valid = np.array([[True, True, False, True, True]])
    shape = head.neutral().shape.numpy()
    track = Track(meta, np.arange(5) / 50, np.array([0]), valid, shape, rows)
    path = tmp_path_factory.mktemp("track") / "of-another-name.npz"
    track.save(path)
    return path


def test_a_track_is_sent_in_real_time(tracked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        where = f"127.0.0.1:{receiver.getsockname()[1]}"
        assert main(["play", str(tracked), "--livelink", where, "--subject", "Me"]) == 0
        said = capsys.readouterr().out
        count = int(said.split(": ")[1].split()[0])  # a slow machine leaves frames out
        packets = [receiver.recv(65536) for _ in range(count)]
    assert said.endswith(" frames sent\n")
    jaws = {round(struct.unpack(">61f", packet[-244:])[17], 4) for packet in packets}
    assert 0.4 in jaws
    assert jaws <= {0.1, 0.2, 0.3, 0.4}, "the face is held where it is not seen"


def jaws_sent(tracked: Path, *arguments: str) -> set[float]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.2)
        where = f"127.0.0.1:{receiver.getsockname()[1]}"
        assert main(["play", str(tracked), "--livelink", where, *arguments]) == 0
        found = set()
        try:
            while True:
                packet = receiver.recv(65536)
                found.add(round(struct.unpack(">61f", packet[-244:])[17], 4))
        except TimeoutError:
            return found


def test_a_file_calibrates_by_its_first_seconds(
    tracked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path))
    # the median of 0.1, 0.2, 0.2 (held), 0.3, 0.4 is rest, and 1 stays 1
    wanted = {round(max(jaw - 0.2, 0) / 0.8, 4) for jaw in (0.1, 0.2, 0.3, 0.4)}
    assert jaws_sent(tracked, "--calibrate", "--calibration", "Anna") <= wanted
    again = jaws_sent(tracked, "--calibration", "Anna")
    assert 0.25 in again
    assert again <= wanted


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        ([], "nowhere to send", 2),
        (["--vmc", "localhost:none"], "--vmc must be HOST:PORT", 2),
        (["--livelink", "localhost", "--person", "1"], "has 1 people", 3),
        (["--livelink", "no.such.host.invalid"], "no such receiver", 3),
    ],
)
def test_what_cannot_be_sent_is_said(
    tracked: Path, arguments: list[str], reason: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["play", str(tracked), *arguments]) == code
    assert reason in capsys.readouterr().err


class Capture:
    """Camera 1 gives pictures, no other does."""

    def __init__(self, number: int) -> None:
        self.number = number

    def read(self) -> tuple[bool, np.ndarray | None]:
        return (True, np.zeros((48, 64, 3), np.uint8)) if self.number == 1 else (False, None)

    def release(self) -> None:
        pass


def test_cameras_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("smirk3d.live.camera.cv2.VideoCapture", Capture)
    assert main(["cameras", "--up-to", "3"]) == 0
    assert capsys.readouterr().out == "1: 64 x 48\n"
    assert main(["cameras", "--up-to", "1"]) == 3
    assert "no camera gives a picture" in capsys.readouterr().err
