"""Live motion over UDP: the packets of Live Link Face, and VMC's bundles; needs no Blender."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .conventions import ARKIT_NAMES, of_unity, rotations

PORTS = {"LIVE_LINK": 11111, "VMC": 39539}
"""Where programs of each protocol send to."""
_LARGEST = 65536
"""Bytes; UDP's datagrams are smaller."""
_MOST_AT_ONCE = 256
"""Datagrams read in one go, so that a flood does not stop Blender."""
_SWAPPED = ((15, 16), (21, 22))
"""Values of packets that have left before right, against :data:`ARKIT_NAMES`: jaw and mouth."""
_BONES = {"Head": 0, "LeftEye": 1, "RightEye": 2}


@dataclass
class Moment:
    """The newest face.

    Attributes:
        weights: ARKit's ``[52]``.
        turns: rotations of head, left and right eye ``[3, 3, 3]``.
    """

    weights: np.ndarray = field(default_factory=lambda: np.zeros(52))
    turns: np.ndarray = field(default_factory=lambda: np.tile(np.eye(3), (3, 1, 1)))


class Receiver:
    """Takes a live performance on a port; :attr:`moment` is its newest face."""

    def __init__(self, protocol: str, port: int, host: str = "127.0.0.1") -> None:
        """Listen.

        Args:
            protocol: ``LIVE_LINK`` or ``VMC``.
            port: the port, 0 for a free one.
            host: ``127.0.0.1`` for senders on this machine, ``0.0.0.0`` for all.

        Raises:
            OSError: if the port is taken.
        """
        self.moment = Moment()
        self.received = 0
        self._read = {"LIVE_LINK": self._live_link, "VMC": self._vmc}[protocol]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._socket.getsockname()[1]

    def poll(self) -> bool:
        """Take what has come and return whether a face was in it."""
        before = self.received
        for _ in range(_MOST_AT_ONCE):
            try:
                datagram = self._socket.recv(_LARGEST)
            except OSError:  # nothing there
                break
            try:
                self._read(datagram)
            except (ValueError, IndexError, struct.error, UnicodeDecodeError):
                continue  # of another program
        return self.received > before

    def close(self) -> None:
        """Free the port."""
        self._socket.close()

    def _live_link(self, packet: bytes) -> None:
        """Version, device, subject, time, count, values, big-endian."""
        place = 1
        for _ in range(2):
            (length,) = struct.unpack_from(">i", packet, place)
            if not 0 <= length <= len(packet):
                raise ValueError("no packet")
            place += 4 + length
        count = packet[place + 16]
        if count != 61:
            raise ValueError("no face")
        values = np.array(struct.unpack_from(">61f", packet, place + 17), float)
        if not np.isfinite(values).all():
            raise ValueError("no numbers")
        for one, other in _SWAPPED:
            values[[one, other]] = values[[other, one]]
        self.moment = Moment(values[:52].clip(0, 1), rotations(values[52:].reshape(3, 3)))
        self.received += 1

    def _vmc(self, packet: bytes) -> None:
        for address, values in messages(packet):
            if address == "/VMC/Ext/Blend/Val" and len(values) == 2:
                place = _PLACES.get(str(values[0]).lower())
                if place is not None:
                    self.moment.weights[place] = min(max(float(values[1]), 0.0), 1.0)
            elif address == "/VMC/Ext/Bone/Pos" and len(values) == 8 and values[0] in _BONES:
                quaternion = np.array(values[4:8], float)
                length = float(np.linalg.norm(quaternion))
                if np.isfinite(length) and length > 0:
                    self.moment.turns[_BONES[values[0]]] = of_unity(quaternion / length)
            elif address == "/VMC/Ext/Blend/Apply":
                self.received += 1


_PLACES = {name.lower(): place for place, name in enumerate(ARKIT_NAMES)}


def messages(packet: bytes) -> Iterator[tuple[str, list[Any]]]:
    """Yield address and values of the messages of an OSC packet, bundles within it included.

    Raises:
        ValueError: if it is no OSC.
    """
    if packet.startswith(b"#bundle\0"):
        place = 16
        while place + 4 <= len(packet):
            (size,) = struct.unpack_from(">i", packet, place)
            if not 0 < size <= len(packet) - place - 4:
                raise ValueError("no bundle")
            yield from messages(packet[place + 4 : place + 4 + size])
            place += 4 + size
        return
    address, place = _text(packet, 0)
    kinds, place = _text(packet, place)
    values: list[Any] = []
    for kind in kinds[1:]:
        if kind == "s":
            text, place = _text(packet, place)
            values.append(text)
        elif kind in "fi":
            values.append(struct.unpack_from(f">{kind}", packet, place)[0])
            place += 4
        else:
            raise ValueError("values of another kind")
    yield address, values


def _text(packet: bytes, place: int) -> tuple[str, int]:
    """Return a text that ends in zeros up to a multiple of four, and where it ends."""
    end = packet.index(b"\0", place)
    return packet[place:end].decode("utf-8"), (end // 4 + 1) * 4
