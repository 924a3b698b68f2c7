"""Datagrams to one receiver, over UDP."""

from __future__ import annotations

import socket
from typing import Any

from smirk3d.closing import Closing
from smirk3d.errors import InputError, OutputError


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
