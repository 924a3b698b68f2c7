"""Measures runs over corpora with work that takes no time: resumption, kills, a full disk.

python benchmarks/corpus.py resume DIR [ROWS]   # a manifest of 10^6 rows, 99.9 % done; writes a
                                                # table to results/corpus-resume.md
python benchmarks/corpus.py kills DIR           # a process killed every 5 s, 200 inputs
python benchmarks/corpus.py full DIR            # DIR on a file system of a few megabytes
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.corpus.columns import NUMBERS
from smirk3d.corpus.manifest import Entry, read_entries
from smirk3d.corpus.rows import JOURNALS, ClipRow, Journal, read_rows
from smirk3d.corpus.run import CorpusRun, run_corpus
from smirk3d.corpus.state import Plan
from smirk3d.corpus.tables import OWN_FOLDER, part_path, write_part
from smirk3d.engines.supervisor import run_local
from smirk3d.errors import OutputError


@dataclass(frozen=True)
class Work:
    """Writes an input's part of the faces, and sleeps for as long as a clip would take."""

    out: Path
    seconds: float = 0.0
    writes: bool = True

    def __call__(
        self, entry: Entry, left_out: Mapping[int, str], begin: Callable[[int], None]
    ) -> ClipRow:
        """Return the row of an input."""
        if left_out:
            return row_of(entry, "failed", left_out[0])
        begin(0)
        time.sleep(self.seconds)
        if entry.uri.endswith("deadly.mp4"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.writes:
            columns = {name: np.random.default_rng(1).random(300) for name in NUMBERS}
            columns |= {"frame": np.arange(300), "seconds": np.arange(300) / 30}
            columns |= {"person": np.zeros(300)}
            write_part(part_path(self.out, "parquet", entry.id), entry.id, columns)
        return row_of(entry)


def row_of(entry: Entry, status: str = "done", why: str = "") -> ClipRow:
    """Return a row of usual length."""
    return ClipRow(
        id=entry.id, uri=entry.uri, status=status, reason=why, digest="d" * 64, folder=entry.id,
        frames=300, faces=1, seconds=10.0, head=DEFAULT_HEAD, head_fingerprint="h" * 64,
        weights="open-small", weights_sha256="w" * 64, version="0.1.0", job="j" * 64,
    )  # fmt: skip


def run_of(out: Path, work: Work, inputs: int, processes: int) -> CorpusRun:
    """Return a run by the local engine."""
    return CorpusRun(
        out=out,
        plan=Plan(kind="videos", table="parquet", inputs=inputs, job="j" * 64),
        work=work,
        engine=partial(run_local, processes=processes, most_deaths=3),
    )


def resume(out: Path, rows: int = 1_000_000) -> None:
    """Measure the resumption of a manifest that is 99.9 % done."""
    names = [f"clip-{number:07d}" for number in range(rows)]
    uris = [f"s3://bucket/videos/{name}.mp4" for name in names]
    out.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(arrow.table({"uri": uris, "id": names}), out / "list.parquet")
    path = out / OWN_FOLDER / JOURNALS / "rows.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        journal.commit(row_of(Entry("CLIP", "URI")))
    line = path.read_text()
    with path.open("w") as file:  # by text, for a million commits take minutes
        for number, (name, uri) in enumerate(zip(names, uris, strict=True)):
            if number % 1000:
                file.write(line.replace("CLIP", name).replace("URI", uri))
    measured = out / "measured.json"
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        _write_resumption(json.loads(measured.read_text()))
        return
    names = uris = []
    began = time.monotonic()
    entries = read_entries([str(out / "list.parquet")], "videos")
    manifest = time.process_time()
    progress = run_corpus(run_of(out, Work(out, writes=False), rows, 0), entries)
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "rows": progress.total, "done_before": progress.before, "done": progress.done,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "manifest_cpu_seconds": round(manifest, 1),
        "largest_gib": round(used.ru_maxrss / 2**20, 2),
    }  # fmt: skip
    measured.write_text(json.dumps(figures))
    os._exit(0)


def _write_resumption(figures: dict[str, Any]) -> None:
    from common import write_results  # noqa: PLC0415  # brings torch, which is not to be measured

    table = "\n".join([
        "| rows | done before | done after | seconds | CPU s | of these to read the manifest |"
        " largest memory, GiB |",
        "|---|---|---|---|---|---|---|",
        "| {rows:,} | {done_before:,} | {done:,} | {seconds} | {cpu_seconds} |"
        " {manifest_cpu_seconds} | {largest_gib} |".format(**figures),
    ])  # fmt: skip
    write_results("corpus-resume", [figures], table)
    print(table)


def kills(out: Path) -> None:
    """Measure 200 inputs of a quarter of a second while a process is killed every 5 s."""
    entries = [Entry(f"c{n:03d}", f"c{n:03d}.mp4") for n in range(200)]
    entries[100] = Entry("c100", "deadly.mp4")
    killed = []

    def kill() -> None:
        rng = random.Random(0)
        while True:
            time.sleep(5)
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            workers = [pid for pid in children if b"spawn_main" in _command(pid)]
            if workers:
                killed.append(rng.choice(workers))
                os.kill(int(killed[-1]), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    began = time.monotonic()
    progress = run_corpus(run_of(out, Work(out, 0.25), 200, 2), entries)
    lines = (out / OWN_FOLDER / JOURNALS / "rows.jsonl").read_text().splitlines()
    rows = read_rows(out / OWN_FOLDER)
    print(f"{progress.line()}; {time.monotonic() - began:.0f} s, {len(killed)} killed")
    print(f"{len(lines)} committed, {len(rows)} unique: {rows['c100'].reason}")


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def full(out: Path) -> None:
    """Run into a full disk, make room, and go on."""
    entries = [Entry(f"c{n:03d}", f"c{n:03d}.mp4") for n in range(200)]
    filler = out / "filler"
    filler.write_bytes(b"-" * (3 << 20))
    try:
        run_corpus(run_of(out, Work(out), 200, 1), entries)
    except OutputError as error:
        print(error)
    print(f"{len(read_rows(out / OWN_FOLDER))} committed when the disk was full")
    filler.unlink()
    progress = run_corpus(run_of(out, Work(out, writes=False), 200, 1), entries)
    print(f"{progress.line()} once there was room")


if __name__ == "__main__":
    {"resume": resume, "kills": kills, "full": full}[sys.argv[1]](
        Path(sys.argv[2]), *map(int, sys.argv[3:])
    )
