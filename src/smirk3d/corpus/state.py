"""The state of a corpus: what is done, failed, skipped and open, and how fast it goes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import read_json_file, require_object, require_text
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.corpus.rows import ClipRow, read_rows
from smirk3d.corpus.tables import OWN_FOLDER, Table
from smirk3d.errors import InputError

_SCHEMA = "smirk3d.corpus/1"
_PLAN = "plan.json"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the last run in a folder was asked for.

    Attributes:
        kind: what its inputs are.
        table: kind of its tables.
        inputs: number of all inputs, those of other shards among them.
        job: hash of the settings.
    """

    kind: str
    table: Table
    inputs: int
    job: str

    def save(self, out: Path) -> None:
        """Write the plan into a corpus.

        Raises:
            OutputError: if it cannot be written.
        """
        with atomic_path(out / OWN_FOLDER / _PLAN) as temporary:
            temporary.write_text(json.dumps({"schema": _SCHEMA, **asdict(self)}) + "\n")


def read_plan(out: Path) -> Plan:
    """Return the plan of a corpus.

    Raises:
        InputError: if the folder is none.
    """
    way_out = "give the folder of `smirk3d track FOLDER --out DIR`"
    origin = Origin(str(out / OWN_FOLDER / _PLAN), "plan of a corpus", way_out)
    with origin.refusing():
        record = require_object(read_json_file(origin))
        table = require_text(record, "table")
        if record.get("schema") != _SCHEMA or not isinstance(record.get("inputs"), int):
            raise Unfit(f"its schema is {record.get('schema')!r}, not {_SCHEMA!r}")
        if table not in ("parquet", "csv"):
            raise Unfit(f"its table is {table!r}")
        kind, job = require_text(record, "kind"), require_text(record, "job")
        return Plan(kind=kind, table=table, inputs=record["inputs"], job=job)  # type: ignore[arg-type]


@dataclass
class Progress:
    """Counts of a run.

    Attributes:
        kind: what the inputs are.
        total: number of inputs of this run.
        done, failed, skipped: how many of them have ended so, in this run or before.
        faces: number of faces in those that are done.
        before: how many had ended before this run.
        began: when it began, by the clock ``time.monotonic``.
    """

    kind: str
    total: int
    done: int = 0
    failed: int = 0
    skipped: int = 0
    faces: int = 0
    before: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> int:
        """How many inputs have a row."""
        return self.done + self.failed + self.skipped

    def count(self, status: str, faces: int) -> None:
        """Take in an input that has ended so, with as many faces."""
        setattr(self, status, getattr(self, status) + 1)
        self.faces += faces

    def line(self) -> str:
        """Return the state on one line: counts, speed and time left."""
        text = f"{self.ended:,} of {self.total:,} {self.kind}, {self.faces:,} faces"
        text += f", {self.failed:,} failed"
        here, seconds = self.ended - self.before, time.monotonic() - self.began
        if not here or seconds <= 0:
            return text
        rate = here / seconds
        text += f", {60 * rate:.1f} a minute"
        left = self.total - self.ended
        return f"{text}, {_duration(left / rate)} left" if left else text


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def corpus_report(out: Path) -> list[str]:
    """Return the state of a corpus as lines: counts, then failures by reason with an example.

    Raises:
        InputError: if the folder is none.
    """
    plan = read_plan(out)
    rows = [row for row in read_rows(out / OWN_FOLDER).values() if row.job == plan.job]
    if not rows and plan.inputs == 0:
        raise InputError(f"{out}: nothing was to be done")
    progress = Progress(kind=plan.kind, total=max(plan.inputs, len(rows)))
    for row in rows:
        progress.count(row.status, row.faces)
    progress.before = progress.ended  # nothing is done now that would have a speed
    seconds = sum(row.seconds for row in rows)
    lines = [progress.line()]
    if plan.kind == "videos":
        lines.append(f"{sum(row.frames for row in rows):,} frames, {_duration(seconds)} of video")
    open_ones = progress.total - progress.ended
    if open_ones:
        lines.append(f"{open_ones:,} to do: the same command goes on")
    if progress.skipped:
        lines.append(f"{progress.skipped:,} skipped, for they are others again")
    return [*lines, *_by_reason(rows)]


def has_failures(out: Path) -> bool:
    """Return whether an input of the last run's settings failed."""
    job = read_plan(out).job
    rows = read_rows(out / OWN_FOLDER).values()
    return any(row.status == "failed" and row.job == job for row in rows)


def _by_reason(rows: Iterable[ClipRow]) -> list[str]:
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.id):
        if row.status == "failed":
            # what names the input itself would be a reason of its own for each
            why = row.reason.replace(row.uri, "FILE")
            reasons[why] += 1
            examples.setdefault(why, row.uri)
    return [f"{count:6,} failed: {why} ({examples[why]})" for why, count in reasons.most_common()]
