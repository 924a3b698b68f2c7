"""How late live packets are: of a looped file, and from a camera's frame to the datagram.

    python -m benchmarks.live play [--minutes 10]
    python -m benchmarks.live camera [--seconds 60]

``play`` is a program that loops three seconds of a moving face to Live Link packets, 30 a second; a
program that shares nothing with it notes when each arrives. Lateness is arrival after the packet's
own time, counted from the earliest packet. ``camera`` tracks made frames, 30 a second, handed out
by a stand-in of a camera that notes when each was read; latency is from there to the arrival of the
packet that bears the frame's time. A real camera adds its exposure and transfer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.common import write_results
from benchmarks.soak import portrait

from smirk3d.export.arkit_csv import write_arkit_csv
from smirk3d.heads.registry import load_head
from smirk3d.live.camera import LiveCamera
from smirk3d.live.live_link import LiveLinkSender
from smirk3d.live.stream_driver import StreamDriver
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.track_video import ClipConfig, tracker_of

_RATE = 30
_TIME_FROM_END = 16 + 1 + 61 * 4
"""Bytes from a packet's time to its end: time, count, values."""


def _receive(port: Any, arrivals: Any, stop: Any) -> None:
    """Note arrival and own time of packets, in a process of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.5)
        port.put(receiver.getsockname()[1])
        found = []
        while not stop.is_set():
            try:
                packet = receiver.recv(65536)
            except TimeoutError:
                continue
            now = time.monotonic()
            frame, part, rate, per = struct.unpack_from(
                ">ifii", packet, len(packet) - _TIME_FROM_END
            )
            found.append((now, (frame + part) * per / rate))
        arrivals.put(found)


def received(run: Callable[[int], None]) -> np.ndarray:
    """Return arrival (monotonic clock) and own time ``[N, 2]`` of what is sent to a port."""
    context = multiprocessing.get_context("spawn")
    port, arrivals, stop = context.Queue(), context.Queue(), context.Event()
    process = context.Process(target=_receive, args=(port, arrivals, stop))
    process.start()
    try:
        run(port.get(timeout=60))
        time.sleep(0.5)
    finally:
        stop.set()
    found = np.array(arrivals.get(timeout=60)).reshape(-1, 2)
    process.join()
    return found


def figures(late: np.ndarray) -> dict[str, float]:
    """Return median, 99th percentile and largest of delays, in milliseconds."""
    shown = np.percentile(late * 1e3, [50, 90, 99, 100]).round(2).tolist()
    return dict(zip(("median_ms", "p90_ms", "p99_ms", "most_ms"), shown, strict=True))


def play(minutes: float) -> dict[str, Any]:
    """Loop a file for so long by the command."""
    head = load_head()
    frames = head.neutral(90)
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    frames.jaw[:, 0] = frames.jaw.new_tensor(0.5 - 0.5 * np.cos(turn))
    frames.head_pose[:, 1] = frames.head_pose.new_tensor(0.3 * np.sin(turn))
    used = 0.0

    def run(port: int) -> None:
        nonlocal used
        path = Path(folder) / "loop.csv"
        times = [n / _RATE for n in range(90)]
        write_arkit_csv(path, head, frames, timestamps=times, fps=Fraction(60))
        command = [sys.executable, "-m", "smirk3d", "play", str(path), "--loop"]
        player = subprocess.Popen([*command, "--livelink", f"127.0.0.1:{port}"])
        time.sleep(60 * minutes + 5)  # and as long as it takes to start
        player.send_signal(2)
        _, status, usage = os.wait4(player.pid, 0)
        player.returncode = os.waitstatus_to_exitcode(status)
        used = usage.ru_utime + usage.ru_stime

    with tempfile.TemporaryDirectory() as folder:
        found = received(run)
    arrival, own = found.T
    offset = arrival - own
    gaps = np.diff(arrival)
    expected = round(own[-1] * _RATE) + 1
    return {
        "what": "looped file", "packets": len(found), "seconds": round(float(own[-1]), 1),
        "left_out": expected - len(found),
        "rate": round((len(found) - 1) / float(arrival[-1] - arrival[0]), 3),
        **figures(offset - offset.min()),
        "gap_std_ms": round(float(gaps.std()) * 1e3, 3), "cpu_seconds": round(used, 1),
    }  # fmt: skip


class _Frames:
    """A camera of made frames; :attr:`first` is when the first was read."""

    def __init__(self, seconds: float) -> None:
        self._face, self._count = portrait(), round(seconds * _RATE)
        self._given = 0
        self.first = 0.0

    def read(self) -> tuple[bool, Any]:
        if self._given == self._count:
            return False, None
        if self._given:
            time.sleep(max(self.first + self._given / _RATE - time.monotonic(), 0))
        picture = np.roll(self._face, round(60 * np.sin(self._given / 40)), 1)[..., ::-1]
        self._given += 1
        self.first = self.first or time.monotonic()
        return True, picture

    def release(self) -> None:
        """Nothing is open."""


def camera(seconds: float) -> dict[str, Any]:
    """Track made frames for so long and send what is found."""
    source = _Frames(seconds)
    reconstructor = FaceReconstructor(fast=True)
    dropped = 0

    def run(port: int) -> None:
        nonlocal dropped
        with (
            LiveLinkSender("127.0.0.1", port) as sender,
            tracker_of(reconstructor, ClipConfig(smooth="live")) as tracker,
            LiveCamera(source) as opened,
        ):
            driver = StreamDriver(reconstructor.head, [sender], print)
            for frame in opened.frames(threading.Event()):
                faces = tracker.step(frame.image, frame.seconds)
                driver.step(faces, frame.seconds, tracker.renamed())
            dropped = opened.dropped

    found = received(run)
    arrival, own = found[30:].T  # networks warm up in the first
    row = {"what": "camera", "packets": len(found), "seconds": seconds, "left_out": dropped}
    rate = round(len(own) / float(arrival[-1] - arrival[0]), 3)
    late = figures(arrival - source.first - own)
    return (
        row | {"rate": rate} | late | {"gap_std_ms": round(float(np.diff(arrival).std()) * 1e3, 3)}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("play", "camera"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    row = play(options.minutes) if options.what == "play" else camera(options.seconds)
    table = "| | |\n|---|---|\n" + "\n".join(f"| {key} | {value} |" for key, value in row.items())
    print(table)
    write_results(f"live-{options.what}", [row], table)


if __name__ == "__main__":
    main()
