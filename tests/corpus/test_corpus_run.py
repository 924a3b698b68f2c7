"""Runs over a corpus with work that takes no time: each row once, whatever dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from smirk3d.corpus.columns import NUMBERS
from smirk3d.corpus.manifest import Entry, InPieces, Job, JoinJob, PieceJob
from smirk3d.corpus.rows import JOURNALS, ClipRow, Journal, read_rows
from smirk3d.corpus.run import CorpusRun, run_corpus
from smirk3d.corpus.state import Plan, Progress, corpus_report
from smirk3d.corpus.tables import OWN_FOLDER, Table, part_path, write_part
from smirk3d.engines.supervisor import run_local
from smirk3d.errors import InputError, OutputError

pytest.importorskip("pyarrow", reason="needs the extra corpus")


@dataclass(frozen=True)
class FakeWork:
    """Clips named bad fail, those named deadly kill their process, full ones find a full disk."""

    out: Path
    table: Table = "parquet"
    seconds: float = 0.0

    def __call__(
        self, job: Job, left_out: Mapping[int, str], begin: Callable[[int], None]
    ) -> ClipRow | InPieces | None:
        entry = job if isinstance(job, Entry) else job.entry
        row = ClipRow(id=entry.id, uri=entry.uri, status="done", frames=2, faces=1, job="j")
        if left_out:
            return replace(row, status="failed", reason=left_out[0], faces=0)
        begin(0)
        if "long" in entry.uri and isinstance(job, Entry):
            return InPieces(entry, 3)
        if isinstance(job, PieceJob):
            return self.piece(job, row)
        if isinstance(job, JoinJob):
            row = replace(row, frames=3 * len(list(self.out.glob(f"{entry.id}-piece-*"))))
        time.sleep(self.seconds)
        if "deadly" in entry.uri:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "full" in entry.uri:
            raise OutputError("no space")
        if "bad" in entry.uri:
            return replace(row, status="failed", reason=f"{entry.uri}: no video", faces=0)
        columns = {name: np.full(2, len(entry.id), np.float32) for name in NUMBERS}
        columns |= {"frame": np.arange(2), "seconds": np.arange(2) / 30, "person": np.zeros(2)}
        write_part(part_path(self.out, self.table, entry.id), entry.id, columns)
        return row

    def piece(self, job: PieceJob, row: ClipRow) -> ClipRow | None:
        if "short-of" in job.entry.uri and job.number == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "lost" in job.entry.uri:
            return replace(row, status="failed", reason="it was changed", faces=0)
        (self.out / f"{job.entry.id}-piece-{job.number}").touch()
        return None


def entries_of(count: int, **special: int) -> list[Entry]:
    entries = [Entry(f"c{n:04d}", f"c{n:04d}.mp4") for n in range(count)]
    for name, place in special.items():
        entries[place] = replace(entries[place], uri=f"{name}.mp4")
    return entries


def run_of(out: Path, count: int, processes: int = 0, **changes: object) -> CorpusRun:
    table = changes.pop("table", "parquet")
    return CorpusRun(
        out=out,
        plan=Plan(kind="videos", table=table, inputs=count, job="j"),
        work=changes.pop("work", FakeWork(out, table)),
        engine=partial(run_local, processes=processes, most_deaths=3),
        **changes,
    )


def tables(out: Path) -> dict[str, bytes]:
    files = [*out.glob("clips.*"), *out.glob("faces.csv"), *out.glob("faces.parquet/*")]
    return {file.name: file.read_bytes() for file in files}


def committed(out: Path) -> list[str]:
    lines = []
    for path in (out / OWN_FOLDER / JOURNALS).glob("*.jsonl"):
        lines += [line.split('"')[1] for line in path.read_text().splitlines()]
    return lines


@pytest.mark.parametrize("table", ["parquet", "csv"])
def test_tables_are_equal_whoever_made_them(tmp_path: Path, table: Table) -> None:
    entries = entries_of(12, bad=3)
    made = []
    for processes in (0, 1, 2):
        out = tmp_path / str(processes)
        progress = run_corpus(run_of(out, 12, processes, table=table), entries)
        assert (progress.done, progress.failed) == (11, 1)
        made.append(tables(out))
    shards = tmp_path / "shards"
    for number in (3, 1, 2):
        run_corpus(run_of(shards, 12, table=table, shard=(number, 3)), entries)
    made.append(tables(shards))
    assert all(other == made[0] for other in made)
    assert len(made[0]) == 12 if table == "parquet" else len(made[0]) == 2


def test_a_second_run_does_nothing_and_writes_nothing(tmp_path: Path) -> None:
    entries, rows = entries_of(5, bad=2), []
    run_corpus(run_of(tmp_path, 5), entries, lambda row, _: rows.append(row.id))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    progress = run_corpus(run_of(tmp_path, 5), entries, lambda row, _: rows.append(row.id))
    assert (progress.done, progress.failed, len(rows)) == (4, 1, 5)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before
    run_corpus(run_of(tmp_path, 5, retry_failed=True), entries, lambda row, _: rows.append(row.id))
    assert rows[5:] == ["c0002"]
    run_corpus(run_of(tmp_path, 5, fresh=True), entries, lambda row, _: rows.append(row.id))
    assert len(rows) == 11
    assert len(read_rows(tmp_path / OWN_FOLDER)) == 5


def test_other_settings_and_other_files_of_a_name_are_done_again(tmp_path: Path) -> None:
    entries, rows = entries_of(3), []
    run_corpus(run_of(tmp_path, 3), entries)
    entries[1] = replace(entries[1], uri="elsewhere/c0001.mp4")
    run_corpus(run_of(tmp_path, 3), entries, lambda row, _: rows.append(row.id))
    assert rows == ["c0001"]
    other = run_of(tmp_path, 3)
    other = replace(other, plan=replace(other.plan, job="k"))
    run_corpus(other, entries, lambda row, _: rows.append(row.id))
    assert len(rows) == 4


def test_a_clip_that_kills_three_processes_is_a_failed_row(tmp_path: Path) -> None:
    progress = run_corpus(run_of(tmp_path, 8, 2), entries_of(8, deadly=4))
    assert (progress.done, progress.failed) == (7, 1)
    row = read_rows(tmp_path / OWN_FOLDER)["c0004"]
    assert row.reason == "3 processes that worked on it died (SIGSEGV)"
    assert sorted(committed(tmp_path)) == [f"c{n:04d}" for n in range(8)]


@pytest.mark.parametrize("processes", [0, 2])
def test_long_videos_are_done_in_pieces_and_joined(tmp_path: Path, processes: int) -> None:
    progress = run_corpus(run_of(tmp_path, 6, processes), entries_of(6, long=1, long_lost=3))
    assert (progress.done, progress.failed) == (5, 1)
    rows = read_rows(tmp_path / OWN_FOLDER)
    assert rows["c0001"].frames == 9 and rows["c0003"].reason == "it was changed"
    assert sorted(committed(tmp_path)) == [f"c{n:04d}" for n in range(6)]


def test_a_piece_that_kills_three_processes_fails_its_video(tmp_path: Path) -> None:
    entries = [*entries_of(3, long=0), Entry("deep", "long-short-of.mp4")]
    progress = run_corpus(run_of(tmp_path, 4, 2), entries)
    assert (progress.done, progress.failed) == (3, 1)
    row = read_rows(tmp_path / OWN_FOLDER)["deep"]
    assert row.reason == "3 processes that worked on it died (SIGSEGV)"
    assert len(list(tmp_path.glob("deep-piece-*"))) == 2


def test_what_concerns_all_ends_the_run_and_keeps_what_is_done(tmp_path: Path) -> None:
    entries = entries_of(6, full=4)
    with pytest.raises(OutputError, match="no space"):
        run_corpus(run_of(tmp_path, 6, 1), entries)
    assert sorted(committed(tmp_path)) == [f"c{n:04d}" for n in range(4)]
    entries[4] = replace(entries[4], uri="c0004.mp4")
    assert run_corpus(run_of(tmp_path, 6, 1), entries).done == 6
    assert sorted(committed(tmp_path)) == [f"c{n:04d}" for n in range(6)]


SCRIPT = """
import sys
from pathlib import Path
from tests.corpus.test_corpus_run import FakeWork, entries_of, run_of
from smirk3d.corpus.run import run_corpus

if __name__ == "__main__":
    out = Path(sys.argv[1])
    run_corpus(run_of(out, 60, 2, work=FakeWork(out, seconds=0.02)), entries_of(60))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_killed_drivers_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    out, whole = tmp_path / "out", tmp_path / "whole"
    run_corpus(run_of(whole, 60), entries_of(60))
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])}
    for part in (18, 36, 54, 60):
        driver = subprocess.Popen([sys.executable, str(script), str(out)], env=env)
        while driver.poll() is None and (part == 60 or len(committed(out)) < part):
            time.sleep(0.02)
        driver.kill()
        driver.wait()
    assert sorted(committed(out)) == [f"c{n:04d}" for n in range(60)]
    assert tables(out) == tables(whole)


def test_a_torn_line_is_no_row_and_costs_no_other(tmp_path: Path) -> None:
    entries = entries_of(4)
    run_corpus(run_of(tmp_path, 4), entries)
    path = tmp_path / OWN_FOLDER / JOURNALS / "rows.jsonl"
    whole = path.read_bytes()
    for cut in random.Random(0).sample(range(1, len(whole)), 20):
        path.write_bytes(whole[:cut])
        left = len(read_rows(tmp_path / OWN_FOLDER))
        assert left >= whole[:cut].count(b"\n")
        run_corpus(run_of(tmp_path, 4), entries)
        assert len(read_rows(tmp_path / OWN_FOLDER)) == 4


def test_lines_that_are_no_rows_are_passed_over(tmp_path: Path) -> None:
    entries = entries_of(4)
    run_corpus(run_of(tmp_path, 4), entries)
    path = tmp_path / OWN_FOLDER / JOURNALS / "rows.jsonl"
    lines = path.read_text().splitlines()
    changed = [
        lines[1].replace('"done"', '"undone"'),
        lines[2].replace("2, 1", "2.5, 1"),
        lines[3].replace(', "j"', ""),
    ]
    assert len({*changed, *lines}) == 7
    path.write_text("\n".join([lines[0], *changed, "{}", "[]", "7"]) + "\n")
    rows = read_rows(tmp_path / OWN_FOLDER)
    assert list(rows) == ["c0000"] and rows["c0000"].frames == 2
    with pytest.raises(KeyError):
        rows["c0001"]


def test_the_newest_row_of_an_input_counts(tmp_path: Path) -> None:
    for name, frames in (("b", 1), ("a", 2)):
        with Journal(tmp_path / JOURNALS / f"{name}.jsonl") as journal:
            journal.commit(ClipRow(id="x", uri="x.mp4", status="done", frames=frames))
    assert read_rows(tmp_path)["x"].frames == 2


def test_one_run_of_a_shard_at_a_time(tmp_path: Path) -> None:
    def again(row: ClipRow, progress: Progress) -> None:
        with pytest.raises(OutputError, match="in use by another run"):
            run_corpus(run_of(tmp_path, 2), entries_of(2))

    run_corpus(run_of(tmp_path, 2), entries_of(2), again)


def test_the_same_clip_again_is_skipped(tmp_path: Path) -> None:
    entries = [*entries_of(2), Entry("again", "c0000.mp4", same_as="c0000")]
    progress = run_corpus(run_of(tmp_path, 3), entries)
    assert (progress.done, progress.skipped) == (2, 1)
    assert read_rows(tmp_path / OWN_FOLDER)["again"].reason == "the same as c0000"


def test_the_report_counts_failures_by_reason(tmp_path: Path) -> None:
    entries = entries_of(6, bad=1, badly=2, deadly=3)
    run_corpus(run_of(tmp_path, 8, 2), entries)
    lines = corpus_report(tmp_path)
    assert lines[0] == "6 of 8 videos, 3 faces, 3 failed", "a report has no speed"
    assert any("2 to do" in line for line in lines)
    assert "     2 failed: FILE: no video (bad.mp4)" in lines
    with pytest.raises(InputError, match="no such file: give the folder"):
        corpus_report(tmp_path / "elsewhere")
    assert "failed: bad.mp4" in (tmp_path / "corpus.log").read_text()
