from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from smirk3d.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["absent"], 3, "absent: no such file or folder"),
        (["a", "b", "c"], 2, "give 2 results at most, got 3"),
        (["--source", "x.mp4"], 2, "--source belongs to a result"),
        (["--host", "203.0.113.7"], 3, "--host 203.0.113.7: no address of this machine"),
        (["--head", "nobody"], 2, "no head named 'nobody'"),
        (["--port", "70000"], 2, "--port must lie between 0 and 65535"),
        (["--allow-origin", "hub"], 2, "--allow-origin hub: give scheme and host"),
        (["--allow-origin", "https://a", "--allow-origin", "b"], 2, "--allow-origin b: give"),
    ],
)
def test_what_cannot_be_shown_is_said(
    arguments: list[str], code: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", *arguments]) == code
    assert reason in capsys.readouterr().err


def test_an_empty_viewer_answers_at_the_address_it_prints_until_interrupted(tmp_path: Path) -> None:
    # a shell ignores the signal in what it starts in the background, and children inherit that
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        running = subprocess.Popen(
            [sys.executable, "-m", "smirk3d", "view", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert running.stdout is not None
    line = running.stdout.readline()
    try:
        address = line.split()[0]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=120) as answer:
            assert b"<html" in answer.read()
    finally:
        running.send_signal(signal.SIGINT)
        out, error = running.communicate(timeout=120)
    assert (running.returncode, out, error) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
