"""Folders of clips and of photos by the command: tables, reasons, exit codes, nothing lost."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from tests.tracking.clips import background, paste, write_video

from smirk3d import read_faces
from smirk3d.cli.main import main

pytest.importorskip("pyarrow", reason="needs the extra corpus")
pytest.importorskip("pandas", reason="needs the extra corpus")


def face(number: int) -> np.ndarray:
    picture = background(160, 200, number / 30)
    paste(picture, data.astronaut()[20:240, 110:340], 100 + 2 * number, 80, 0.65)
    return picture


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, int]:
    """A folder of good, broken, empty and faceless clips; the results, and the exit code."""
    root = tmp_path_factory.mktemp("corpus")
    clips = root / "clips"
    (clips / "deep").mkdir(parents=True)
    write_video(clips / "deep" / "good.mp4", map(face, range(4)))
    write_video(clips / "faceless.mp4", (background(160, 200, n / 30) for n in range(4)))
    (clips / "broken.mp4").write_text("no video")
    (clips / "empty.mp4").touch()
    (clips / "notes.txt").write_text("no clip")
    out = root / "out"
    return clips, out, main(["track", str(clips), "--out", str(out), "--format", "", "--workers=1"])


def test_good_clips_are_done_and_the_others_have_their_reasons(
    corpus: tuple[Path, Path, int], capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow.parquet

    clips, out, code = corpus
    assert code == 3
    rows = {row["id"]: row for row in pyarrow.parquet.read_table(out / "clips.parquet").to_pylist()}
    assert {name: row["status"] for name, row in rows.items()} == {
        "good": "done", "faceless": "done", "broken": "failed", "empty": "failed",
    }  # fmt: skip
    good = rows["good"]
    assert (good["frames"], good["faces"], good["folder"]) == (4, 1, "good")
    assert good["seconds"] == pytest.approx(4 / 30, abs=1e-3)
    assert good["head"] and good["head_fingerprint"] and good["weights"] and good["version"]
    record = json.loads((out / "good" / "result.json").read_text())
    assert record["input_digest"] == good["digest"]
    assert record["input"] == good["uri"] == str(clips / "deep" / "good.mp4")
    assert rows["faceless"]["faces"] == 0 and rows["faceless"]["frames"] == 4
    assert "broken.mp4" in rows["broken"]["reason"] and "empty" in rows["empty"]["reason"]
    assert sorted(path.name for path in clips.rglob("*.*")) == [
        "broken.mp4", "empty.mp4", "faceless.mp4", "good.mp4", "notes.txt",
    ]  # fmt: skip
    assert main(["corpus", str(out)]) == 3
    said = capsys.readouterr().out
    assert "4 of 4 videos, 1 faces, 2 failed" in said and "1 failed: FILE" in said


def test_the_table_of_faces_is_tidy(corpus: tuple[Path, Path, int]) -> None:
    _, out, _ = corpus
    table = read_faces(out, derived=("facs", "asymmetry", "blinks", "speech"))
    assert table.groupby("clip").size().to_dict() == {"faceless": 4, "good": 4}
    good, none = table[table["clip"] == "good"], table[table["clip"] == "faceless"]
    assert good.frame.tolist() == [0, 1, 2, 3] and (good.person == 0).all()
    assert good.mouthSmileLeft.between(0, 1).all() and good.mouthSmileLeft.max() > 0.2
    assert np.allclose(good.AU12, (good.mouthSmileLeft + good.mouthSmileRight) / 2)
    assert (good.right > good.left).all() and good.head_yaw.abs().max() < 45
    empty = none.drop(columns=["clip", "frame", "seconds"])
    assert empty.isna().all(axis=None)
    assert read_faces(out, clips=["good"]).shape[0] == 4


def test_the_second_run_reads_the_rows_and_ends(
    corpus: tuple[Path, Path, int], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    clips, out, _ = corpus
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    arguments = ["track", str(clips), "--out", str(out), "--format", "", "--workers=1"]
    assert main(arguments) == 3
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    assert "4 of 4 videos" in capsys.readouterr().out


def test_tables_and_sheet_by_the_command(corpus: tuple[Path, Path, int], tmp_path: Path) -> None:
    _, out, _ = corpus
    faces, sheet = tmp_path / "faces.csv", tmp_path / "sheet.png"
    arguments = ["--faces", str(faces), "--derived", "facs", "--sheet", str(sheet)]
    assert main(["corpus", str(out), *arguments]) == 3
    rows = list(csv.DictReader(faces.open()))
    assert len(rows) == 8 and float(rows[-1]["AU12"]) > 0.2 and rows[0]["AU12"] == ""
    assert Image.open(sheet).size[1] > 200


def test_spans_of_a_list(corpus: tuple[Path, Path, int], tmp_path: Path) -> None:
    clips, _, _ = corpus
    names = tmp_path / "list.csv"
    video = clips / "deep" / "good.mp4"
    names.write_text(f"uri,id,start,end\n{video},middle,0.03,0.09\n{video},late,60,\n")
    out = tmp_path / "out"
    arguments = ["--out", str(out), "--format", "mp4", "--table", "csv", "--workers", "1"]
    assert main(["track", str(names), *arguments]) == 3
    rows = {row["id"]: row for row in csv.DictReader((out / "clips.csv").open())}
    assert rows["middle"]["frames"] == "2" and rows["late"]["status"] == "failed"
    assert "it is shorter" in rows["late"]["reason"] and "no overlay" in rows["middle"]["note"]
    faces = list(csv.DictReader((out / "faces.csv").open()))
    assert [round(float(row["seconds"]) * 30) for row in faces] == [1, 2]
    assert read_faces(out).frame.tolist() == [0, 1]


def test_a_folder_of_photos(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(data.astronaut()[:256, 96:352]).save(photos / "face.png")
    Image.fromarray(background(96, 96, 0.0)).save(photos / "none.png")
    out = tmp_path / "out"
    arguments = ["reconstruct", str(photos), "--out", str(out), "--format", "npz", "--workers=1"]
    assert main(arguments) == 3
    table = read_faces(out)
    assert table["clip"].tolist() == ["face"] and table.person.tolist() == [0]
    assert (out / "face" / "overlay.png").is_file()
    assert "no face found" in (out / "corpus.log").read_text()


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_what_is_no_corpus_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", str(tmp_path)]) == 3
    assert "smirk3d track FOLDER --out DIR" in capsys.readouterr().err
    assert main(["track", str(tmp_path / "*.mp4"), "--out", str(tmp_path / "out")]) == 3
    assert "gives no videos" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
