"""What failures, kills and other runs do to results."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from tests.assets.small_results import all_files, names_in, text_in, write

from smirk3d.assets import atomic, locks
from smirk3d.assets.atomic import atomic_directory, atomic_path
from smirk3d.assets.result_folders import Destination
from smirk3d.errors import OutputError


def test_an_old_result_that_cannot_be_moved_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Destination(Path("a.png"), tmp_path / "a")
    write(place, "first")
    before = all_files(tmp_path)

    def another_device(source: Path, destination: Path) -> None:
        if Path(source).is_dir():
            raise OSError(errno.EXDEV, "Invalid cross-device link", str(source))
        Path(source).rename(destination)

    monkeypatch.setattr(atomic.os, "replace", another_device)
    with pytest.raises(OutputError, match=r"cross-device link.*another folder"):
        write(place, "second")
    assert all_files(tmp_path) == before


def test_a_failure_at_any_step_leaves_the_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Destination(Path("a.png"), tmp_path / "a")
    write(place, "first")
    real_replace, calls = os.replace, []

    def fail_at(step: int) -> None:
        calls.clear()

        def replace(source: Path, destination: Path) -> None:
            calls.append(1)
            if len(calls) == step:
                raise KeyboardInterrupt
            real_replace(source, destination)

        monkeypatch.setattr(atomic.os, "replace", replace)

    for step in itertools.count(1):
        fail_at(step)
        try:
            write(place, f"step {step}")
        except KeyboardInterrupt:
            assert text_in(tmp_path / "a") == "first"
            assert names_in(tmp_path) == ["a"]
        else:
            assert step > 2
            break


def _write_and_die(folder: Path, moment: str) -> None:
    """Write a second result and die without any cleaning up."""

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == "between the renames":
        real_replace = os.replace

        def replace(source: Path, destination: Path) -> None:
            real_replace(source, destination)
            if str(destination).endswith(".replaced"):
                die()

        atomic.os.replace = replace
    with Destination(Path("a.png"), folder).writing() as draft:
        (draft.path / "result.json").write_text(
            '{"schema": "smirk3d.result/1", "input": "a.png", "text": "killed"}'
        )
        if moment == "in a file":
            with atomic_path(draft.path / "b.txt") as temporary:
                temporary.write_text("half")
                die()
        elif moment == "in the folder":
            die()


@pytest.mark.parametrize("moment", ["in the folder", "in a file", "between the renames"])
def test_what_a_killed_run_leaves_is_swept_and_its_lock_is_free(
    tmp_path: Path, moment: str
) -> None:
    place = Destination(Path("a.png"), tmp_path / "a")
    write(place, "first")
    process = multiprocessing.get_context("fork").Process(
        target=_write_and_die, args=(tmp_path / "a", moment)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(names_in(tmp_path)) > 1
    atomic.sweep(tmp_path)
    assert text_in(tmp_path / "a") == "first", "put back where it was"
    assert write(place, "second") == tmp_path / "a"
    assert text_in(tmp_path / "a") == "second"
    assert names_in(tmp_path) == ["a"]


def test_a_sweep_leaves_what_a_living_run_writes_and_what_is_not_ours(tmp_path: Path) -> None:
    other = tmp_path / ".notes.partial"
    other.mkdir()
    plain = tmp_path / ".a.0123456789ab.partial"
    plain.write_text("a file of this name is not ours")
    with atomic_directory(tmp_path / "a") as folder, atomic_path(tmp_path / "b") as file:
        file.write_text("b")
        (folder / "c").write_text("c")
        atomic.sweep(tmp_path)
        assert folder.is_dir() and file.is_file()
    assert names_in(tmp_path) == [plain.name, other.name, "a", "b"]


@pytest.mark.parametrize("gone", [False, True])
def test_a_folder_that_a_sweep_got_hold_of_first_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    taken = []

    def take(descriptor: int) -> bool | None:
        taken.append(descriptor)
        if len(taken) > 1:
            return locks.take(descriptor)
        if gone:  # it has removed the folder between its opening and its lock
            next(tmp_path.iterdir()).rmdir()
            return locks.take(descriptor)
        return False

    monkeypatch.setattr(atomic, "take", take)
    with atomic_path(tmp_path / "b") as file:
        assert len(taken) == 2
        for swept in tmp_path.iterdir():
            if swept != file.parent:
                swept.rmdir()
        file.write_text("b")
    assert names_in(tmp_path) == ["b"]


def test_lock_files_of_killed_runs_go_and_those_in_use_stay(tmp_path: Path) -> None:
    (tmp_path / ".b.smirk3d-lock").touch()
    (tmp_path / ".c.smirk3d-lock").write_text("no lock, as it has a content")
    with Destination(Path("d.png"), tmp_path / "d").writing() as draft:
        write(Destination(Path("a.png"), tmp_path / "a"))
        assert ".d.smirk3d-lock" in names_in(tmp_path)
        (draft.path / "result.json").write_text('{"schema": "smirk3d.result/1"}')
    assert names_in(tmp_path) == [".c.smirk3d-lock", "a", "d"]


def test_where_there_are_no_locks_nothing_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("smirk3d.assets.locks.fcntl.flock", no_locks)
    place = Destination(Path("a.png"), tmp_path / "a")
    with atomic_path(tmp_path / "b") as file:
        file.write_text("b")
        assert write(place) == write(place) == tmp_path / "a"
        atomic.sweep(tmp_path)
        assert file.is_file()
    assert names_in(tmp_path) == ["a", "b"]


def test_two_writers_of_one_result(tmp_path: Path) -> None:
    place = Destination(Path("a.png"), tmp_path / "a")
    with place.writing() as draft:
        with pytest.raises(OutputError, match="a is in use by another run"):
            write(place, "second")
        write(Destination(Path("b.png"), tmp_path / "b"))
        (draft.path / "result.json").write_text(
            '{"schema": "smirk3d.result/1", "input": "a.png", "text": "first"}'
        )
    assert text_in(tmp_path / "a") == "first"
    assert names_in(tmp_path) == ["a", "b"]


def test_finished_results_are_known_while_they_are_whole(tmp_path: Path) -> None:
    place = Destination(Path("a.mp4"), tmp_path / "a")
    assert place.finished("job") is None
    with place.writing("digest", "job") as draft:
        (draft.path / "track.npz").write_text("rows")
        (draft.path / "result.json").write_text('{"schema": "smirk3d.result/1", "input": "a.mp4"}')
    assert place.finished("job") == tmp_path / "a"
    assert place.finished("another job") is None
    (tmp_path / "a" / "track.npz").unlink()
    assert place.finished("job") is None


def test_a_read_only_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr("smirk3d.assets.locks.os.open", refuse)
    with pytest.raises(OutputError, match=r"a cannot be written \(Read-only"):
        write(Destination(Path("a.png"), tmp_path / "a"))
    monkeypatch.undo()
    assert not names_in(tmp_path)
