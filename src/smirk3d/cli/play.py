"""``smirk3d play``: a tracked performance to other programs, in real time."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

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
    """A track.npz, or the folder of results that holds it."""
    person: int = 0
    """Which person of the track."""
    loop: bool = False
    """Begin again after the last frame, until Ctrl-C."""
    head: str | None = None
    """File of the track's head, where it is not installed under its name."""
    receivers: tyro.conf.OmitArgPrefixes[Receivers] = field(default_factory=Receivers)

    def run(self) -> int:
        """Do it and return the exit code."""
        if not self.receivers.addresses():
            raise UsageError("nowhere to send: give --livelink, --ifacialmocap, --vmc or --osc")
        check_number("--person", self.person, 0)
        if self.head is not None:
            check_head(self.head)

        from smirk3d.errors import AssetError, InputError
        from smirk3d.export.gaps import with_gaps_filled
        from smirk3d.heads.registry import load_head
        from smirk3d.live.playback import play
        from smirk3d.tracking.track_file import read_track
        from smirk3d.tracking.track_video import stop_on_interrupt

        track = read_track(self.track)
        if self.person >= len(track.ids):
            raise InputError(f"{self.track} has {len(track.ids)} people: give --person from 0")
        head = load_head(self.head or str(track.meta["head"]))
        if head.fingerprint != track.meta.get("head_fingerprint"):
            raise AssetError(f"{self.track}: made with another version of head {head.name!r}")
        parameters = with_gaps_filled(
            head, track.parameters(self.person), track.frames(self.person), track.timestamps
        )
        with contextlib.ExitStack() as stack, stop_on_interrupt() as stop:
            sinks = self.receivers.open(stack)
            complain("playing; Ctrl-C ends it")
            sent = play(
                head, parameters, track.timestamps.tolist(), sinks,
                loop=self.loop, stop=stop, warn=complain,
            )  # fmt: skip
        say(f"{self.track}: {sent} frames sent")
        return 0


COMMAND = Play
