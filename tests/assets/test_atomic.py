from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from smirk3d.assets import atomic
from smirk3d.assets.atomic import atomic_directory, atomic_path
from smirk3d.assets.file_lists import LIST_NAME, write_list
from smirk3d.errors import OutputError


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_only_when_whole(tmp_path):
    target = tmp_path / "face.glb"
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"whole")
        assert temporary.name == "face.glb" and temporary.parent.parent == tmp_path
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert names_in(tmp_path) == ["face.glb"]


def test_file_is_kept_when_the_writer_fails(tmp_path):
    target = tmp_path / "face.glb"
    target.write_bytes(b"old")
    with pytest.raises(KeyError), atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        raise KeyError("bug")
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["face.glb"]


def test_parents_are_made(tmp_path):
    with atomic_path(tmp_path / "a" / "b" / "c.json") as temporary:
        temporary.write_text("{}")
    assert (tmp_path / "a" / "b" / "c.json").read_text() == "{}"


def test_permissions_follow_the_umask_and_the_replaced_file(tmp_path):
    target = tmp_path / "a.txt"
    old = os.umask(0o022)
    try:
        with atomic_path(target) as temporary:
            temporary.write_text("1")
        assert stat.S_IMODE(target.stat().st_mode) == 0o644
        target.chmod(0o600)
        with atomic_path(target) as temporary:
            temporary.write_text("2")
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_link_is_followed(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    with atomic_path(tmp_path / "link.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_longest_file_name(tmp_path):
    name = "ä" * 125 + ".glb"
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_full_disk_while_writing(tmp_path, error):
    with (
        pytest.raises(OutputError, match=r"face\.glb cannot be written \(.+\): "),
        atomic_path(tmp_path / "face.glb") as temporary,
    ):
        temporary.write_bytes(b"half")
        raise OSError(error, os.strerror(error))
    assert names_in(tmp_path) == []


def test_full_disk_found_when_synced(tmp_path, monkeypatch):
    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with (
        pytest.raises(OutputError, match=r"No space left.*free some space"),
        atomic_path(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("x")
    assert names_in(tmp_path) == []


def test_short_write_of_numpy(tmp_path):
    # numpy reports a short write without error number: "1000 requested and 96 written".
    with pytest.raises(OutputError, match="requested"), atomic_path(tmp_path / "a.npy"):
        raise OSError("1000 requested and 96 written")


def test_device_that_is_always_full(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("/dev/full is not here: only Linux has this always full device")
    with (
        pytest.raises(OutputError, match="No space left"),
        atomic_path(tmp_path / "a.npy"),
        full.open("wb") as file,
    ):
        np.save(file, np.zeros(100_000))


def test_read_only_folder(tmp_path, monkeypatch):
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with (
        pytest.raises(OutputError, match=r"Permission denied.*another folder"),
        atomic_path(tmp_path / "a.bin") as temporary,
    ):
        temporary.write_bytes(b"x")


def test_error_of_reading_something_else_passes(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.bin"):
        (tmp_path / "absent").read_bytes()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder", "under a file", "pipe", "nothing written"])
def test_target_that_cannot_be(tmp_path, kind):
    target = tmp_path / "x"
    if kind == "folder":
        target.mkdir()
    elif kind == "under a file":
        target.write_text("file")
        target = target / "y"
    elif kind == "pipe":
        os.mkfifo(target)
    with pytest.raises(OutputError) as raised, atomic_path(target) as temporary:
        if kind != "nothing written":
            temporary.write_text("z")
    assert str(target) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_directory_appears_only_when_whole(tmp_path):
    target = tmp_path / "result"
    with atomic_directory(target) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "a.txt").write_text("a")
        assert not target.exists()
    assert (target / "sub" / "a.txt").read_text() == "a"
    assert names_in(tmp_path) == ["result"]


def test_directory_that_fails_leaves_nothing(tmp_path):
    with (
        pytest.raises(OutputError, match="No space left"),
        atomic_directory(tmp_path / "result") as temporary,
    ):
        (temporary / "a.txt").write_text("a")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names_in(tmp_path) == []


def test_directory_with_content_is_not_replaced_unasked(tmp_path):
    (tmp_path / "result").mkdir()
    with atomic_directory(tmp_path / "result") as temporary:
        (temporary / "old.txt").write_text("old")
    with (
        pytest.raises(OutputError, match="not empty"),
        atomic_directory(tmp_path / "result") as temporary,
    ):
        (temporary / "new.txt").write_text("new")
    assert names_in(tmp_path / "result") == ["old.txt"]
    with (
        pytest.raises(OutputError, match="not empty"),
        atomic_directory(tmp_path / "result", overwrite=True) as temporary,
    ):
        (temporary / "new.txt").write_text("new")
    assert names_in(tmp_path / "result") == ["old.txt"], "no list says that it is ours"
    write_list(tmp_path / "result")
    with atomic_directory(tmp_path / "result", overwrite=True) as temporary:
        (temporary / "new.txt").write_text("new")
    assert names_in(tmp_path / "result") == ["new.txt"]
    assert names_in(tmp_path) == ["result"]


def test_directory_is_restored_when_it_cannot_be_swapped(tmp_path, monkeypatch):
    target = tmp_path / "result"
    target.mkdir()
    (target / "old.txt").write_text("old")
    write_list(target)
    replace = os.replace

    def second_fails(source: Path, destination: Path) -> None:
        if Path(destination) == target and "old.txt" not in names_in(Path(source)):
            raise OSError(errno.EIO, "Input/output error")
        replace(source, destination)

    monkeypatch.setattr(atomic.os, "replace", second_fails)
    with (
        pytest.raises(OutputError, match="Input/output"),
        atomic_directory(target, overwrite=True) as temporary,
    ):
        (temporary / "new.txt").write_text("new")
    assert names_in(target) == ["old.txt", LIST_NAME]
    assert names_in(tmp_path) == ["result"]


def test_directory_at_a_file(tmp_path):
    (tmp_path / "x").write_text("file")
    with pytest.raises(OutputError, match="is a file"), atomic_directory(tmp_path / "x"):
        pass
