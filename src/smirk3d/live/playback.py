"""A tracked performance sent in real time, once or over and over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from smirk3d.errors import OutputError
from smirk3d.heads.head_model import HeadModel
from smirk3d.live.stream_driver import FaceSink
from smirk3d.parameters.face_parameters import FaceParameters


def play(
    head: HeadModel,
    parameters: FaceParameters,
    timestamps: Sequence[float],
    sinks: Sequence[FaceSink],
    *,
    loop: bool = False,
    stop: threading.Event | None = None,
    warn: Callable[[str], None] = lambda text: None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Send frames when their times come and return how many were sent.

    Each is sent at its own time since the beginning, so that no delay adds up; one that comes up
    when the next is due already is left out. Between rounds the last frame stays for as long as a
    frame lasts on average.

    Args:
        head: the head of the faces.
        parameters: T faces, one a frame, gaps filled.
        timestamps: seconds ``[T]``, increasing.
        sinks: what gets them.
        loop: begin again after the last frame, until stopped.
        stop: ends the performance when set.
        warn: gets a line the first time that a receiver cannot be reached.
        clock: gives seconds.
    """
    stop = stop or threading.Event()
    first, last = timestamps[0], timestamps[-1]
    length = (last - first) * len(timestamps) / max(len(timestamps) - 1, 1) or 1.0
    begin, sent, warned, turn = clock(), 0, False, 0
    while True:
        for row, moment in enumerate(timestamps):
            seconds = turn * length + moment - first
            if row + 1 < len(timestamps):
                following = turn * length + timestamps[row + 1] - first
                if clock() >= begin + following:
                    continue
            stop.wait(max(begin + seconds - clock(), 0.0))
            if stop.is_set():
                return sent
            for sink in sinks:
                try:
                    sink.send(head, parameters[row], seconds)
                except OutputError as error:
                    if not warned:
                        warn(str(error))
                    warned = True
            sent += 1
        turn += 1
        if not loop:
            return sent
