"""SIGTERM and SIGHUP leave what Ctrl-C leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smirk3d.cli.support.signals import until_stopped
from smirk3d.closing import stop_on_interrupt

CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


@pytest.fixture(autouse=True)
def _signals_are_heeded() -> Iterator[None]:
    """A shell starts what it puts in the background with Ctrl-C ignored, nohup ignores SIGHUP."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in CODES}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_command_as_ctrl_c_does(number: signal.Signals) -> None:
    cleaned = []

    def run() -> int:
        try:
            os.kill(os.getpid(), number)
            while True:
                signal.pause()
        except KeyboardInterrupt:
            cleaned.append(True)
            raise

    before = signal.getsignal(number)
    assert until_stopped(run) == CODES[number]
    assert cleaned
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_loop_that_waits_for_ctrl_c_ends_by_itself(number: signal.Signals) -> None:
    def run() -> int:
        with stop_on_interrupt() as stop:
            os.kill(os.getpid(), number)
            assert stop.wait(10)
        return 0

    assert until_stopped(run) == CODES[number]


def test_a_command_that_nobody_stops_keeps_its_code() -> None:
    assert until_stopped(lambda: 3) == 3


def test_nohup_is_heeded() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert until_stopped(lambda: os.kill(os.getpid(), signal.SIGHUP) or 0) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("ignored", [False, True])
def test_a_process_that_is_ended_leaves_no_temporary_files(tmp_path: Path, ignored: bool) -> None:
    script = """
import signal, sys
from pathlib import Path
from smirk3d.assets.atomic import atomic_directory, atomic_path
from smirk3d.cli.support.signals import until_stopped

def run():
    with atomic_directory("result") as folder, atomic_path("file") as file:
        (folder / "half").write_text("half")
        file.write_text("half")
        print("ready", flush=True)
        signal.pause()

sys.exit(until_stopped(run))
"""
    start = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    start += "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    command = [sys.executable, "-c", start if ignored else script, script]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(30) == 143
    assert not list(tmp_path.iterdir())


def test_a_signal_while_text_is_executed_gives_the_same_code(tmp_path: Path) -> None:
    script = (
        "import signal, sys\n"
        "from smirk3d.cli.support.signals import until_stopped\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "text = 'import signal; signal.raise_signal(signal.SIGTERM)'\n"
        "sys.exit(until_stopped(lambda: exec(text)))\n"
    )
    (tmp_path / "stopped.py").write_text(script)
    ended = subprocess.run([sys.executable, "-m", "stopped"], check=False, cwd=tmp_path)
    assert ended.returncode == CODES[signal.SIGTERM]
