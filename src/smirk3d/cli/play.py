"""``smirk3d play``: a tracked performance to other programs, in real time."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.support.receivers import Receivers
from smirk3d.cli.support.terminal import complain, say
from smirk3d.cli.support.usage import check_head, check_number
from smirk3d.errors import UsageError


@dataclass
class Play:
    """Send a tracked performance in real time, as a camera's would be sent.

    Frames that do not show the person ease to rest. Ctrl-C ends it.
    """

    track: Annotated[Path, tyro.conf.Positional]
    """A track.npz or the folder that holds it, a CSV of Live Link Face, or FLAME's parameters."""
    person: int = 0
    """Which person of the track."""
    loop: bool = False
    """Begin again after the last frame, until Ctrl-C."""
    head: str = DEFAULT_HEAD
    """Head with ARKit's actions, for curves, and for tracks of heads without them."""
    receivers: tyro.conf.OmitArgPrefixes[Receivers] = field(default_factory=Receivers)

    def run(self) -> int:
        """Do it and return the exit code."""
        if not self.receivers.addresses():
            raise UsageError("nowhere to send: give --livelink, --ifacialmocap, --vmc or --osc")
        check_number("--person", self.person, 0)
        check_head(self.head)

        from fractions import Fraction

        from smirk3d.closing import stop_on_interrupt
        from smirk3d.heads.registry import load_head
        from smirk3d.live.calibration import REST_SECONDS, Calibration
        from smirk3d.live.datagrams import face_values
        from smirk3d.live.playback import play
        from smirk3d.tracking.performance import read_performance

        shown = read_performance(
            self.track, load_head, flame="flame", head=self.head, person=self.person,
            rate=Fraction(30), csv_fps=Fraction(60),
        )  # fmt: skip
        if not shown.head.has_named_actions:
            shown = shown.on_head(load_head(self.head))
        times = shown.times - shown.times[0]
        values = face_values(shown.head, shown.parameters)
        calibration = self.receivers.known_calibration()
        if self.receivers.calibrate:
            calibration = Calibration.of(values[times <= REST_SECONDS])
            self.receivers.keep(calibration)
        if calibration is not None:
            values = calibration.applied(values)
        with contextlib.ExitStack() as stack, stop_on_interrupt() as stop:
            sinks = self.receivers.open(stack)
            complain("playing; Ctrl-C ends it")
            sent = play(values, times.tolist(), sinks, loop=self.loop, stop=stop, warn=complain)
        say(f"{self.track}: {sent} frames sent")
        return 0


COMMAND = Play
