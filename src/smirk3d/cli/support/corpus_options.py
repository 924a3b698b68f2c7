"""Options of commands that take a corpus: who does the work, which part of it, which tables."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smirk3d.cli.support.terminal import ProgressLine, complain, say
from smirk3d.cli.support.usage import FAILED
from smirk3d.errors import UsageError

if TYPE_CHECKING:
    from smirk3d.corpus.clip_work import Settings
    from smirk3d.corpus.rows import ClipRow
    from smirk3d.corpus.state import Progress
    from smirk3d.engines.work import Engine

MOST_DEATHS = 3
"""Processes that may die at one input: one may have been killed, two by bad luck."""

_BYTES_A_PROCESS = 2 << 30
"""Memory of a process that tracks: 1,898 MB at 720p (docs/video.md)."""
_NAMED = 20
"""Failures that are named as they come, by choice; the table and the log name all."""


@dataclass(kw_only=True)
class Engines:
    """Who does many jobs, and which of them."""

    engine: Literal["local", "ray"] | None = None
    """local: processes of this machine, the default; ray: the cluster at RAY_ADDRESS, or one on
    this machine."""
    shard: str | None = None
    """I/N: only every N-th job, beginning with the I-th; for batch arrays that share OUT."""

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: if it cannot.
        """
        self.shard_numbers()

    def shard_numbers(self) -> tuple[int, int]:
        """Return the number of the shard, from 1, and how many there are.

        Raises:
            UsageError: if ``--shard`` is no such pair.
        """
        if self.shard is None:
            return 1, 1
        numbers = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", self.shard)
        if not numbers or not 1 <= int(numbers[1]) <= int(numbers[2]):
            raise UsageError(f"--shard must be I/N with I from 1 to N, got {self.shard!r}")
        return int(numbers[1]), int(numbers[2])

    def make_engine(self, processes: int | None, most_deaths: int = 2) -> Engine:
        """Return the engine that is asked for.

        Args:
            processes: how many; as many as processors and memory allow where None. 0 works in
                this process, which Ray does not: its least is 1.
            most_deaths: processes that may die at one item before it is left out.
        """
        if self.engine == "ray":
            from smirk3d.engines.ray_engine import run_on_ray

            workers = None if processes is None else max(1, processes)
            return partial(run_on_ray, workers=workers, most_deaths=most_deaths)
        from smirk3d.engines.supervisor import run_local

        count = usable_processes() if processes is None else processes
        return partial(run_local, processes=count, most_deaths=most_deaths)


@dataclass(kw_only=True)
class Corpus(Engines):
    """How many inputs are worked on: folders, globs, lists, addresses."""

    workers: int | None = None
    """Processes at work; as many as processors and memory allow unless given."""
    table: Literal["parquet", "csv"] | None = None
    """Kind of the tables OUT/clips and OUT/faces; parquet unless given."""
    retry_failed: bool = False
    """Do what failed in an earlier run once more."""

    @property
    def is_given(self) -> bool:
        """Whether one of the options asks for a corpus."""
        return self != Corpus()

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: if it cannot.
        """
        if self.workers is not None and not 1 <= self.workers <= 1024:
            raise UsageError(f"--workers must lie between 1 and 1024, got {self.workers}")
        super().check()


def usable_processes() -> int:
    """Return how many processes the processors and the free memory of this machine allow."""
    processors = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    names = getattr(os, "sysconf_names", {})
    if "SC_AVPHYS_PAGES" not in names:
        return processors or 1
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(processors or 1, free // _BYTES_A_PROCESS))


def run_inputs(
    inputs: Sequence[str], out: Path, settings: Settings, options: Corpus, *, fresh: bool = False
) -> int:
    """Work on all that inputs stand for and return the exit code."""
    from smirk3d.corpus.clip_work import ClipWork, prepare, reconstructor_of
    from smirk3d.corpus.manifest import read_entries
    from smirk3d.corpus.run import CorpusRun, run_corpus
    from smirk3d.corpus.state import Plan
    from smirk3d.tracking.clip_outputs import check_formats

    entries = read_entries(inputs, settings.kind, beside=out)
    reconstructor = reconstructor_of(settings)
    if settings.kind == "videos":
        check_formats(settings.formats, reconstructor.head)
    job = settings.digest(reconstructor)
    reconstructor_of.cache_clear()
    run = CorpusRun(
        out=out,
        plan=Plan(kind=settings.kind, table=settings.table, inputs=len(entries), job=job),
        work=ClipWork(settings=settings, out=out, job=job),
        engine=options.make_engine(options.workers, MOST_DEATHS),
        prepare=partial(prepare, settings),
        shard=options.shard_numbers(),
        retry_failed=options.retry_failed,
        fresh=fresh,
    )
    del reconstructor
    with ProgressLine() as line:
        progress = run_corpus(run, entries, _Reporter(line))
    say(f"{progress.line()} -> {out}")
    if progress.failed:
        complain(f"{progress.failed} failed: `smirk3d corpus {out}` says why")
    return FAILED if progress.failed else 0


class _Reporter:
    """Says how a run goes, and names the first failures."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line
        self._named = 0

    def __call__(self, row: ClipRow, progress: Progress) -> None:
        if row.status == "failed" and self._named < _NAMED:
            self._named += 1
            self._line.clear()
            complain(row.reason if row.uri in row.reason else f"{row.uri}: {row.reason}")
        elif row.note:
            self._line.clear()
            complain(f"{row.uri}: {row.note}")
        self._line.show(progress.line)
