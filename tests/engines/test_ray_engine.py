"""The Ray engine gives what the local one gives, and survives the same deaths."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest

from smirk3d.engines.ray_engine import Attempts, run_on_ray
from smirk3d.errors import InputError, OutputError

Begin = Callable[[int], None]


def square(job: int, left_out: Mapping[int, str], begin: Begin) -> int | str:
    """Jobs whose number ends with 7 kill their process, that of 13 raises."""
    if left_out:
        return left_out[0]
    begin(0)
    if job % 10 == 7:
        os.kill(os.getpid(), signal.SIGSEGV)
    if job == 13:
        raise InputError("thirteen")
    return job * job


def test_attempts_count_deaths_at_the_items_of_a_job() -> None:
    attempts = Attempts(2)
    assert attempts.open(5) == {}
    attempts.begin(5, 0)
    assert attempts.open(5) == {}, "one death may be bad luck"
    attempts.begin(5, 0)
    assert attempts.open(5) == {0: "2 processes that worked on it died (its process ended)"}
    attempts.close(5)
    assert attempts.open(6) == {}
    attempts.open(6)
    with pytest.raises(OutputError, match="before a first file"):
        attempts.open(6)


_LONGEST = 600
"""Seconds for all that needs the cluster: some of Ray's mistakes wait for ever."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of three processors on this machine, for all tests of the file."""
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'smirk3d[corpus]'")
    pytest.importorskip("ray.data", reason="needs Ray Data: pip install 'smirk3d[corpus]'")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # at Ray's own low priority its processes wait for ever on a machine that others keep busy
    os.environ.setdefault("RAY_worker_niceness", "0")

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"Ray was not done after {_LONGEST} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_LONGEST)
    try:
        ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="error")
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        ray.shutdown()


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="bounded by a signal of POSIX")


@pytest.mark.slow
@needs_signals
def test_each_job_gives_its_result_once_and_a_deadly_one_its_reason(cluster: None) -> None:
    results = list(run_on_ray(square, range(5, 11), 2))
    assert len(results) == 6
    found = dict(results)
    assert found.pop(7) == "2 processes that worked on it died (its process ended)"
    assert found == {n: n * n for n in range(5, 11) if n != 7}


@pytest.mark.slow
@needs_signals
def test_what_the_work_raises_ends_the_run(cluster: None) -> None:
    with pytest.raises(InputError, match="thirteen"):
        list(run_on_ray(square, range(12, 14), 1))
