"""viser's server, held to one machine, one site and small uploads.

viser itself binds to all addresses, lets any web site that the user visits connect, opens a public
tunnel when a page asks for one, and keeps uploads of any size in memory. The parts of viser that
this needs are private, so the extra pins its minor version, and tests hold each guard.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smirk3d.assets.optional import require
from smirk3d.errors import InputError
from smirk3d.viewer.server.sites import Doorkeeper, Site
from smirk3d.viewer.server.trouble import Seldom, Trouble
from smirk3d.viewer.server.uploads import shown_name

_PART_BYTES = 512 * 1024
"""Bytes that viser's page sends at once."""
_MOST_UPLOADS = 2
_LONGEST_NAME = 200
"""Characters of another site's name that are printed."""


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

    def refusal(self, client: int, upload: str, size: int, parts: int) -> str | None:
        """Admit an announced upload, or return in words why it may not begin."""
        mine = sum(other.client == client for other in self._open.values())
        if size <= 0:
            return "the file is empty"
        if size > self._largest:
            return f"larger than {self._largest >> 20} MB: reduce it first"
        if mine >= _MOST_UPLOADS:
            return f"{_MOST_UPLOADS} uploads are on their way: wait until they are done"
        if upload in self._open or parts != -(-size // _PART_BYTES):
            return "the page announced it wrongly: load the page anew"
        self._open[upload] = _Upload(client, size)
        return None

    def admits_part(self, client: int, upload: str, size: int) -> bool:
        """Return whether a part may be kept; one too large ends its upload."""
        opened = self._open.get(upload)
        if opened is None or opened.client != client:
            return False
        opened.left -= size
        if opened.left <= 0 or size > _PART_BYTES:
            del self._open[upload]
        return opened.left >= 0 and size <= _PART_BYTES

    def forget(self, client: int) -> None:
        """Drop the uploads of a page that left."""
        self._open = {name: up for name, up in self._open.items() if up.client != client}


def start_server(
    host: str,
    port: int,
    *,
    largest_upload: int,
    trouble: Trouble,
    admitted: Sequence[Site] = (),
) -> Any:
    """Return a viser server that listens, with the guards in place.

    Args:
        host: address to bind to.
        port: the port; the next free one is taken where it is busy.
        largest_upload: bytes.
        trouble: reports errors and refusals.
        admitted: other sites whose pages may connect.

    Raises:
        MissingExtra: if viser is not installed.
        InputError: if the address is not one of this machine's.
    """
    viser = require("viser", extra="viewer")
    _check_address(host)
    # viser greets on standard output, which belongs to the command line
    with contextlib.redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host=host, port=port, verbose=False)
    messages = require("viser._messages", extra="viewer")
    sockets = server._websock_server
    for message in (messages.ShareUrlRequest, messages.ShareUrlDisconnect):
        sockets.unregister_handler(message)
    _report_errors(sockets, trouble)
    _refuse_other_sites(sockets, Doorkeeper(host, server.get_port(), admitted), trouble)
    _limit_uploads(server, messages, UploadGuard(largest_upload), trouble)
    return server


def _check_address(host: str) -> None:
    """Refuse addresses that viser would try in vain, without an end."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, 0), family=family).close()
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: no address of this machine ({error})") from error


class _Lines(logging.Handler):
    """Reports the errors in a library's log, which it would print with a traceback."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(logging.ERROR)
        self._trouble = trouble

    def emit(self, record: logging.LogRecord) -> None:
        """Report one record."""
        error = record.exc_info[1] if record.exc_info else None
        with self._trouble.watched("a page's connection"):
            raise error or RuntimeError(record.getMessage())


def _report_errors(sockets: Any, trouble: Trouble) -> None:
    """Report errors that viser and websockets raise in their own threads."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        with trouble.watched("a page's message"):
            raise context.get("exception") or RuntimeError(context["message"])

    loop = sockets._background_event_loop
    loop.call_soon_threadsafe(loop.set_exception_handler, handle)
    log = logging.getLogger("websockets.server")
    log.handlers = [other for other in log.handlers if not isinstance(other, _Lines)]
    log.addHandler(_Lines(trouble))
    log.propagate = False


def _refuse_other_sites(sockets: Any, door: Doorkeeper, trouble: Trouble) -> None:
    seldom = Seldom()

    def is_admitted(connection: Any) -> bool:
        headers = connection.request.headers
        hosts = headers.get_all("Host")
        host = hosts[0] if len(hosts) == 1 else None
        return door.admits(headers.get("Origin"), host, connection.local_address[0])

    def say(connection: Any) -> None:
        name = (connection.request.headers.get("Origin") or "no site")[:_LONGEST_NAME]
        if seldom.admits(name):
            trouble.note(
                f"refused a page of {name}; if that is your own tunnel or proxy, "
                f"start with --allow-origin {name}"
            )

    async def check(client: Any) -> None:
        connection = sockets._live_connections[client.client_id]
        admitted = False  # also where the check itself fails
        with trouble.watched("a page's connection"):
            admitted = is_admitted(connection)
        if not admitted:
            say(connection)
            await connection.close(1008, "another site")

    sockets.on_client_connect(check)


def _limit_uploads(server: Any, messages: Any, guard: UploadGuard, trouble: Trouble) -> None:
    """Put a guard before viser's handler of the parts of uploads."""
    gui, sockets = server.gui, server._websock_server

    def start(client: int, message: Any) -> None:
        size, parts = message.size_bytes, message.part_count
        why = guard.refusal(client, message.transfer_uuid, size, parts)
        if why is None:
            gui._handle_file_transfer_start(client, message)
            return
        trouble.say(f"{shown_name(message.filename)}: {why}")
        # the page waits for this, and takes no other file until then
        done = messages.FileTransferPartAck(
            source_component_uuid=message.source_component_uuid,
            transfer_uuid=message.transfer_uuid,
            transferred_bytes=size,
            total_bytes=size,
        )
        sockets.queue_message(done)

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
