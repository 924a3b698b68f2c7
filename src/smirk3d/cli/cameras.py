"""``smirk3d cameras``: the numbers of the cameras there are."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.cli.support.terminal import complain, say
from smirk3d.cli.support.usage import FAILED, check_number


@dataclass
class Cameras:
    """List the cameras that give a picture, by the number that `track --camera` takes."""

    up_to: int = 8
    """How many numbers to try, from 0."""

    def run(self) -> int:
        """Do it and return the exit code."""
        check_number("--up-to", self.up_to, 1)

        from smirk3d.live.camera import camera_sizes

        found = 0
        for number, (width, height) in camera_sizes(range(self.up_to)):
            say(f"{number}: {width} x {height}")
            found += 1
        if not found:
            complain("no camera gives a picture: plug one in, or close what uses it")
        return 0 if found else FAILED


COMMAND = Cameras
