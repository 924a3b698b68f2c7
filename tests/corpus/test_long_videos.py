"""A long video in a corpus: cut, tracked in pieces in any order, joined to one row and folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data
from tests.tracking.clips import background, paste, write_video

from smirk3d.corpus.clip_work import ClipWork, Settings, reconstructor_of
from smirk3d.corpus.manifest import PieceJob, read_entries
from smirk3d.corpus.rows import ClipRow, read_rows
from smirk3d.corpus.run import CorpusRun, run_corpus
from smirk3d.corpus.state import Plan
from smirk3d.corpus.tables import OWN_FOLDER
from smirk3d.engines.supervisor import run_local
from smirk3d.tracking.track_file import read_track

SETTINGS = Settings(kind="videos", fast=True, table="csv", longest_piece=0.4)


def face(number: int) -> np.ndarray:
    picture = background(160, 200, number / 30, seed=number >= 9)
    paste(picture, data.astronaut()[20:240, 110:340], 90 + 2 * (number % 9), 80, 0.65)
    return picture


def backwards(work: Any, jobs: Iterable[Any], *, prepare: Any = None) -> Iterator[Any]:
    yield from run_local(work, reversed(list(jobs)), 0)


def tracked(clips: Path, out: Path, engine: Any) -> ClipRow:
    entries = read_entries([str(clips)], "videos")
    run = CorpusRun(
        out=out,
        plan=Plan(kind="videos", table="csv", inputs=len(entries), job="j"),
        work=ClipWork(settings=SETTINGS, out=out, job="j"),
        engine=engine,
    )
    run_corpus(run, entries)
    row = read_rows(out / OWN_FOLDER)["long"]
    assert (row.status, row.reason) == ("done", "")
    return row


@pytest.mark.slow
def test_a_long_video_is_one_row_whatever_the_order_of_its_pieces(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    write_video(tmp_path / "clips" / "long.mp4", map(face, range(18)))
    pieces: list[int] = []

    def noted(work: Any, jobs: Iterable[Any], *, prepare: Any = None) -> Iterator[Any]:
        for job, result in run_local(work, jobs, 0):
            pieces.extend([job.number] if isinstance(job, PieceJob) else [])
            yield job, result

    row = tracked(tmp_path / "clips", tmp_path / "one", noted)
    assert pieces == [0, 1]
    assert (row.frames, row.faces, row.folder) == (18, 1, "long")
    assert row.seconds == pytest.approx(18 / 30, abs=1e-3) and row.digest
    track = read_track(tmp_path / "one" / "long")
    assert track.valid.all() and track.meta["smoothing"] == "best"
    assert {path.name for path in (tmp_path / "one").iterdir() if path.is_dir()} == {
        "long", OWN_FOLDER,
    }  # fmt: skip
    assert tracked(tmp_path / "clips", tmp_path / "other", backwards) == row
    for name in ("clips.csv", "faces.csv", "long/track.npz", "long/result.json"):
        one, other = (tmp_path / out / name for out in ("one", "other"))
        assert one.read_bytes() == other.read_bytes(), name
    reconstructor_of.cache_clear()
