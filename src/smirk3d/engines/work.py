"""The contract of work that any engine can do.

A job has items, such as the photos of a shard; a clip is a job of one item. The work reports which
item it begins. When its process dies, the job is done again by another; an item at which too many
processes died is left out then, with the reason.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
Job_contra = TypeVar("Job_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

Prepare = Callable[[], None]
"""Function that a process calls once, before its first job."""

BEFORE = -1
"""Stands for the time before the first item of a job."""


class Work(Protocol[Job_contra, Result_co]):
    """Function that does one job; it can be pickled, and gives equal results for equal jobs."""

    def __call__(
        self, job: Job_contra, left_out: Mapping[int, str], begin: Callable[[int], None], /
    ) -> Result_co:
        """Do a job.

        Args:
            job: the job.
            left_out: reasons of items that are not to be touched, by number.
            begin: to call with the number of each item before anything is done with it.
        """
        ...


class Engine(Protocol):
    """Something that does jobs and gives each with its result, in the order in which they end."""

    def __call__(
        self, work: Work[Job, Result], jobs: Iterable[Job], *, prepare: Prepare | None = None
    ) -> Iterator[tuple[Job, Result]]:
        """Do jobs; an exception of the work ends it."""
        ...


class Deaths:
    """Deaths of processes at the items of one job.

    Attributes:
        left_out: reasons of the items at which too many died.
    """

    def __init__(self, most: int) -> None:
        """Count none yet.

        Args:
            most: deaths at one item after which it is left out.
        """
        self.left_out: dict[int, str] = {}
        self._most = most
        self._counts: Counter[int] = Counter()

    def note(self, item: int, how: str) -> bool:
        """Count a death and return whether it was one too many."""
        self._counts[item] += 1
        if self._counts[item] < self._most:
            return False
        self.left_out[item] = f"{self._most} processes that worked on it died ({how})"
        return True


def how_it_ended(code: int | None) -> str:
    """Return how a process ended by its exit code, ``SIGSEGV`` or ``exit code 1``."""
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
