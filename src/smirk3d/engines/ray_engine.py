"""The engine on Ray: Ray Data hands jobs to actors of a cluster, and starts those again that die.

Blocks have one row, so that a death repeats one job. Jobs are in the object store before actors
start, so that no task that reads them waits for a processor that actors hold. Ray's own workers run
at a low priority; here they get this process's.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any, Generic

from smirk3d.assets.optional import require
from smirk3d.engines.work import BEFORE, Deaths, Job, Prepare, Result, Work
from smirk3d.errors import OutputError, Smirk3dError, reason

_WAVE = 10_000
"""Jobs that Ray gets at once: its driver keeps some kilobytes a block, and each wave starts actors
anew, which takes seconds."""

_MOST_DEATHS = 2
"""As of the local engine."""


class Attempts:
    """An actor beside the workers that knows at which item of which job a worker is, or died."""

    def __init__(self, most_deaths: int) -> None:
        """Know of none yet."""
        self._most_deaths = most_deaths
        self._deaths: dict[int, Deaths] = {}
        self._items: dict[int, int] = {}

    def open(self, job: int) -> dict[int, str]:
        """Note that a worker begins a job, and return the items that it is to leave out."""
        deaths = self._deaths.setdefault(job, Deaths(self._most_deaths))
        if job in self._items:
            how = "its process ended"
            if deaths.note(self._items[job], how) and self._items[job] == BEFORE:
                raise OutputError(f"processes died again and again before a first file ({how})")
        self._items[job] = BEFORE
        return deaths.left_out

    def begin(self, job: int, item: int) -> None:
        """Note that a worker begins an item."""
        self._items[job] = item

    def close(self, job: int) -> None:
        """Note that a job is done."""
        self._items.pop(job, None)


class _Worker(Generic[Job, Result]):
    """Does the jobs of one actor; what the work raises becomes a row, for Ray repeats errors."""

    def __init__(self, work: Work[Job, Result], prepare: Prepare | None, attempts: Any) -> None:
        self._ray = require("ray", extra="corpus")
        self._work, self._attempts = work, attempts
        if prepare is not None:
            prepare()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        number, pickled = int(row["number"]), self._ray.cloudpickle
        answer: tuple[Any, Exception | None]
        try:
            left_out = self._ask("open", number)
            job = pickled.loads(row["job"])
            result = self._work(job, left_out, lambda item: self._begin(number, item))
            self._ask("close", number)
            answer = (result, None)
        except Exception as error:
            answer = (None, _portable(error))
        # by value: what an actor owns is lost with it
        return {"number": number, "answer": pickled.dumps(answer)}

    def _begin(self, number: int, item: int) -> None:
        self._ask("begin", number, item)

    def _ask(self, what: str, *arguments: int) -> Any:
        return self._ray.get(getattr(self._attempts, what).remote(*arguments))


def _portable(error: Exception) -> Exception:
    """Return an error of ours as it is, and of others, who may hold anything, its text."""
    return error if isinstance(error, Smirk3dError) else RuntimeError(reason(error))


def run_on_ray(
    work: Work[Job, Result],
    jobs: Iterable[Job],
    workers: int | None = None,
    *,
    prepare: Prepare | None = None,
    most_deaths: int = _MOST_DEATHS,
) -> Iterator[tuple[Job, Result]]:
    """Do jobs on a Ray cluster and yield each with its result when it is done.

    The cluster is the one that this process is connected to, that at ``RAY_ADDRESS``, or one of
    this machine alone, which ends with the last job.

    Args:
        work: function that does one job.
        jobs: jobs to do.
        workers: number of actors of one processor each; all processors of the cluster but one
            unless given.
        prepare: called once in each actor, before its first job.
        most_deaths: deaths of processes at one item after which it is left out.

    Raises:
        MissingExtra: if Ray is not installed.
        Exception: what ``work`` raises.
    """
    ray = require("ray", extra="corpus")
    with _connected(ray, workers):
        # each actor keeps a processor: one more would wait for ever, and so would all after it
        free = int(ray.cluster_resources().get("CPU", 1))
        count = max(1, min(workers or free - 1, free))
        jobs = iter(jobs)
        while wave := list(itertools.islice(jobs, _WAVE)):
            yield from _run_wave(ray, work, wave, count, prepare, most_deaths)


@contextlib.contextmanager
def _connected(ray: Any, workers: int | None) -> Iterator[None]:
    """Connect to a cluster, or start one, while the block runs."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", str(os.nice(0)) if hasattr(os, "nice") else "0")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if "RAY_ADDRESS" not in os.environ:
        options |= {"include_dashboard": False}
        options |= {} if workers is None else {"num_cpus": workers + 1}
    ray.init(**options)
    try:
        yield
    finally:
        ray.shutdown()


def _run_wave(
    ray: Any,
    work: Work[Job, Result],
    jobs: list[Job],
    count: int,
    prepare: Prepare | None,
    most_deaths: int,
) -> Iterator[tuple[Job, Result]]:
    data = require("ray.data", extra="corpus")
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    attempts = ray.remote(num_cpus=0)(Attempts).remote(most_deaths)
    pickled = ray.cloudpickle
    rows = [{"number": number, "job": pickled.dumps(job)} for number, job in enumerate(jobs)]
    dataset = data.from_items(rows, override_num_blocks=len(rows)).map(
        _Worker,
        fn_constructor_args=(work, prepare, attempts),
        compute=data.ActorPoolStrategy(size=min(count, len(jobs))),
        num_cpus=1,
    )
    for row in dataset.iter_rows():
        result, error = pickled.loads(row["answer"])
        if error is not None:
            raise error
        yield jobs[row["number"]], result
