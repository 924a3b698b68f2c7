"""Tests of what several commands share."""

from __future__ import annotations

import threading

import pytest

from smirk3d.cli.support.common_options import Estimation


def test_the_end_of_a_command_waits_for_what_prepares_in_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[threading.Thread] = []

    class Recorded(threading.Thread):
        def start(self) -> None:
            started.append(self)
            super().start()

    monkeypatch.setattr(threading, "Thread", Recorded)
    Estimation(weights="none").prepared()
    assert started
    assert not any(thread.daemon for thread in started)
    for thread in started:
        thread.join()
