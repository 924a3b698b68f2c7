"""One run over a corpus: what is not done yet goes to an engine, and each row is committed once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from smirk3d import __version__
from smirk3d.assets.atomic import output_error
from smirk3d.assets.locks import ENDING, FileLock
from smirk3d.assets.safe_names import path_text
from smirk3d.closing import Closing
from smirk3d.corpus.manifest import Entry, InPieces, Job, JoinJob, PieceJob, shard_of
from smirk3d.corpus.rows import JOURNALS, ClipRow, Journal, Outcome, RowTable, read_rows
from smirk3d.corpus.state import Plan, Progress
from smirk3d.corpus.tables import OWN_FOLDER, clips_path, write_tables
from smirk3d.engines.work import Engine, Prepare, Work
from smirk3d.errors import OutputError, printable

LOG_NAME = "corpus.log"
_LOG_EVERY = 30.0
"""Seconds between lines of the log: few enough to read over a night, often enough to see a halt."""

OnRow = Callable[[ClipRow, Progress], None]
"""Progress callback. It gets each row of this run once it is committed, and the counts."""


@dataclass(frozen=True, kw_only=True)
class CorpusRun:
    """What a run does, and how.

    Attributes:
        out: folder of the corpus.
        plan: what all runs of it are asked for together; ``inputs`` counts those of all shards.
        work: the work on one input, or on a piece of it.
        engine: who does it.
        prepare: called once in each process, see :data:`smirk3d.engines.work.Prepare`.
        shard: the shard's number, from 1, and how many there are.
        retry_failed: do what failed before once more.
        fresh: do everything once more.
    """

    out: Path
    plan: Plan
    work: Work[Job, Outcome]
    engine: Engine
    prepare: Prepare | None = None
    shard: tuple[int, int] = (1, 1)
    retry_failed: bool = False
    fresh: bool = False


def run_corpus(run: CorpusRun, entries: Sequence[Entry], on_row: OnRow | None = None) -> Progress:
    """Do what is not done yet of a corpus, write its tables, and return the counts.

    An input is done when its row is committed; a run that is killed loses what its processes were
    working on, and the next goes on. With nothing to do, the rows are read and nothing is written.

    Raises:
        OutputError: if the folder cannot be written, or a run of the same shard works there.
        Exception: what the work raises; what was committed before is kept.
    """
    number, count = run.shard
    name = "rows" if count == 1 else f"rows-{number}-of-{count}"
    own = run.out / OWN_FOLDER
    mine = shard_of(entries, number, count)
    with _locked(own / f"{name}{ENDING}", run.out):
        known = RowTable() if run.fresh else read_rows(own)
        progress = Progress(kind=run.plan.kind, total=len(mine))
        pending = list(_pending(run, mine, known, progress))
        del known
        progress.before = progress.ended
        if not pending and _has_tables(run):
            return progress
        run.plan.save(run.out)
        with (
            Log(run.out / LOG_NAME) as log,
            Journal(own / JOURNALS / f"{name}.jsonl") as journal,
            _tables_at_the_end(run),
        ):
            log.say(f"begins: {progress.line()}, {len(pending):,} to do")
            for row in _rows(run, pending):
                journal.commit(row)
                progress.count(row.status, row.faces)
                log.take(row, progress)
                if on_row is not None:
                    on_row(row, progress)
            log.say(f"ends: {progress.line()}")
    return progress


@contextlib.contextmanager
def _locked(path: Path, out: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, out)
    except OSError as error:
        raise output_error(out, error) from error
    with lock:
        yield


def _has_tables(run: CorpusRun) -> bool:
    """Return whether the tables were written after the last commit."""
    journals = (run.out / OWN_FOLDER / JOURNALS).glob("*.jsonl")
    try:
        written = clips_path(run.out, run.plan.table).stat().st_mtime_ns
    except OSError:
        return False
    return all(journal.stat().st_mtime_ns <= written for journal in journals)


@contextlib.contextmanager
def _tables_at_the_end(run: CorpusRun) -> Iterator[None]:
    """Write the tables however the block ends; where it fails, a failure to write them is less."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OutputError):
            write_tables(run.out, run.plan.table)
        raise
    write_tables(run.out, run.plan.table)


def _pending(
    run: CorpusRun, entries: Sequence[Entry], known: RowTable, progress: Progress
) -> Iterator[Entry]:
    """Yield the entries without a row; count the rows of the others."""
    uris, jobs, states = (known.columns[name] for name in ("uri", "job", "status"))
    starts, ends, faces = (known.columns[name] for name in ("start", "end", "faces"))
    for entry in entries:
        place = known.places.get(entry.id)
        if (
            place is not None
            and jobs[place] == run.plan.job
            and uris[place] == path_text(entry.uri)
            and starts[place] == entry.start
            and ends[place] == entry.end
            and not (run.retry_failed and states[place] == "failed")
        ):
            progress.count(states[place], faces[place])
        else:
            yield entry


def _rows(run: CorpusRun, entries: Sequence[Entry]) -> Iterator[ClipRow]:
    for entry in entries:
        if entry.same_as is not None:
            yield ClipRow(
                id=entry.id, uri=path_text(entry.uri), start=entry.start, end=entry.end,
                status="skipped", reason=f"the same as {entry.same_as}", version=__version__,
                job=run.plan.job,
            )  # fmt: skip
    entries = [entry for entry in entries if entry.same_as is None]
    long: list[InPieces] = []
    for _, outcome in run.engine(run.work, entries, prepare=run.prepare):
        if isinstance(outcome, ClipRow):
            yield outcome
        elif outcome is not None:
            long.append(outcome)
    if long:
        # in an order of their own, whichever was cut first
        yield from _long_rows(run, sorted(long, key=lambda video: video.entry.id))


def _long_rows(run: CorpusRun, videos: Sequence[InPieces]) -> Iterator[ClipRow]:
    """Have the pieces of long videos tracked, side by side, and then each video joined."""
    pieces = [PieceJob(video.entry, n) for video in videos for n in range(video.count)]
    failed: dict[str, ClipRow] = {}
    for _, outcome in run.engine(run.work, pieces, prepare=run.prepare):
        if isinstance(outcome, ClipRow) and outcome.id not in failed:
            failed[outcome.id] = outcome
            yield outcome
    joins = [JoinJob(video.entry) for video in videos if video.entry.id not in failed]
    for _, outcome in run.engine(run.work, joins, prepare=run.prepare):
        if isinstance(outcome, ClipRow):
            yield outcome


class Log(Closing):
    """The log of a corpus: when runs began and ended, how they went, and what failed."""

    def __init__(self, path: Path) -> None:
        """Open it, to go on.

        Raises:
            OutputError: if it cannot be written.
        """
        self._path = path
        self._said = time.monotonic()
        try:
            self._file: TextIO = path.open("a", encoding="utf-8")
        except OSError as error:
            raise output_error(path, error) from error

    def take(self, row: ClipRow, progress: Progress) -> None:
        """Write what is worth a line of a row: that it failed, or that time has passed."""
        if row.status == "failed":
            self.say(f"failed: {row.uri}: {row.reason}")
        if time.monotonic() - self._said > _LOG_EVERY:
            self._said = time.monotonic()
            self.say(progress.line())

    def say(self, text: str) -> None:
        """Write a line with the time.

        Raises:
            OutputError: if it cannot be written.
        """
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            self._file.write(f"{now} {printable(text)}\n")
            self._file.flush()
        except OSError as error:
            raise output_error(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()
