"""The local engine: processes of this machine, and a supervisor that replaces those that die."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, Literal

from smirk3d.engines.work import BEFORE, Deaths, Job, Prepare, Result, Work, how_it_ended
from smirk3d.errors import OutputError, reason

_Message = tuple[Literal["ready", "item", "done", "error"], Any]

_MOST_DEATHS = 2
"""A process that died once may have been killed by somebody; twice at one item, by the item."""

_MOST_STARTS = 10
"""Processes in a row that die before they are ready: a start takes some seconds, in which somebody
may kill one, but hardly ten."""

_PATIENCE = 10.0
"""Seconds that a process gets to clean up before it is killed."""


class _Task(Generic[Job]):
    """A job, the deaths at its items, and the number of the item that is being worked on."""

    def __init__(self, job: Job, most_deaths: int) -> None:
        self.job = job
        self.deaths = Deaths(most_deaths)
        self.item = BEFORE


class _Worker(Generic[Job, Result]):
    """A process that does jobs one after the other."""

    def __init__(self, work: Work[Job, Result], prepare: Prepare | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(work, prepare, theirs), daemon=True
        )
        self.process.start()
        theirs.close()  # else the end of the process would not end the connection
        self.is_ready = False
        self.task: _Task[Job] | None = None

    def begin(self, task: _Task[Job]) -> None:
        self.task = task
        task.item = BEFORE
        with contextlib.suppress(OSError):  # it died: the end of the connection is heard next
            self.connection.send((task.job, task.deaths.left_out))

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


def run_local(
    work: Work[Job, Result],
    jobs: Iterable[Job],
    processes: int,
    *,
    prepare: Prepare | None = None,
    most_deaths: int = _MOST_DEATHS,
) -> Iterator[tuple[Job, Result]]:
    """Do jobs in processes of their own and yield each with its result when it is done.

    Args:
        work: function that does one job; it, the jobs and the results can be pickled.
        jobs: jobs to do; each is asked for when a process is free for it.
        processes: number of processes; 0 works in this one, whose death ends everything.
        prepare: called once in each process, before its first job.
        most_deaths: deaths of processes at one item after which it is left out.

    Raises:
        OutputError: if processes die again and again before they begin with anything.
        Exception: what ``work`` raises; the other processes are ended.
    """
    if processes == 0:
        if prepare is not None:
            prepare()
        for job in jobs:
            yield job, work(job, {}, lambda item: None)
        return
    tasks = (_Task(job, most_deaths) for job in jobs)
    pool = _Pool(work, prepare, tasks, processes)
    try:
        yield from pool.results()
    finally:
        for worker in pool.workers:
            worker.end()


class _Pool(Generic[Job, Result]):
    """The processes, and the tasks that they have not done yet."""

    def __init__(
        self,
        work: Work[Job, Result],
        prepare: Prepare | None,
        tasks: Iterator[_Task[Job]],
        processes: int,
    ) -> None:
        self._work, self._prepare, self._processes = work, prepare, processes
        self._tasks = tasks
        self._again: deque[_Task[Job]] = deque()
        self._deaths_at_start = 0
        self.workers: list[_Worker[Job, Result]] = []

    def results(self) -> Iterator[tuple[Job, Result]]:
        while True:
            self._hand_out()
            busy = {worker.connection: worker for worker in self.workers if worker.task}
            if not busy:
                return
            for connection in wait(list(busy)):
                yield from self._hear(busy[connection])  # type: ignore[index]

    def _hand_out(self) -> None:
        """Give tasks to idle processes, and start processes for the others."""
        while True:
            idle = [worker for worker in self.workers if worker.task is None]
            if not idle and len(self.workers) == self._processes:
                return
            task = self._next_task(is_warm=bool(idle))
            if task is None:
                return
            if not idle:
                idle = [_Worker(self._work, self._prepare)]
                self.workers += idle
            idle[0].begin(task)

    def _next_task(self, *, is_warm: bool) -> _Task[Job] | None:
        """Return a task, None where there is none.

        One whose process died goes to a process that has done another since: what is slow in a new
        process makes its first task the likely victim of whoever kills processes.
        """
        if self._again and is_warm:
            return self._again.popleft()
        task = next(self._tasks, None)
        return self._again.popleft() if task is None and self._again else task

    def _hear(self, worker: _Worker[Job, Result]) -> Iterator[tuple[Job, Result]]:
        """Take a message of a process, and yield its job and result if it is done."""
        task = worker.task
        assert task is not None
        message = worker.heard()
        if message is None:
            self._bury(worker, task)
            return
        kind, value = message
        if kind == "error":
            raise value
        if kind == "ready":
            worker.is_ready, self._deaths_at_start = True, 0
        elif kind == "item":
            task.item = value
        else:
            worker.task = None
            yield task.job, value

    def _bury(self, worker: _Worker[Job, Result], task: _Task[Job]) -> None:
        self.workers.remove(worker)
        worker.end()
        how = how_it_ended(worker.process.exitcode)
        self._again.append(task)
        if worker.is_ready:
            if task.deaths.note(task.item, how) and task.item == BEFORE:
                raise OutputError(f"processes died again and again before a first file ({how})")
            return
        self._deaths_at_start += 1
        if self._deaths_at_start == _MOST_STARTS:
            raise OutputError(f"{_MOST_STARTS} processes in a row died at their start ({how})")


def _serve(
    work: Work[Job, Result], prepare: Prepare | None, connection: Connection[Any, Any]
) -> None:
    """Do jobs until the connection ends."""
    _leave_with_parent()
    # Ctrl-C goes to all processes of a terminal's group; the first one ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with contextlib.suppress(EOFError, OSError):  # whoever gave the jobs is gone
        try:
            if prepare is not None:
                prepare()
        except Exception as error:
            connection.send(("error", _portable(error)))
            return
        connection.send(("ready", None))
        while True:
            job, left_out = connection.recv()
            connection.send(_done(work, job, left_out, connection))


def _leave_with_parent() -> None:
    """End this process as soon as the one that started it has ended, however that ended.

    Else it would go on with its job, and hold locks that the next run needs.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end of the parent", daemon=True).start()


def _done(
    work: Work[Job, Result],
    job: Job,
    left_out: dict[int, str],
    connection: Connection[Any, Any],
) -> _Message:
    try:
        return "done", work(job, left_out, lambda item: connection.send(("item", item)))
    except Exception as error:
        return "error", _portable(error)


def _portable(error: Exception) -> Exception:
    """Return an error that another process can be handed."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(reason(error))
    return error
