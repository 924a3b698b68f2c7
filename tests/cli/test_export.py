"""Results to other formats: each by itself, and nothing of the user's replaced."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest

from smirk3d.assets.file_lists import foreign_entries
from smirk3d.cli.main import main
from smirk3d.export.result import result_record, write_result
from smirk3d.faces import Face
from smirk3d.heads.registry import load_head


def make_result(folder: Path) -> Path:
    """Write a result with a neutral face, and the list of its files."""
    folder.mkdir(parents=True)
    head = load_head("open")
    face = Face(parameters=head.neutral()[0], head=head, quality=1.0)
    write_result(folder, result_record("photo.jpg", (10, 10), [face]))
    path = folder / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": ["result.json"]}))
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_result_that_fails_costs_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, damaged, two = tmp_path / "one", tmp_path / "damaged", tmp_path / "two"
    for folder in (one, damaged, two):
        make_result(folder)
    (damaged / "result.json").write_text('{"schema": "smirk3d.result/1", "faces": [{')
    given = [str(path) for path in (one, damaged, tmp_path / "absent", two)]
    out = tmp_path / "out"
    assert main(["export", *given, "--format", "json", "--out", str(out)]) == 3
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(out / name / "face-0.json") for name in ("one", "two")]
    assert len(told.err.splitlines()) == 2 and str(damaged) in told.err and "absent" in told.err
    assert names(out) == {"one", "two"}


def test_exported_files_belong_to_the_result_and_can_be_made_again(tmp_path: Path) -> None:
    result = make_result(tmp_path / "one")
    command = ["export", str(result), "--format", "json,glb"]
    assert main(command) == 0
    assert names(result) == {"result.json", "face-0.json", "face-0.glb"}
    assert list(foreign_entries(result)) == []
    (result / "face-0.glb").write_bytes(b"cut off")
    assert main(command) == 0
    assert (result / "face-0.glb").stat().st_size > 1000


def test_a_users_file_is_replaced_only_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result, out = make_result(tmp_path / "one"), tmp_path / "out"
    for folder in (result, out):
        folder.mkdir(exist_ok=True)
        (folder / "face-0.json").write_text("mine")
    for more in ([], ["--out", str(out)]):
        assert main(["export", str(result), "--format", "json,glb", *more]) == 3
        assert "face-0.json exists with other content" in capsys.readouterr().err
    for folder in (result, out):
        assert (folder / "face-0.json").read_text() == "mine"
        assert not (folder / "face-0.glb").exists()
    assert main(["export", str(result), "--format", "json", "--out", str(out), "--overwrite"]) == 0
    assert (out / "face-0.json").read_text() != "mine"


def test_a_read_only_output_and_a_full_disk_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = make_result(tmp_path / "one")
    (tmp_path / "file").write_text("mine")
    into_a_file = ["--out", str(tmp_path / "file" / "below")]
    assert main(["export", str(result), "--format", "json", *into_a_file]) == 3
    assert "cannot be written" in capsys.readouterr().err

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(shutil, "copyfile", full)
    assert main(["export", str(result), "--format", "json"]) == 3
    assert "No space left on device" in capsys.readouterr().err
    assert names(result) == {"result.json"}


def test_a_defect_is_one_line_and_a_traceback_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("smirk3d.cli.export.parse_formats", lambda text: 1 / 0)
    monkeypatch.delenv("SMIRK3D_TRACEBACK", raising=False)
    assert main(["export", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.splitlines() == [
        "smirk3d: ZeroDivisionError: division by zero (a defect, or a file of a new kind;"
        " SMIRK3D_TRACEBACK=1 shows where)"
    ]
    monkeypatch.setenv("SMIRK3D_TRACEBACK", "1")
    assert main(["export", str(tmp_path)]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err
