"""A live performance as Epic's app Live Link Face sends it, which Unreal and others receive.

A datagram a frame, numbers big-endian: version 6, device and subject as length and text, the frame
and its fraction with the rate that they count on, 61, and as many floats in the order of Unreal's
``EARFaceBlendShape``: that of the app's CSV, but for left before right of jaw and mouth.
"""

from __future__ import annotations

import math
import struct
import uuid

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.export.arkit_csv import DEFAULT_FPS, HEADER
from smirk3d.live.datagrams import FaceSender, FaceValues

PORT = 11111
"""The port on which Unreal's Live Link listens for the app."""

_VERSION = 6
"""The app's version of the packet."""


_SWAPPED = (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"))
"""Pairs whose order in packets is not that of the CSV."""


def _packet_order() -> list[int]:
    """Return which of the CSV's values stands at each place of a packet."""
    order = list(range(len(HEADER) - 2))
    for one, other in _SWAPPED:
        i, j = ARKIT_NAMES.index(one), ARKIT_NAMES.index(other)
        order[i], order[j] = j, i
    return order


_ORDER = _packet_order()


def live_link_packet(device: str, subject: str, seconds: float, values: FaceValues) -> bytes:
    """Return one packet.

    Args:
        device: the sender's identifier.
        subject: name that the performance has in the receiver.
        seconds: since the performance began.
        values: ``[61]``.
    """
    frame, whole = math.modf(seconds * float(DEFAULT_FPS))
    names = b"".join(
        struct.pack(">i", len(text)) + text for text in (device.encode(), subject.encode())
    )
    time = (int(whole), frame, DEFAULT_FPS.numerator, DEFAULT_FPS.denominator)
    return (
        struct.pack(">B", _VERSION)
        + names
        + struct.pack(">ifii", *time)
        + struct.pack(f">B{len(values)}f", len(values), *values[_ORDER].tolist())
    )


class LiveLinkSender(FaceSender):
    """Sends one face as Live Link Face does, frame by frame."""

    def __init__(self, host: str, port: int = PORT, *, subject: str = "smirk3d") -> None:
        """Look up the receiver.

        Args:
            host: its name or address.
            port: its port.
            subject: name that the performance has there.

        Raises:
            InputError: if there is no such host.
        """
        super().__init__(host, port)
        self._subject = subject
        self._device = str(uuid.uuid4()).upper()

    def datagrams(self, values: FaceValues, seconds: float) -> tuple[bytes]:
        """Return the one packet of a frame; see :meth:`FaceSender.datagrams`."""
        return (live_link_packet(self._device, self._subject, seconds, values),)
