"""A list of clips is gone on with, an output in use is told apart, takes are kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from smirk3d.cli.main import main
from smirk3d.errors import InputError, OutputError
from smirk3d.live.track_camera import finish_left_takes, track_camera
from smirk3d.preprocessing.media.image_io import write_png
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.track_file import read_track
from smirk3d.tracking.track_store import TrackStore, input_digest
from smirk3d.tracking.track_video import ClipConfig, track_video
from tests.tracking.clips import write_video

Frame = Callable[..., np.ndarray]


class Killed(BaseException):
    """Stands for a kill: nothing is cleaned up by hand."""


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, moving_face: Frame) -> Path:
    """Nine frames of a face."""
    path = tmp_path_factory.mktemp("short") / "a.mp4"
    return write_video(path, map(moving_face, range(9)))


@pytest.fixture
def cli(seer: FaceReconstructor, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setattr("smirk3d.reconstruction.FaceReconstructor", lambda *_, **__: seer)
    # seer's head is of torch, as on a GPU; commands on the CPU make NumPy's
    monkeypatch.setattr("smirk3d.library_choice.library_for", lambda _: "torch")
    return lambda *arguments: main(["track", *map(str, arguments)])


def all_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_video_in_the_results_place_stays(cli, short: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "a").mkdir()
    video = shutil.copy(short, tmp_path / "a" / "a.mp4")
    for _ in range(2):
        assert cli(video, "--out", tmp_path, "--format", "mp4") == 0
        assert names_in(tmp_path) == ["a", "a-2"]
        assert names_in(tmp_path / "a") == ["a.mp4"]
        assert names_in(tmp_path / "a-2") == ["overlay.mp4", "result.json", "track.npz"]
    said = capsys.readouterr()
    assert "holds an input" in said.err
    assert "already done" in said.out


def test_finished_clips_are_skipped_and_the_order_does_not_matter(
    cli, short: Path, tmp_path: Path, capsys
) -> None:
    one, two = (tmp_path / side / "a.mp4" for side in ("s1", "s2"))
    for path in (one, two):
        path.parent.mkdir()
        shutil.copy(short, path)
    two.write_bytes(two.read_bytes() + b"another file")
    out = tmp_path / "out"
    assert cli(one, two, "--out", out, "--format", "") == 0
    first = {path.name: json.loads((path / "result.json").read_text())["input"]
             for path in out.iterdir()}  # fmt: skip
    assert first == {"s1-a": str(one), "s2-a": str(two)}
    before = all_files(out)
    capsys.readouterr()
    assert cli(two, one, "--out", out, "--format", "") == 0
    assert capsys.readouterr().out.count("already done") == 2
    assert all_files(out) == before
    for more in (("--format", "npz"), ("--format", "", "--smooth", "off"), ("--fresh",)):
        assert cli(one, two, "--out", out, *more) == 0
        assert "already done" not in capsys.readouterr().out


def test_the_rate_of_timecodes_counts_among_a_finished_clips_settings(
    cli, short: Path, tmp_path: Path, capsys
) -> None:
    command = (short, "--out", tmp_path, "--format", "arkit-csv")
    for rate, done in (("60", False), ("60", True), ("30", False), ("30", True)):
        assert cli(*command, "--csv-fps", rate) == 0
        assert ("already done" in capsys.readouterr().out) == done
        codes = [line.split(",")[0] for line in (tmp_path / "a" / "face-0.csv").open()]
        assert codes[3].startswith(f"00:00:00:{4 if rate == '60' else 2:02d}")


@pytest.fixture
def frames(tmp_path: Path, moving_face: Frame) -> Path:
    """A folder of nine numbered pictures whose name has a dot."""
    folder = tmp_path / "take.1"
    folder.mkdir()
    for number in range(9):
        write_png(folder / f"frame_{number:04d}.png", moving_face(number))
    return folder


def test_a_folder_of_frames_is_tracked_as_a_video_is(
    cli, frames: Path, tmp_path: Path, capsys
) -> None:
    (frames / "notes.txt").write_text("kept")
    command = (frames, "--out", tmp_path / "out", "--format", "mp4", "--rate", "12.5")
    assert cli(*command) == 0
    folder = tmp_path / "out" / "take.1"
    track = read_track(folder)
    assert np.allclose(track.timestamps, np.arange(9) / 12.5) and track.meta["rate"] == "25/2"
    assert track.valid.all() and names_in(folder) == ["overlay.mp4", "result.json", "track.npz"]
    (frames / "notes.txt").write_text("of no concern")
    assert cli(*command) == 0
    assert "already done" in capsys.readouterr().out
    assert cli(*command[:-1], "25") == 0
    picture = frames / "frame_0004.png"
    picture.write_bytes(picture.read_bytes() + b"another")
    assert cli(*command[:-1], "25") == 0
    assert "already done" not in capsys.readouterr().out
    assert len(names_in(frames)) == 10
    assert cli(frames, "--out", tmp_path, "--format", "") == 0
    assert "take.1-2" in names_in(tmp_path), "not the folder of the frames itself"
    assert len(names_in(frames)) == 10


def test_a_folder_of_other_things_is_refused(cli, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "things"
    folder.mkdir()
    (folder / "notes.txt").write_text("a")
    assert cli(folder, "--out", tmp_path / "out") == 3
    assert f"{folder} holds no numbered pictures" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_the_overlay_lacks_is_said(
    cli, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def silent(path: Path, *_: object, **__: object) -> tuple[str, ...]:
        path.write_bytes(b"a video")
        return ("no sound that can be read",)

    monkeypatch.setattr("smirk3d.tracking.track_video.write_overlay", silent)
    assert cli(short, "--out", tmp_path, "--format", "mp4") == 0
    assert f"{short}: no sound that can be read" in capsys.readouterr().err


def test_a_change_in_the_middle_of_a_file_is_another_job(
    seer: FaceReconstructor, short: Path, tmp_path: Path
) -> None:
    video, out = Path(shutil.copy(short, tmp_path / "a.mp4")), tmp_path / "a"
    assert not track_video(video, seer, out).skipped
    assert track_video(video, seer, out).skipped
    content = bytearray(video.read_bytes())
    digest = input_digest([video])
    content[len(content) // 2] ^= 1
    video.write_bytes(content)
    assert input_digest([video]) != digest
    assert not track_video(video, seer, out).skipped


def test_a_video_that_changes_while_it_is_tracked_is_refused(
    seer: FaceReconstructor, short: Path, tmp_path: Path
) -> None:
    video = Path(shutil.copy(short, tmp_path / "a.mp4"))

    def change(what: str, done: int, total: int) -> None:
        if done == 5:
            video.write_bytes(video.read_bytes() + b"more")

    with pytest.raises(InputError, match="changed while it was tracked"):
        track_video(video, seer, tmp_path / "a", on_progress=change)
    assert not (tmp_path / "a").exists()


def test_a_failing_overlay_leaves_the_old_result_whole(
    seer: FaceReconstructor, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a"
    track_video(short, seer, out, ("mp4",))
    before = all_files(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no encoder")

    monkeypatch.setattr("smirk3d.tracking.track_video.write_overlay", fail)
    with pytest.raises(RuntimeError):
        track_video(short, seer, out, ("mp4", "npz"))
    after = all_files(tmp_path)
    assert {name: after[name] for name in before} == before
    assert all(name in before or ".a.tracking" in name for name in after)
    monkeypatch.undo()


def test_a_stop_while_the_overlay_is_drawn_keeps_the_track(
    seer: FaceReconstructor, short: Path, tmp_path: Path
) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if what == "overlay" and done == 4:
            os.kill(os.getpid(), signal.SIGINT)

    out = tmp_path / "a"
    assert track_video(short, seer, out, ("mp4", "npz"), on_progress=stop).interrupted
    assert names_in(out) == ["face-0.npz", "result.json", "track.npz"]
    assert not track_video(short, seer, out, ("mp4", "npz")).skipped
    assert names_in(out) == ["face-0.npz", "overlay.mp4", "result.json", "track.npz"]
    assert names_in(tmp_path) == ["a"]


def test_one_clip_that_fails_leaves_the_others(
    cli, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    bad = Path(shutil.copy(short, tmp_path / os.fsdecode(b"Fran\xe7ois.mp4")))
    digest = input_digest

    def defect(files: Sequence[Path]) -> str:
        if "Fran" in files[0].name:
            raise ZeroDivisionError("a defect")
        return digest(files)

    monkeypatch.setattr("smirk3d.tracking.track_video.input_digest", defect)
    out = tmp_path / "out"
    assert cli(bad, short, "--out", out, "--format", "") == 3
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("smirk3d: ")]
    assert line.endswith("Fran\\xe7ois.mp4: ZeroDivisionError: a defect")
    assert names_in(out) == ["a"]
    monkeypatch.undo()


def test_names_that_are_not_utf8(cli, short: Path, tmp_path: Path, capsys) -> None:
    video = shutil.copy(short, tmp_path / os.fsdecode(b"Fran\xe7ois.mp4"))
    assert cli(video, "--out", tmp_path / "out", "--format", "mp4,glb") == 0
    folder = tmp_path / "out" / "Fran_xe7ois"
    assert "face-0.glb" in names_in(folder)
    assert read_track(folder).meta["input"].endswith("Fran\\xe7ois.mp4")


# --- the store of a run ------------------------------------------------------------------------


class NoTracker:
    """What a store asks of a tracker, with nobody in it and no joint estimate of the clip."""

    clip = None

    def shapes(self) -> dict:
        return {}

    def renamed(self) -> dict:
        return {}

    def state(self) -> dict:
        return {}


def test_two_writers_of_one_store(tmp_path: Path) -> None:
    with TrackStore(tmp_path / ".c.tracking", {"j": 1}) as one:
        with pytest.raises(OutputError, match="in use by another run"):
            TrackStore(tmp_path / ".c.tracking", {"j": 1})
        for number in range(3):
            one.add(number / 30, (9, 9), [])
        one.flush(NoTracker())
        assert len(one.track({}, least_frames=5).timestamps) == 3
    with TrackStore(tmp_path / ".c.tracking", {"j": 1}) as two:
        assert not two.is_empty, "the next run goes on"
        two.remove()
    assert not list(tmp_path.iterdir())


def test_a_clip_in_use_fails_alone(cli, short: Path, tmp_path: Path, capsys) -> None:
    other = shutil.copy(short, tmp_path / "b.mp4")
    out = tmp_path / "out"
    out.mkdir()
    with TrackStore(out / ".a.tracking", {}):
        assert cli(short, other, "--out", out, "--format", "") == 3
    assert "in use by another run" in capsys.readouterr().err
    assert cli(short, other, "--out", out, "--format", "") == 0
    assert names_in(out) == ["a", "b"]


def test_a_store_of_another_job_loses_its_chunks_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / ".c.tracking"
    with TrackStore(folder, {"j": 1}) as store:
        store.add(0.0, (9, 9), [])
        store.flush(NoTracker())
    (folder / "notes.txt").write_text("mine")
    with TrackStore(folder, {"j": 2}) as store:
        assert store.is_empty
        store.remove()
    assert names_in(folder) == ["notes.txt"]


def test_a_store_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / ".c.tracking").symlink_to(tmp_path / "real")
    with pytest.raises(OutputError, match="is a link"):
        TrackStore(tmp_path / ".c.tracking", {})


# --- takes of a camera -------------------------------------------------------------------------


class Camera:
    """Gives some frames, one for each that is taken, then none."""

    def __init__(self, frame: Frame, count: int) -> None:
        self.frame, self.count, self.given = frame, count, 0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.given == self.count:
            return False, None
        self.given += 1
        return True, self.frame(self.given)[..., ::-1]

    def release(self) -> None:
        pass


@pytest.fixture
def camera(moving_face: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "smirk3d.live.camera.cv2.VideoCapture", lambda number: Camera(moving_face, 7)
    )


def test_each_take_has_a_folder_of_its_own(
    cli, camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert cli("--camera", "0", "--out", tmp_path, "--format", "arkit-csv") == 0
        (tmp_path / "camera-0" / "note.txt").write_text("mine")
    assert names_in(tmp_path) == ["camera-0", "camera-0-2", "camera-0-3"]
    assert "note.txt" in names_in(tmp_path / "camera-0")


def test_a_killed_take_becomes_a_result_and_the_next_another(
    cli, seer: FaceReconstructor, camera, tmp_path: Path, capsys
) -> None:
    def kill(what: str, done: int, total: int) -> None:
        raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            track_camera(0, seer, tmp_path, config=ClipConfig(smooth="live", chunk=1),
                         on_progress=kill)  # fmt: skip
    assert names_in(tmp_path) == [".camera-0-2.tracking", ".camera-0.tracking"]
    assert cli("--camera", "0", "--out", tmp_path, "--format", "") == 0
    assert names_in(tmp_path) == ["camera-0", "camera-0-2", "camera-0-3"]
    assert capsys.readouterr().err.count("an earlier take was broken off: 1 frames") == 2
    for name in ("camera-0", "camera-0-2"):
        track = read_track(tmp_path / name)
        assert len(track.timestamps) == 1
        assert track.meta["complete"] is False


def test_a_take_of_another_head_or_in_use_is_left(
    seer: FaceReconstructor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"camera": 0, "head": seer.head.fingerprint, "weights": seer.weights_sha256}
    with TrackStore(tmp_path / ".camera-0.tracking", job):
        (error,) = finish_left_takes(0, seer, tmp_path)
        assert "in use" in str(error)
    with TrackStore(tmp_path / ".camera-0.tracking", {**job, "head": "another"}):
        pass
    (error,) = finish_left_takes(0, seer, tmp_path)
    assert "another head" in str(error)
    assert names_in(tmp_path) == [".camera-0.tracking"]
    assert not list(finish_left_takes(1, seer, tmp_path))
    assert not list(finish_left_takes(0, seer, tmp_path / "none"))
