"""New files never replace a user's own unasked."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from smirk3d.assets.placing import placed
from smirk3d.errors import OutputError


def place(folder: Path, files: dict[str, str], **options: object) -> None:
    with placed(folder, **options) as staged:  # type: ignore[arg-type]
        for name, text in files.items():
            (staged / name).parent.mkdir(exist_ok=True)
            (staged / name).write_text(text)


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_and_folders_are_placed_and_placed_again(tmp_path: Path) -> None:
    files = {"a.txt": "a", "b.txt": "b", "f/c.txt": "c"}
    place(tmp_path / "out", files)
    assert content(tmp_path / "out") == files
    (tmp_path / "out" / "b.txt").unlink()  # as after a run that was killed
    place(tmp_path / "out", files)
    assert content(tmp_path / "out") == files


@pytest.mark.parametrize("name", ["a.txt", "f/c.txt", "f/other.txt"])
def test_where_one_is_in_the_way_none_is_placed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=r"exists with other content: give --overwrite"):
        place(tmp_path, {"a.txt": "a", "b.txt": "b", "f/c.txt": "c"})
    assert content(tmp_path) == {name: "mine"}


def test_links_are_not_followed_to_what_they_name(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(OutputError, match="exists with other content"):
        place(tmp_path / "out", {"a.txt": "a"}, ours={"a.txt"})
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_what_is_ours_or_may_be_replaced_is(tmp_path: Path) -> None:
    place(tmp_path, {"a.txt": "a", "b.txt": "b"})
    place(tmp_path, {"a.txt": "new", "b.txt": "b"}, ours={"a.txt"})
    assert content(tmp_path) == {"a.txt": "new", "b.txt": "b"}
    place(tmp_path, {"b.txt": "new"}, overwrite=True)
    assert content(tmp_path) == {"a.txt": "new", "b.txt": "new"}


def test_a_full_disk_leaves_whole_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copyfile = shutil.copyfile

    def full(source: Path, target: Path) -> None:
        copyfile(source, target)
        if source.name == "b.txt":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OutputError, match=r"b\.txt cannot be written \(No space left"):
        place(tmp_path, {"a.txt": "a", "b.txt": "b", "c.txt": "c"})
    assert content(tmp_path) == {"a.txt": "a"}


def test_when_the_block_raises_nothing_is_placed(tmp_path: Path) -> None:
    def fails() -> None:
        with placed(tmp_path) as staged:
            (staged / "a.txt").write_text("a")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fails()
    assert content(tmp_path) == {}
