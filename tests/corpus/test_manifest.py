"""What inputs stand for: folders, globs, lists, addresses, standard input."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from smirk3d.corpus.manifest import Entry, is_corpus, read_entries, shard_of
from smirk3d.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    for name in ("b.mp4", "a.mov", "s1/x.mp4", "s2/x.mp4", "notes.txt", ".hidden/c.mp4", "p.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"-")
    return root


def ids(entries: list[Entry]) -> dict[str, str]:
    return {entry.id: Path(entry.uri).name for entry in entries}


def test_a_folder_gives_its_files_of_the_kind(folder: Path) -> None:
    videos = read_entries([str(folder)], "videos")
    assert ids(videos) == {"a": "a.mov", "b": "b.mp4", "s1-x": "x.mp4", "s2-x": "x.mp4"}
    assert ids(read_entries([str(folder)], "photos")) == {"p": "p.jpg"}
    assert is_corpus([str(folder)], "videos")
    assert not is_corpus([str(folder / "b.mp4")], "videos")
    assert not is_corpus([str(folder / ".hidden"), "gone.mp4"], "photos")


def test_results_are_no_inputs(folder: Path) -> None:
    for name in ("out/a", "elsewhere/a"):
        (folder / name).mkdir(parents=True)
        (folder / name / "overlay.mp4").write_bytes(b"-")
    record = {"schema": "smirk3d.result/1", "files": ["overlay.mp4", "result.json"]}
    (folder / "elsewhere" / "a" / "result.json").write_text(json.dumps(record))
    entries = read_entries([str(folder)], "videos", beside=folder / "out")
    assert sorted(ids(entries)) == ["a", "b", "s1-x", "s2-x"]


def test_globs_and_files_each_once(folder: Path) -> None:
    inputs = [str(folder / "s*" / "*.mp4"), str(folder / "s1" / "x.mp4"), str(folder / "b.mp4")]
    assert list(ids(read_entries(inputs, "videos"))) == ["s1-x", "s2-x", "b"]
    with pytest.raises(InputError, match="gives no videos"):
        read_entries([str(folder / "*.webm")], "videos")


ROWS = [
    {"uri": "a.mp4", "id": "first"},
    {"uri": "a.mp4", "id": "second", "start": 1.5, "end": 3},
    {"uri": "a.mp4", "id": "again"},
    {"uri": "s3://bucket/deep/b.mp4"},
    {"uri": "s3://bucket/other/b.mp4", "start": 2.0},
]


def write_list(path: Path, rows: list[dict]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".csv":
        lines = ["uri,id,start,end"]
        lines += [",".join(str(row.get(c, "")) for c in lines[0].split(",")) for row in rows]
        path.write_text("\n".join(lines) + "\n")
    else:
        arrow = pytest.importorskip("pyarrow", reason="needs the extra corpus")
        import pyarrow.parquet

        table = {c: [row.get(c) for row in rows] for c in ("uri", "id", "start", "end")}
        pyarrow.parquet.write_table(arrow.table(table), path)
    return path


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_lists_give_ids_and_spans(tmp_path: Path, ending: str) -> None:
    entries = read_entries([str(write_list(tmp_path / f"list.{ending}", ROWS))], "videos")
    here = str(tmp_path / "a.mp4")
    assert entries[:3] == [
        Entry("first", here),
        Entry("second", here, 1.5, 3.0),
        Entry("again", here, same_as="first"),
    ]
    assert [entry.id for entry in entries[3:]] == ["deep-b", "other-b-2"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([{"id": "x"}], "column uri|its uri is"),
        ([{"uri": ""}], "row 1: its uri is"),
        ([{"uri": "a", "id": "x"}, {"uri": "b", "id": "X"}], "'X' is given twice"),
        ([{"uri": "a"}, {"uri": "a", "start": 3, "end": 2}], "row 2: it ends at 2 s"),
        ([{"uri": "a", "start": "soon"}], "row 1: could not convert"),
        ([{"uri": "a", "end": -1}], "row 1: -1 is no time"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, rows: list[dict], why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_entries([str(write_list(tmp_path / "list.jsonl", rows))], "videos")


def test_names_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("b/one.mp4\n\nb/two words.mp4\n"))
    assert list(ids(read_entries(["-"], "videos"))) == ["one", "two words"]


def test_addresses_of_a_file_system_in_memory() -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs the extra corpus")
    system = fsspec.filesystem("memory")
    for name in ("/c/a.mp4", "/c/b.mp4", "/c/b.txt"):
        system.pipe(name, b"-")
    entries = read_entries(["memory://c/*.mp4"], "videos")
    assert [entry.id for entry in entries] == ["a", "b"]
    from smirk3d.corpus.media import local_file

    with local_file(entries[1].uri) as path:
        assert path.read_bytes() == b"-" and path.suffix == ".mp4"
    assert not path.exists()
    with pytest.raises(InputError, match="cannot be read"), local_file("memory://c/gone.mp4"):
        pass


def test_shards_cover_everything_once(folder: Path) -> None:
    entries = read_entries([str(folder)], "videos")
    parts = [entry for number in (1, 2, 3) for entry in shard_of(entries, number, 3)]
    assert sorted(parts, key=entries.index) == entries
