"""Signals that end a program: SIGTERM and SIGHUP leave what Ctrl-C leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from smirk3d.cli.support.usage import INTERRUPTED


def until_stopped(run: Callable[[], int]) -> int:
    """Run a command so that SIGTERM and SIGHUP stop it as Ctrl-C does, and return its exit code.

    The code is 128 and the signal's number where one came (143, 129; 130 for a Ctrl-C that nothing
    else took), else what ``run`` returned.
    """
    with _as_ctrl_c() as received:
        try:
            code = run()
        except KeyboardInterrupt:
            code = INTERRUPTED
    if received or code == INTERRUPTED:
        # a Ctrl-C that came while text was executed, as in the making of dataclasses, stays noted
        # in CPython until the next such text, and would end `python -m` by SIGINT at its exit
        exec("")
    return 128 + received[0] if received else code


@contextlib.contextmanager
def _as_ctrl_c() -> Iterator[list[int]]:
    """Let the signals do what Ctrl-C does; gives the numbers of those that came."""
    received: list[int] = []
    owner = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked worker: it has nothing of its own to finish
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
            return
        received.append(number)
        if callable(signal.getsignal(signal.SIGINT)):
            signal.raise_signal(signal.SIGINT)
        else:  # Ctrl-C is ignored, as for what a shell starts in the background
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                before[number] = signal.signal(number, handle)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
