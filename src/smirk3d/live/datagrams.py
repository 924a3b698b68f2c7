"""Datagrams to one receiver, over UDP; and the values of a face that all senders take."""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.closing import Closing
from smirk3d.errors import InputError, OutputError
from smirk3d.export.arkit_csv import arkit_rows
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

FaceValues = NDArray[np.float64]
"""The 61 values of a face ``[61]``, or of T ``[T, 61]``: ARKit's 52 weights, then yaw, pitch and
roll in radians of head, left and right eye, signs as in :mod:`smirk3d.export.arkit_csv`."""


def face_values(head: HeadModel, parameters: FaceParameters) -> FaceValues:
    """Return the values ``[T, 61]`` of faces ``[T]``.

    Raises:
        AssetError: if the head has no named actions.
    """
    return to_numpy(arkit_rows(head, parameters)).astype(np.float64)


class DatagramSocket(Closing):
    """Sends datagrams to a receiver, whether or not it listens."""

    def __init__(self, host: str, port: int) -> None:
        """Look up the receiver.

        Args:
            host: its name or address.
            port: its port.

        Raises:
            InputError: if there is no such host.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except (OSError, OverflowError, UnicodeError) as error:
            raise InputError(
                f"{host}:{port}: no such receiver ({error}); check its name"
            ) from error
        self._address: Any = found[0][4]
        self._socket = socket.socket(found[0][0], socket.SOCK_DGRAM)

    def send(self, datagram: bytes) -> None:
        """Send one datagram.

        Raises:
            OutputError: if the receiver cannot be reached. One that does not listen goes unnoticed.
        """
        try:
            self._socket.sendto(datagram, self._address)
        except OSError as error:
            where = ":".join(map(str, self._address[:2]))
            raise OutputError(f"{where} cannot be reached ({error}): check the receiver") from error

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()


class FaceSender(Closing):
    """Sends one face as datagrams, frame by frame; what a frame looks like is a subclass's."""

    def __init__(self, host: str, port: int) -> None:
        """Look up the receiver.

        Args:
            host: its name or address.
            port: its port.

        Raises:
            InputError: if there is no such host.
        """
        self._receiver = DatagramSocket(host, port)

    @abstractmethod
    def datagrams(self, values: FaceValues, seconds: float) -> Iterable[bytes]:
        """Return the datagrams of one frame.

        Args:
            values: ``[61]``.
            seconds: since the performance began; protocols without time do not send it.
        """

    def post(self, datagrams: Iterable[bytes]) -> None:
        """Send the datagrams of a frame.

        Raises:
            OutputError: if the receiver cannot be reached. One that does not listen goes unnoticed.
        """
        for datagram in datagrams:
            self._receiver.send(datagram)

    def close(self) -> None:
        """Release the socket."""
        self._receiver.close()
