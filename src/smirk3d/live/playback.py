"""A tracked performance sent in real time, once or over and over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from smirk3d.live.datagrams import FaceValues
from smirk3d.live.outlet import FaceSink, Outlet


def play(
    values: FaceValues,
    timestamps: Sequence[float],
    sinks: Sequence[FaceSink],
    *,
    loop: bool = False,
    stop: threading.Event | None = None,
    warn: Callable[[str], None] = lambda text: None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Send frames when their times come and return how many were sent.

    Each frame has a deadline, its own time since the beginning, so that no delay adds up. Its
    datagrams are made before the deadline; at the deadline they only leave. One that comes up when
    the next is due already is left out. Between rounds the last frame stays for as long as a frame
    lasts on average.

    Args:
        values: of T faces ``[T, 61]``, one a frame, gaps filled.
        timestamps: seconds ``[T]``, increasing.
        sinks: what gets them.
        loop: begin again after the last frame, until stopped.
        stop: ends the performance when set.
        warn: gets a line the first time that a receiver cannot be reached.
        clock: gives seconds.
    """
    stop = stop or threading.Event()
    outlets = [Outlet(sink, warn) for sink in sinks]
    begin, sent = clock(), 0
    for row, seconds, following in _frames(timestamps, loop):
        if following is not None and clock() >= begin + following:
            continue
        made = [(outlet, outlet.made(values[row], seconds)) for outlet in outlets]
        stop.wait(max(begin + seconds - clock(), 0.0))
        if stop.is_set():
            break
        for outlet, datagrams in made:
            outlet.post(datagrams)
        sent += 1
    return sent


def _frames(timestamps: Sequence[float], loop: bool) -> Iterator[tuple[int, float, float | None]]:
    """Yield number and deadline of each frame, and the next one's within the round or None."""
    first, last = timestamps[0], timestamps[-1]
    length = (last - first) * len(timestamps) / max(len(timestamps) - 1, 1) or 1.0
    start = 0.0
    while True:
        for row, moment in enumerate(timestamps):
            following = start + timestamps[row + 1] - first if row + 1 < len(timestamps) else None
            yield row, start + moment - first, following
        if not loop:
            return
        start += length
