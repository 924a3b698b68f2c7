"""Work on files that may kill the process that reads them: a decoder crashes, memory runs out.

Jobs have items, such as the photos of a shard. A process reports which item it begins. When it
dies, its job is done again by another; an item at which two processes died is left out then.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, Literal, TypeVar

from smirk3d.errors import OutputError, reason

Job = TypeVar("Job")
Work = Callable[[Job, Mapping[int, str], Callable[[int], None]], None]
"""Function that does a job, given the items to leave out with reasons, and a callback for items."""

_Message = tuple[Literal["item", "done", "error"], int | Exception | None]

_DEATHS = 2
"""A process that died once may have been killed by somebody; twice at one item, by the item."""

_BEFORE = -1
"""Stands for the time before the first item."""

_PATIENCE = 10.0
"""Seconds that a process gets to clean up before it is killed."""


@dataclass
class _Task(Generic[Job]):
    """A job and the state of its items.

    Attributes:
        job: the job.
        left_out: reasons of items that are left out.
        deaths: number of processes that died at each item.
        item: number of the item that is being worked on.
    """

    job: Job
    left_out: dict[int, str] = field(default_factory=dict)
    deaths: Counter[int] = field(default_factory=Counter)
    item: int = _BEFORE


class _Worker(Generic[Job]):
    """A process that does jobs one after the other."""

    def __init__(self, work: Work[Job]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(work, theirs), daemon=True
        )
        self.process.start()
        theirs.close()  # else the end of the process would not end the connection
        self.task: _Task[Job] | None = None

    def begin(self, task: _Task[Job]) -> None:
        self.task = task
        task.item = _BEFORE
        try:
            self.connection.send((task.job, task.left_out))
        except OSError:
            return  # it died: the end of the connection is what is heard next

    def heard(self) -> _Message | None:
        """Return what the process says, None if it is dead."""
        try:
            message: _Message = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def run_jobs(work: Work[Job], jobs: Sequence[Job], processes: int) -> Iterator[Job]:
    """Do jobs in processes of their own and yield each when it is done.

    Args:
        work: function that does one job; it and the jobs can be pickled.
        jobs: jobs to do.
        processes: number of processes; 0 works in this one, whose death ends everything.

    Raises:
        OutputError: if processes die twice before the first item of a job.
        Exception: what ``work`` raises; the other processes are ended.
    """
    if processes == 0:
        for job in jobs:
            work(job, {}, lambda item: None)
            yield job
        return
    waiting = deque(_Task(job) for job in jobs)
    workers: list[_Worker[Job]] = []
    try:
        while waiting or any(worker.task for worker in workers):
            _hand_out(waiting, workers, work, processes)
            busy = {worker.connection: worker for worker in workers if worker.task}
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                done = _hear(worker, waiting, workers)
                if done is not None:
                    yield done.job
    finally:
        for worker in workers:
            worker.end()


def _hand_out(
    waiting: deque[_Task[Job]], workers: list[_Worker[Job]], work: Work[Job], processes: int
) -> None:
    """Give jobs to idle processes, and start processes for the others."""
    while waiting:
        worker = next((worker for worker in workers if worker.task is None), None)
        if worker is None:
            if len(workers) == processes:
                return
            worker = _Worker(work)
            workers.append(worker)
        worker.begin(waiting.popleft())


def _hear(
    worker: _Worker[Job], waiting: deque[_Task[Job]], workers: list[_Worker[Job]]
) -> _Task[Job] | None:
    """Take a message of a process and return its task if it is done."""
    task = worker.task
    assert task is not None
    message = worker.heard()
    if message is None:
        workers.remove(worker)
        worker.end()
        _note_death(task, worker.process.exitcode)
        waiting.appendleft(task)
        return None
    kind, value = message
    if isinstance(value, Exception):
        raise value
    if kind == "item" and value is not None:
        task.item = value
        return None
    worker.task = None
    return task


def _note_death(task: _Task[Job], code: int | None) -> None:
    task.deaths[task.item] += 1
    if task.deaths[task.item] < _DEATHS:
        return
    how = f"exit code {code}"
    if code is not None and code < 0:
        how = signal.Signals(-code).name
    if task.item == _BEFORE:
        raise OutputError(f"the process that reads files died twice at its start ({how})")
    task.left_out[task.item] = f"the process that read it died ({how})"


def _serve(work: Work[Job], connection: Connection) -> None:
    """Do jobs until the connection ends."""
    # Ctrl-C goes to all processes of a terminal; the first one ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    while True:
        try:
            job, left_out = connection.recv()
            message = _done(work, job, left_out, connection)
            connection.send(message)
        except (EOFError, OSError):
            return  # whoever gave the jobs is gone


def _done(
    work: Work[Job], job: Job, left_out: Mapping[int, str], connection: Connection
) -> _Message:
    try:
        work(job, left_out, lambda item: connection.send(("item", item)))
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            error = RuntimeError(reason(error))
        return "error", error
    return "done", None
