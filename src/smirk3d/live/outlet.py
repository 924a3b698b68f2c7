"""One receiver of a stream, whose absence is said once and ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from smirk3d.errors import OutputError
from smirk3d.live.datagrams import FaceValues


class FaceSink(Protocol):
    """Takes one face a frame, as :class:`smirk3d.live.datagrams.FaceSender` does."""

    def datagrams(self, values: FaceValues, seconds: float) -> Iterable[bytes]:
        """Return what a face ``[61]`` is sent as, at a time in seconds."""
        ...

    def post(self, datagrams: Iterable[bytes]) -> None:
        """Send it."""
        ...


class Outlet:
    """Sends to one receiver; a network that drops out ends no take."""

    def __init__(self, sink: FaceSink, warn: Callable[[str], None]) -> None:
        """Set up with the receiver taken as reachable.

        Args:
            sink: the receiver.
            warn: gets a line when it cannot be reached, once until it can be again.
        """
        self._sink = sink
        self._warn = warn
        self._reached = True

    def made(self, values: FaceValues, seconds: float) -> list[bytes]:
        """Return the datagrams of a face ``[61]``."""
        return list(self._sink.datagrams(values, seconds))

    def post(self, datagrams: Iterable[bytes]) -> None:
        """Send datagrams if the receiver can be reached."""
        try:
            self._sink.post(datagrams)
        except OutputError as error:
            if self._reached:
                self._warn(str(error))
            self._reached = False
        else:
            self._reached = True
