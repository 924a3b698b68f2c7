"""The command on videos, good and bad, on a camera, and on one that is none."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from skimage import data
from tests.tracking.clips import background, paste, write_video

from smirk3d.cli.main import main
from smirk3d.live.preview import Sight
from smirk3d.tracking.track_file import read_track
from smirk3d.tracking.tracker import FaceTracker


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of the portrait, moved."""

    def frame(number: int) -> np.ndarray:
        picture = background(200, 260, number / 30)
        paste(picture, data.astronaut()[20:240, 110:340], 125 + 2 * number, 100, 0.8)
        return picture

    path = tmp_path_factory.mktemp("clips") / "it's a clip.mp4"
    return write_video(path, map(frame, range(6)))


def test_good_videos_are_done_and_bad_ones_named(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    out = tmp_path / "out"
    arguments = ["--out", str(out), "--weights", "none", "--format", "mp4,glb,arkit-csv"]
    arguments += ["--csv-fps", "30"]
    assert main(["track", str(bad), str(clip), *arguments]) == 3
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if line.startswith("smirk3d: ")]
    assert str(bad) in line
    assert "1 face in 6 frames, 0 without" in said.out
    assert [path.name for path in out.iterdir()] == [clip.stem]
    assert {path.name for path in (out / clip.stem).iterdir()} == {
        "face-0.csv", "face-0.glb", "overlay.mp4", "result.json", "track.npz",
    }  # fmt: skip
    rows = (out / clip.stem / "face-0.csv").read_text().splitlines()
    assert rows[2].startswith("00:00:00:01.000,")
    content = json.loads((out / clip.stem / "result.json").read_text())
    assert content["faces"][0]["arkit"]["mouthSmileLeft"] > 0.2
    assert read_track(out / clip.stem).meta["smoothing"] == "best"


def test_frames_that_damage_spoils_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_video(
        tmp_path / "clip.avi", (background(200, 260, n / 30) for n in range(20)), codec="mpeg4"
    )
    content = bytearray(clip.read_bytes())
    middle = slice(len(content) // 2, len(content) * 3 // 4, 40)
    content[middle] = b"\x55" * len(content[middle])
    clip.write_bytes(content)
    out = tmp_path / "out"
    assert main(["track", str(clip), "--out", str(out), "--weights", "none", "--format", ""]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert str(clip) in line
    assert "of 20 frames could not be read whole" in line
    record = json.loads((out / "clip" / "result.json").read_text())
    assert "of 20 frames" in record["video"]["damage"]


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        ([], "give videos or a camera", 2),
        (["a.mp4", "--camera", "0"], "give videos or a camera", 2),
        (["--camera", "0", "--smooth", "best"], "needs the whole clip", 2),
        (["a.mp4", "--vmc", "localhost:39539"], "use --camera, or `smirk3d play`", 2),
        (["--camera", "0", "--vmc", "localhost:"], "must be HOST:PORT", 2),
        (["--camera", "0", "--livelink", "localhost:x"], "must be HOST:PORT", 2),
        (["a.mp4", "--preview"], "--preview, --calibrate and --calibration need --camera", 2),
        (["a.mp4", "--calibration", "me"], "need --camera", 2),
        (["--camera", "0", "--calibration", "a/b"], "--calibration 'a/b': a name has", 2),
        (["--camera", "0", "--calibration", "nobody"], "make one: smirk3d track --camera 0", 3),
        (["--camera", "0", "--format", "insta"], "needs a video's pictures", 2),
        (["a.mp4", "--fov", "180"], "between 0 and 180", 2),
        (["a.mp4", "--max-faces", "0"], "at least 1", 2),
        (["a.mp4", "--format", "fbx"], "unknown format 'fbx'", 2),
        (["a.mp4", "--format", "flame"], "not FLAME", 3),
        (["--camera", "97"], "camera 97 gives no picture", 3),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str],
    reason: str,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path))
    out = tmp_path / "out"
    assert main(["track", *arguments, "--out", str(out), "--weights", "none"]) == code
    assert reason in capsys.readouterr().err
    assert not out.exists()


class Camera:
    """Gives a frame when the one before it is done with, and Ctrl-C after some."""

    def __init__(self, stop_after: int) -> None:
        self.stop_after = stop_after
        self.given = 0
        self.next = threading.Semaphore(1)
        self.released = False

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.given > self.stop_after:  # nobody takes these frames any longer
            return False, None
        if not self.next.acquire(timeout=60) or self.released:
            return False, None
        if self.given == self.stop_after:
            os.kill(os.getpid(), signal.SIGINT)
        self.given += 1
        picture = background(200, 260, self.given / 30)
        paste(picture, data.astronaut()[20:240, 110:340], 125 + 2 * self.given, 100, 0.8)
        return True, picture[..., ::-1]

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize("fps", ["0", "101", "nan"])
def test_a_time_base_that_is_none_is_wrong_usage(
    fps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", "a.mp4", "--csv-fps", fps]) == 2
    assert "--csv-fps must lie between 1 and 100" in capsys.readouterr().err


def test_a_camera_is_tracked_until_ctrl_c_and_moves_an_avatar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, step = Camera(7), FaceTracker.step
    count: list[float] = []
    lost = {3, 4}

    def stepping(tracker: FaceTracker, image: np.ndarray, seconds: float) -> list:
        faces = step(tracker, image, seconds)
        camera.next.release()
        count.append(seconds)
        return faces if len(count) not in lost else []

    monkeypatch.setattr(FaceTracker, "step", stepping)
    monkeypatch.setattr("smirk3d.live.camera.cv2.VideoCapture", lambda number: camera)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        where = f"127.0.0.1:{receiver.getsockname()[1]}"
        arguments = ["--camera", "0", "--vmc", where, "--out", str(tmp_path)]
        assert main(["track", *arguments, "--weights", "none", "--format", "arkit-csv"]) == 0
        messages: list = []
        while sum(address == "/VMC/Ext/T" for address, _ in messages) < 7:
            packet = OscBundle(receiver.recv(65536))
            messages += [(message.address, message.params) for message in packet]
    track = read_track(tmp_path / "camera-0")
    assert track.valid.sum() == len(track.timestamps) - len(lost) >= 5
    assert track.meta["smoothing"] == "live"
    smiles = [
        params[1] for address, params in messages
        if address == "/VMC/Ext/Blend/Val" and params[0] == "MouthSmileLeft"
    ]  # fmt: skip
    assert min(smiles[:2]) > 0.2
    clock = [params[0] for address, params in messages if address == "/VMC/Ext/T"]
    # time goes on in frames that show nobody
    assert np.allclose(clock[:7], track.timestamps[:7])
    assert camera.released
    assert sorted(path.name for path in tmp_path.iterdir()) == ["camera-0"]


def test_a_camera_calibrates_and_is_seen_on_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("smirk3d.live.calibration.REST_SECONDS", 0.0)
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    seen: list[Sight] = []
    monkeypatch.setattr("smirk3d.live.preview.Preview.show", lambda self, sight: seen.append(sight))
    camera, step = Camera(4), FaceTracker.step

    def stepping(tracker: FaceTracker, image: np.ndarray, seconds: float) -> list:
        camera.next.release()
        return step(tracker, image, seconds)

    monkeypatch.setattr(FaceTracker, "step", stepping)
    monkeypatch.setattr("smirk3d.live.camera.cv2.VideoCapture", lambda number: camera)
    arguments = ["--camera", "0", "--preview", "--calibrate", "--calibration", "Anna"]
    arguments += ["--out", str(tmp_path), "--weights", "none", "--format", ""]
    assert main(["track", *arguments]) == 0
    said = capsys.readouterr().err
    assert "look straight with a neutral face" in said
    assert "calibrated: --calibration Anna uses it again" in said
    assert (tmp_path / "home" / "calibrations" / "Anna.json").is_file()
    assert opened[0] in said
    assert opened[0].startswith("http://127.0.0.1:")
    assert [sight.driver for sight in seen] == [0] * len(seen)
    # the head that was calibrated looks straight ahead
    assert np.abs(seen[0].values[52:]).max() < 1e-6
