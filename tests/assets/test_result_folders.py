"""Where results go, and what may be replaced."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.assets.small_results import all_files, names_in, text_in, write

from smirk3d.assets.file_lists import foreign_entries, listed_files
from smirk3d.assets.result_folders import Destination, destinations, record_files


def names_of(*inputs: str, out: str = "out") -> dict[str, str]:
    places = destinations([Path(name) for name in inputs], Path(out))
    return {str(place.source): place.folder.name for place in places}


@pytest.fixture(params=["plain", "linked", "another file system"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder for results: as it is, behind a link, and on another file system."""
    if request.param == "plain":
        yield tmp_path / "out"
    elif request.param == "linked":
        (tmp_path / "real").mkdir()
        (tmp_path / "out").symlink_to(tmp_path / "real")
        yield tmp_path / "out"
    else:
        memory = Path("/dev/shm")
        if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("/dev/shm is no other file system here")
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            yield Path(folder) / "out"


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        {"a.jpg": "a", "b.jpg": "b"},
        {"s1/a.mp4": "s1-a", "s2/a.mp4": "s2-a"},
        {"x/s1/a.mp4": "s1-a", "x/s2/a.mp4": "s2-a", "y/b.mp4": "b"},
        {"s1/t/a.mp4": "s1-t-a", "a.mp4": "a", "s2/A.mp4": "s2-A"},
        {"a.jpg": "a-jpg", "a.png": "a-png"},
        {"s1/a.jpg": "s1-a-jpg", "s1/a.png": "s1-a-png", "s2/a.jpg": "s2-a"},
        {"p/...jpg": "unnamed", "p/b.jpg": "b"},
    ],
)
def test_namesakes_are_kept_apart_in_any_order(wanted: dict[str, str]) -> None:
    for order in itertools.permutations(wanted):
        assert names_of(*order) == wanted


def test_names_that_still_collide_get_a_hash_and_none_moves() -> None:
    inputs = ["s1/a.mp4", "s2/a.mp4", "s1-a.mp4", "S2-A.mp4"]
    names = names_of(*inputs)
    assert names["s1-a.mp4"] == "s1-a"
    assert names["S2-A.mp4"] == "S2-A"
    assert len({name.casefold() for name in names.values()}) == 4
    assert all(names_of(*order) == names for order in itertools.permutations(inputs))


def test_names_are_unique_whatever_the_file_system_folds() -> None:
    inputs = ["s/straße.png", "t/STRASSE.png", "u/e\u0301.png", "v/é.png", "CON.png", "d/con.png"]
    names = names_of(*inputs)
    assert len({name.casefold() for name in names.values()}) == len(inputs)


def test_one_file_given_twice_is_done_once(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("x")
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    paths = [tmp_path / "a.jpg", tmp_path / "sub" / ".." / "a.jpg", tmp_path / "link.jpg"]
    (tmp_path / "sub").mkdir()
    for order in itertools.permutations(paths):
        (place,) = destinations(order, tmp_path / "out")
        assert place.folder.name == "a"


# --- what is replaced ------------------------------------------------------------------------


def test_a_second_run_replaces_its_own_result_alone(out: Path) -> None:
    place = Destination(Path("alice.png"), out / "alice")
    assert write(place, "first") == write(place, "second") == out / "alice"
    assert text_in(out / "alice") == "second"
    assert names_in(out) == ["alice"]
    assert listed_files(out / "alice") == {"result.json", "sub/0.obj"}


def test_a_folder_of_the_users_stays_and_the_result_goes_beside(out: Path) -> None:
    notes = out / "alice" / "deep" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    place = Destination(Path("alice.png"), out / "alice")
    for text in ("first", "second"):
        assert write(place, text) == out / "alice-2"
        assert text_in(out / "alice-2") == text
    assert all_files(out / "alice") == {"deep/notes.txt": b"mine"}
    note = place.note(out / "alice-2")
    assert note is not None and "smirk3d did not write" in note and "alice-2" in note


@pytest.mark.parametrize("kind", ["file", "file below", "empty folder", "link", "link to folder"])
def test_whatever_is_added_to_a_result_keeps_it(out: Path, kind: str) -> None:
    place = Destination(Path("alice.png"), out / "alice")
    write(place, "first")
    added = out / "alice" / "sub" / "mine" if kind == "file below" else out / "alice" / "mine"
    if kind == "empty folder":
        added.mkdir()
    elif kind == "link":
        added.symlink_to(out / "alice" / "result.json")
    elif kind == "link to folder":
        added.symlink_to(out / "alice" / "sub")
    else:
        added.write_text("mine")
    before = all_files(out / "alice")
    assert write(place, "second") == out / "alice-2"
    assert all_files(out / "alice") == before
    assert os.path.lexists(added)


def test_a_link_in_the_place_of_a_result_is_never_followed(out: Path, tmp_path: Path) -> None:
    elsewhere = Destination(Path("alice.png"), tmp_path / "elsewhere")
    write(elsewhere, "first")
    out.mkdir(exist_ok=True)
    (out / "alice").symlink_to(tmp_path / "elsewhere")
    assert write(Destination(Path("alice.png"), out / "alice"), "second") == out / "alice-2"
    assert text_in(tmp_path / "elsewhere") == "first"
    assert (out / "alice").is_symlink()


def test_the_result_of_another_input_stays(out: Path) -> None:
    write(Destination(Path("s1/a.mp4"), out / "a"), "first", "digest 1")
    other = Destination(Path("s2/a.mp4"), out / "a")
    assert write(other, "other", "digest 2") == write(other, "other", "digest 3") == out / "a-2"
    assert text_in(out / "a") == "first"
    moved = Destination(Path("moved/a.mp4"), out / "a")
    assert write(moved, "again", "digest 1") == out / "a", "the same file by another path"


def test_a_result_without_a_list_stays(out: Path) -> None:
    folder = out / "a"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text('{"schema": "smirk3d.result/1", "input": "a.png"}')
    assert write(Destination(Path("a.png"), folder)) == out / "a-2"


def test_a_name_beside_is_not_another_inputs(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    paths = [Path("in/a.png"), Path("in/a-2.png")]
    for order in (paths, paths[::-1]):
        folders = {p.source.name: write(p).name for p in destinations(order, tmp_path)}
        assert folders == {"a.png": "a-3", "a-2.png": "a-2"}


@pytest.mark.parametrize("how", ["named", "by a linked folder", "through a link in the folder"])
def test_no_folder_that_holds_an_input_is_touched(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "anna"
    write(Destination(Path("x"), folder), "an old result")
    photo = folder / "anna.png"
    if how == "through a link in the folder":
        (tmp_path / "real.png").write_text("photo")
        photo.symlink_to(tmp_path / "real.png")
    else:
        photo.write_text("photo")
    record = json.loads((folder / "result.json").read_text())
    record |= {"input": str(photo), "files": [*record["files"], "anna.png"]}
    (folder / "result.json").write_text(json.dumps(record))
    named = photo
    if how == "by a linked folder":
        (tmp_path / "link").symlink_to(folder)
        named = tmp_path / "link" / "anna.png"
    before = all_files(folder)
    for _ in range(2):
        (place,) = destinations([named], tmp_path)
        written = write(place)
        assert written.parent == tmp_path and written != folder
    assert all_files(folder) == before


def test_a_list_grows_by_what_other_commands_add(tmp_path: Path) -> None:
    place = Destination(Path("a.png"), tmp_path / "a")
    folder = write(place)
    (folder / "face-0.obj").write_text("v")
    (folder / "face-0-flame").mkdir()
    (folder / "face-0-flame" / "x.json").write_text("{}")
    assert set(foreign_entries(folder)) == {"face-0.obj", "face-0-flame", "face-0-flame/x.json"}
    record_files(folder, [folder / "face-0.obj", folder / "face-0-flame", tmp_path / "b.obj"])
    assert not list(foreign_entries(folder))
    assert write(place, "again") == folder
    record_files(tmp_path, [tmp_path / "b.obj"])  # no result: nothing to do
    assert names_in(tmp_path) == ["a"]


def test_lists_of_others_are_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    for content in ('{"files": ["notes.txt", "result.json"]}', "[" * 100_000, "\xff", "[]"):
        (folder / "result.json").write_text(content, encoding="latin-1")
        assert "notes.txt" in set(foreign_entries(folder))
        assert write(Destination(Path("a.png"), folder)) == tmp_path / "a-2"
