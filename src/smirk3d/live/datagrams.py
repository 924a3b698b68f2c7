"""Datagrams to one receiver, over UDP."""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from smirk3d.closing import Closing
from smirk3d.errors import InputError, OutputError
from smirk3d.export.arkit_csv import arkit_rows
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters


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

    def send(self, head: HeadModel, parameters: FaceParameters, seconds: float) -> None:
        """Send one frame.

        Args:
            head: the head, with named actions.
            parameters: one face, without batch dimension.
            seconds: since the performance began; protocols without time do not send it.

        Raises:
            AssetError: if the head has no named actions.
            OutputError: if the receiver cannot be reached. One that does not listen goes unnoticed.
        """
        with torch.no_grad():
            row = arkit_rows(head, parameters[None].to(head.v_template))[0].cpu()
        for datagram in self._frame(row, seconds):
            self._receiver.send(datagram)

    @abstractmethod
    def _frame(self, row: Tensor, seconds: float) -> Iterable[bytes]:
        """Return the datagrams of one frame.

        Args:
            row: the 61 values of :func:`smirk3d.export.arkit_csv.arkit_rows`.
            seconds: since the performance began.
        """

    def close(self) -> None:
        """Release the socket."""
        self._receiver.close()
