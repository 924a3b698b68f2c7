"""Runs a target's inputs in a process that may die, hang or fill the memory."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from fuzz.inputs import Files, read_files, write_files
from fuzz.outcomes import LARGEST_BYTES, Outcome, innermost_frame, outcome_from_json

LONGEST_SECONDS = 20.0
"""Most time that reading one input may take."""

_START_SECONDS = 300.0
_WATCH_SECONDS = 0.1
_INPUTS_A_WORKER = 2000
"""After so many a worker is replaced, so that what it has kept does not count for an input."""


class WorkerBroken(RuntimeError):
    """A worker that cannot be started: the target, not an input, is at fault."""


class Supervisor:
    """Runs inputs one after another, replacing the worker that one of them ends."""

    def __init__(
        self,
        seeds: Path,
        *,
        seed: int = 0,
        corpus: Path | None = None,
        registry: str = "fuzz.targets",
        longest_seconds: float = LONGEST_SECONDS,
        largest_bytes: int = LARGEST_BYTES,
    ) -> None:
        """Set up; the worker is started with the first input.

        Args:
            seeds: folder of the seeds of each target; they are made where they are absent.
            seed: seed of the run.
            corpus: folder of inputs that reached new lines, to start from and to add to.
            registry: module whose ``TARGETS`` holds the targets by name.
            longest_seconds: limit on the seconds that reading one input takes.
            largest_bytes: limit on the bytes of memory that it takes.
        """
        self._options = [f"--seeds={seeds}", f"--seed={seed}", f"--registry={registry}"]
        self._options += [f"--largest={largest_bytes}"]
        self._options += [f"--corpus={corpus}"] if corpus is not None else []
        self._longest_seconds, self._largest_bytes = longest_seconds, largest_bytes
        self._folder = Path(tempfile.mkdtemp(prefix="smirk3d-fuzz-", dir=_quick_folder()))
        self._worker: subprocess.Popen[bytes] | None = None
        self._prepared: dict[str, int] = {}
        self._pending = b""
        self._count = 0
        self._baseline = 0

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def num_seeds(self, target: str) -> int:
        """Return how many whole inputs a target has; they are the first inputs of a run.

        Raises:
            WorkerBroken: if the target cannot be prepared.
        """
        self._ready(target)
        return self._prepared[target]

    def make(self, target: str, index: int) -> Outcome:
        """Return what becomes of the run's input of this number.

        Raises:
            WorkerBroken: if the target cannot be prepared, or the input not be made.
        """
        return self._run("make", target, str(index))

    def read(self, target: str, path: Path) -> Outcome:
        """Return what becomes of the input in a folder or file.

        Raises:
            WorkerBroken: if the target cannot be prepared.
        """
        return self._run("read", target, str(path.resolve()))

    def last_input(self, target: str) -> Files:
        """Return the target's input that was run last."""
        return read_files(self._folder / target / "input")

    def _run(self, word: str, target: str, which: str) -> Outcome:
        outcome = self._once(word, target, which)
        if outcome.kind != "over 20 s":
            return outcome
        # a machine that is busy may have made it slow: a second time decides
        kept = self._folder / "slow"
        write_files(kept, self.last_input(target))
        return self._once("read", target, str(kept))

    def _once(self, word: str, target: str, which: str) -> Outcome:
        worker = self._ready(target)
        self._count += 1
        self._send(worker, f"{word} {target} {which}")
        if self._line(worker, _START_SECONDS) is None:
            raise self._broken(f"{target}: the worker died before it read input {which}")
        started = _own_time(worker.pid)
        line = self._line(worker, self._longest_seconds, watch=True)
        if line is not None:
            return outcome_from_json(json.loads(line))
        if self._line_ended(worker, started):
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(5)
        return self._post_mortem(worker, _own_time(worker.pid) - started)

    def _line_ended(self, worker: subprocess.Popen[bytes], started: float) -> bool:
        """Return whether a worker's pipe closed, rather than that it took too long or too much."""
        in_time = _own_time(worker.pid) - started < self._longest_seconds
        return in_time and _resident(worker.pid) <= self._baseline + self._largest_bytes

    def _send(self, worker: subprocess.Popen[bytes], command: str) -> None:
        assert worker.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer that does not come tells
            worker.stdin.write(command.encode() + b"\n")
            worker.stdin.flush()

    def _broken(self, reason: str) -> WorkerBroken:
        if self._worker is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._worker.wait(5)  # it may still be writing what was wrong
        self._end()
        said = (self._folder / "errors").read_text(errors="replace")[-4000:]
        return WorkerBroken(f"{reason}\n{said}")

    def _post_mortem(self, worker: subprocess.Popen[bytes], seconds: float) -> Outcome:
        """End a worker that did not answer, and return why it did not."""
        code = worker.poll()
        if code is None:
            size = _resident(worker.pid) - self._baseline
            worker.send_signal(signal.SIGUSR1)
            time.sleep(0.3)
        stack = (self._folder / "stacks").read_text(errors="replace")
        self._end()
        where = innermost_frame(stack, newest_first=True)
        if code is not None:
            name = signal.Signals(-code).name if code < 0 else f"exit {code}"
            return Outcome("signal", name, where, stack)
        if size > self._largest_bytes:
            return Outcome("over 2 GiB", "resident memory", where, stack, peak=size)
        return Outcome("over 20 s", f"{seconds:.0f} s", where, stack)

    def _ready(self, target: str) -> subprocess.Popen[bytes]:
        """Return a worker that has prepared the target."""
        if self._count >= _INPUTS_A_WORKER:
            self._end()
        if self._worker is None or self._worker.poll() is not None:
            self._end()
            self._worker = self._started()
        worker = self._worker
        if target not in self._prepared:
            self._send(worker, f"prepare {target}")
            line = self._line(worker, _START_SECONDS)
            if line is None:
                raise self._broken(f"{target} cannot be prepared")
            self._prepared[target] = json.loads(line)["seeds"]
            self._baseline = _resident(worker.pid)
        return worker

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fuzz.worker", f"--folder={self._folder}"]
        self._count, self._pending, self._prepared = 0, b"", {}
        with (self._folder / "errors").open("wb") as errors:
            return subprocess.Popen(
                [*command, *self._options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(self._folder),
            )

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.wait()
            for stream in (self._worker.stdin, self._worker.stdout):
                assert stream is not None
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
            self._worker = None

    def _line(
        self, worker: subprocess.Popen[bytes], seconds: float, *, watch: bool = False
    ) -> bytes | None:
        """Return the worker's next line, None if it ends, takes longer, or takes too much memory.

        Args:
            worker: worker that is to answer.
            seconds: limit on the time that it takes, without the time it waits for a processor.
            watch: look at its memory meanwhile.
        """
        assert worker.stdout is not None
        end = _own_time(worker.pid) + seconds
        while b"\n" not in self._pending:
            left = end - _own_time(worker.pid)
            if left <= 0:
                return None
            ready, _, _ = select.select([worker.stdout], [], [], min(left, _WATCH_SECONDS))
            if ready:
                data = os.read(worker.stdout.fileno(), 1 << 16)
                if not data:
                    return None
                self._pending += data
            elif watch and _resident(worker.pid) > self._baseline + self._largest_bytes:
                return None
        line, _, self._pending = self._pending.partition(b"\n")
        return line


def _quick_folder() -> str | None:
    """Return a folder in memory, where there is one: inputs are many and short-lived."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _own_time(process: int) -> float:
    """Return a clock in seconds that stands still while a process waits for a processor.

    Other work on the machine counts in no input's time. An ended process has waited for nothing.
    """
    try:
        waited = int(Path(f"/proc/{process}/schedstat").read_text().split()[1])
    except (OSError, IndexError):
        waited = 0
    return time.monotonic() - waited / 1e9


def _resident(process: int) -> int:
    """Return the resident memory of a process in bytes, 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _environment(folder: Path) -> dict[str, str]:
    """Return the worker's environment: nothing of the user's is read or written."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    changes = {
        "HOME": str(home),
        "SMIRK3D_HOME": str(home / "smirk3d"),
        "TMPDIR": str(home),
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",  # arenas of threads are address space that nobody uses
        "PYTHONHASHSEED": "0",
        "PYTHONFAULTHANDLER": "0",
    }
    return {**os.environ, **changes}
