"""Jobs in processes that die: what is lost, what is left out, and when the whole run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from smirk3d.engines.supervisor import run_local
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


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_each_job_gives_its_result_once(processes: int) -> None:
    assert sorted(run_local(square, range(7), processes)) == [(n, n * n) for n in range(7)]


def test_an_item_that_kills_is_left_out_with_the_reason() -> None:
    results = dict(run_local(square, range(10), 2, most_deaths=3))
    assert results.pop(7) == "3 processes that worked on it died (SIGSEGV)"
    assert results == {n: n * n for n in range(10) if n != 7}


@pytest.mark.parametrize("processes", [0, 2])
def test_what_the_work_raises_ends_the_run(processes: int) -> None:
    with pytest.raises(InputError, match="thirteen"):
        list(run_local(square, range(10, 17), processes))


def test_jobs_are_asked_for_when_a_process_is_free() -> None:
    asked: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(1, 6):
            asked.append(number)
            yield number

    for done, _ in run_local(square, jobs(), 1):
        assert len(asked) <= done + 1


def die_once(job: int, left_out: Mapping[int, str], begin: Begin, *, folder: Path) -> int:
    begin(0)
    mark = folder / str(job)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def test_a_death_costs_its_job_one_try(tmp_path: Path) -> None:
    work = partial(die_once, folder=tmp_path)
    assert sorted(run_local(work, range(4), 2)) == [(n, n) for n in range(4)]


def die() -> None:
    os._exit(3)


def unable() -> None:
    raise InputError("no model")


def test_processes_that_never_get_ready_end_the_run() -> None:
    with pytest.raises(OutputError, match=r"10 processes in a row .* \(exit code 3\)"):
        list(run_local(square, range(3), 2, prepare=die))


def test_an_error_of_the_preparation_is_the_runs() -> None:
    with pytest.raises(InputError, match="no model"):
        list(run_local(square, range(3), 2, prepare=unable))


SCRIPT = """
import os, sys, time
from pathlib import Path
from smirk3d.engines.supervisor import run_local

def sleep(job, left_out, begin):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(60)

if __name__ == "__main__":
    list(run_local(sleep, range(4), 2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    pids = tmp_path / "pids"
    pids.mkdir()
    driver = subprocess.Popen([sys.executable, str(script), str(pids)])
    try:
        while len(list(pids.iterdir())) < 2:
            assert driver.poll() is None
            time.sleep(0.05)
    finally:
        driver.kill()
        driver.wait()
    left = {int(path.name) for path in pids.iterdir()}
    until = time.monotonic() + 20
    while left and time.monotonic() < until:
        left = {pid for pid in left if _lives(pid)}
        time.sleep(0.05)
    assert not left


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
