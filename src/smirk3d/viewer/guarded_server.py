"""viser's server, held to one machine, one site and small uploads.

viser itself binds to all addresses, lets any web site that the user visits connect, opens a public
tunnel when a page asks for one, and keeps uploads of any size in memory. The parts of viser that
this needs are private, so the extra pins its minor version, and tests hold each guard.
"""

from __future__ import annotations

import contextlib
import io
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from smirk3d.assets.optional import require
from smirk3d.errors import InputError

LOCAL = "127.0.0.1"
_LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}
_PART_BYTES = 512 * 1024
"""What viser's page sends at once."""
_MOST_UPLOADS = 2


@dataclass
class _Upload:
    """An upload on its way: whose it is, and how many bytes may still come."""

    client: int
    left: int


class UploadGuard:
    """Admits uploads up to a size, a few at a time, no part larger than announced."""

    def __init__(self, largest: int) -> None:
        """Admit uploads of at most so many bytes."""
        self._largest = largest
        self._open: dict[str, _Upload] = {}

    def admits_start(self, client: int, upload: str, size: int, parts: int) -> bool:
        """Tell whether an announced upload may begin."""
        mine = sum(other.client == client for other in self._open.values())
        fits = 0 < size <= self._largest and parts == -(-size // _PART_BYTES)
        if not fits or upload in self._open or mine >= _MOST_UPLOADS:
            return False
        self._open[upload] = _Upload(client, size)
        return True

    def admits_part(self, client: int, upload: str, size: int) -> bool:
        """Tell whether a part may be kept; one too large ends its upload."""
        known = self._open.get(upload)
        if known is None or known.client != client:
            return False
        known.left -= size
        if known.left <= 0 or size > _PART_BYTES:
            del self._open[upload]
        return known.left >= 0 and size <= _PART_BYTES

    def forget(self, client: int) -> None:
        """Drop the uploads of a page that left."""
        self._open = {name: up for name, up in self._open.items() if up.client != client}


def is_own_site(origin: str | None, host: str | None, *, local: bool) -> bool:
    """Tell whether a connection comes from our own page, or from no page at all.

    Args:
        origin: the ``Origin`` header that browsers send.
        host: the ``Host`` header.
        local: whether the server listens on this machine alone; then the page must be local too,
            whatever name an attacker's name server gives to 127.0.0.1.
    """
    if origin is None:
        return True
    site = urlsplit(origin)
    if local:
        return site.hostname in _LOCAL_NAMES
    return host is not None and site.netloc == host


def start_server(host: str, port: int, *, largest_upload: int) -> Any:
    """Return a viser server that listens, with the guards in place.

    Args:
        host: address to bind to.
        port: the port; the next free one is taken where it is busy.
        largest_upload: bytes.

    Raises:
        MissingExtra: if viser is not installed.
        InputError: if the address is not one of this machine's.
    """
    viser = require("viser", extra="viewer")
    _check_address(host, port)
    # viser greets on standard output, which belongs to the command line
    with contextlib.redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host=host, port=port, verbose=False)
    messages = require("viser._messages", extra="viewer")
    sockets = server._websock_server
    for message in (messages.ShareUrlRequest, messages.ShareUrlDisconnect):
        sockets.unregister_handler(message)
    _refuse_other_sites(sockets, local=host in _LOCAL_NAMES)
    _limit_uploads(server, messages, UploadGuard(largest_upload))
    return server


def _check_address(host: str, port: int) -> None:
    """Refuse what viser would try in vain, without an end."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, 0), family=family).close()
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: no address of this machine ({error})") from error
    if not 0 <= port < 65536:
        raise InputError(f"--port must lie between 0 and 65535, got {port}")


def _refuse_other_sites(sockets: Any, *, local: bool) -> None:
    async def check(client: Any) -> None:
        connection = sockets._live_connections[client.client_id]
        headers = connection.request.headers
        if not is_own_site(headers.get("Origin"), headers.get("Host"), local=local):
            await connection.close(1008, "another site")

    sockets.on_client_connect(check)


def _limit_uploads(server: Any, messages: Any, guard: UploadGuard) -> None:
    """Put a guard before what keeps the parts of uploads."""
    gui, sockets = server.gui, server._websock_server

    def start(client: int, message: Any) -> None:
        size, parts = message.size_bytes, message.part_count
        if guard.admits_start(client, message.transfer_uuid, size, parts):
            gui._handle_file_transfer_start(client, message)

    def part(client: int, message: Any) -> None:
        if guard.admits_part(client, message.transfer_uuid, len(message.content)):
            gui._handle_file_transfer_part(client, message)

    for kind, old, new in (
        (messages.FileTransferStartUpload, gui._handle_file_transfer_start, start),
        (messages.FileTransferPart, gui._handle_file_transfer_part, part),
    ):
        sockets.unregister_handler(kind, old)
        sockets.register_handler(kind, new)
    sockets.on_client_disconnect(lambda client: guard.forget(client.client_id))
