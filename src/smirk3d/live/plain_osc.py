"""A live performance as plain OSC, an address for each weight, as VRChat's avatars take it."""

from __future__ import annotations

import torch

from smirk3d.assets.optional import require
from smirk3d.closing import Closing
from smirk3d.export.arkit_csv import HEADER, arkit_rows
from smirk3d.heads.head_model import HeadModel
from smirk3d.live.datagrams import DatagramSocket
from smirk3d.parameters.face_parameters import FaceParameters

PORT = 9000
"""The port on which VRChat listens for OSC."""
PREFIX = "/avatar/parameters/"
"""Where VRChat looks for the parameters of an avatar."""


class PlainOscSender(Closing):
    """Sends each weight and angle to an address of its own, ``/avatar/parameters/JawOpen``."""

    def __init__(self, host: str, port: int = PORT) -> None:
        """Look up the receiver.

        Args:
            host: its name or address.
            port: its port.

        Raises:
            MissingExtra: if python-osc is not installed.
            InputError: if there is no such host.
        """
        self._messages = require("pythonosc.osc_message_builder", extra="live")
        self._receiver = DatagramSocket(host, port)

    def send(self, head: HeadModel, parameters: FaceParameters, seconds: float) -> None:
        """Send one frame, a datagram a value; it has no time.

        Args:
            head: the head, with named actions.
            parameters: one face, without batch dimension.
            seconds: not sent.

        Raises:
            AssetError: if the head has no named actions.
            OutputError: if the receiver cannot be reached.
        """
        with torch.no_grad():
            values = arkit_rows(head, parameters[None].to(head.v_template))[0].tolist()
        for name, value in zip(HEADER[2:], values, strict=True):
            message = self._messages.OscMessageBuilder(PREFIX + name)
            message.add_arg(value)
            self._receiver.send(message.build().dgram)

    def close(self) -> None:
        """Release the socket."""
        self._receiver.close()
