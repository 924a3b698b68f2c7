"""A live performance as plain OSC, an address for each weight, as VRChat's avatars take it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from smirk3d.export.arkit_csv import HEADER
from smirk3d.live.datagrams import FaceSender, FaceValues

PORT = 9000
"""The port on which VRChat listens for OSC."""
PREFIX = "/avatar/parameters/"
"""Where VRChat looks for the parameters of an avatar."""


class PlainOscSender(FaceSender):
    """Sends each weight and angle to an address of its own, ``/avatar/parameters/JawOpen``."""

    def __init__(self, host: str, port: int = PORT) -> None:
        """Look up the receiver.

        Args:
            host: its name or address.
            port: its port.

        Raises:
            InputError: if there is no such host.
        """
        self._messages = importlib.import_module("pythonosc.osc_message_builder")
        super().__init__(host, port)

    def datagrams(self, values: FaceValues, seconds: float) -> Iterator[bytes]:
        """Yield a datagram a value; see :meth:`FaceSender.datagrams`."""
        for name, value in zip(HEADER[2:], values.tolist(), strict=True):
            message = self._messages.OscMessageBuilder(PREFIX + name)
            message.add_arg(value)
            yield message.build().dgram
