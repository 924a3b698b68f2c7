"""Which pages may connect: by rule, and to a running server."""

from __future__ import annotations

import base64
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing

import pytest

from smirk3d.cli.support.terminal import failure
from smirk3d.errors import UsageError
from smirk3d.viewer.server.guarded_server import start_server
from smirk3d.viewer.server.sites import Doorkeeper, Site, admitted_sites, site_of
from smirk3d.viewer.server.trouble import Trouble

ADMITTED = admitted_sites(["https://hub.example.org"])
POLICY = 1008
"""The code with which a websocket is closed for what it is, not for what it did."""


@pytest.mark.parametrize(
    ("origin", "host", "admitted"),
    [
        (None, "127.0.0.1:8080", True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://localhost:8080", "localhost:8080", True),
        ("http://LOCALHOST:8080", "localhost:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://localhost:9000", "localhost:9000", False),
        ("http://localhost:9000", "localhost:8080", False),
        ("http://localhost", "localhost:8080", False),
        ("https://localhost:8080", "localhost:8080", False),
        ("http://127.0.0.2:8080", "127.0.0.1:8080", False),
        ("http://evil.example:8080", "evil.example:8080", False),
        ("http://evil.example", "127.0.0.1:8080", False),
        ("http://localhost.evil.example:8080", "localhost:8080", False),
        ("http://localhost:8080@evil.example", "localhost:8080", False),
        ("http://localhost:8080", "evil.example:8080", False),
        ("http://localhost:8080", None, False),
        ("null", "127.0.0.1:8080", False),
        ("", "127.0.0.1:8080", False),
        ("http://[::1", "127.0.0.1:8080", False),
        ("http://localhost:99999999", "127.0.0.1:8080", False),
        ("file://", "127.0.0.1:8080", False),
        ("https://hub.example.org", "127.0.0.1:8080", True),
        ("https://hub.example.org", "hub.example.org", True),
        ("https://hub.example.org:443", "hub.example.org", True),
        ("http://hub.example.org", "hub.example.org", False),
        ("https://hub.example.org:8443", "127.0.0.1:8080", False),
    ],
)
def test_on_this_machine_alone_only_our_port_and_admitted_sites_pass(
    origin: str | None, host: str | None, admitted: bool
) -> None:
    door = Doorkeeper("127.0.0.1", 8080, ADMITTED)
    assert door.admits(origin, host, "127.0.0.1") == admitted


@pytest.mark.parametrize(
    ("origin", "host", "address", "admitted"),
    [
        ("http://192.168.1.5:8080", "192.168.1.5:8080", "192.168.1.5", True),
        ("http://192.168.1.5:8080", "192.168.1.5:8080", "::ffff:192.168.1.5", True),
        ("http://[fd00::5]:8080", "[fd00::5]:8080", "fd00::5", True),
        ("http://localhost:8080", "localhost:8080", "127.0.0.1", True),
        ("http://face-box:8080", "face-box:8080", "192.168.1.5", True),
        ("http://face-box.lan:8080", "face-box.lan:8080", "192.168.1.5", True),
        ("http://Face-Box.local:8080", "face-box.local:8080", "192.168.1.5", True),
        # a name that an attacker's server gives our address: Origin and Host agree
        ("http://rebound.example:8080", "rebound.example:8080", "192.168.1.5", False),
        ("http://192.168.1.6:8080", "192.168.1.6:8080", "192.168.1.5", False),
        ("http://192.168.1.5:9000", "192.168.1.5:9000", "192.168.1.5", False),
        # what runs on the visitor's own machine is not this one's
        ("http://localhost:8080", "192.168.1.5:8080", "192.168.1.5", False),
        ("http://192.168.1.5", "192.168.1.5", "192.168.1.5", False),
        ("https://hub.example.org", "hub.example.org", "192.168.1.5", True),
        ("https://hub.example.org", "10.0.0.1:1", "192.168.1.5", True),
        ("https://other.example.org", "other.example.org", "192.168.1.5", False),
    ],
)
def test_in_a_network_names_of_this_machine_and_the_address_asked_for_pass(
    monkeypatch: pytest.MonkeyPatch, origin: str, host: str, address: str, admitted: bool
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Face-Box.lan")
    door = Doorkeeper("0.0.0.0", 8080, ADMITTED)
    assert door.admits(origin, host, address) == admitted


def test_sites_are_read_with_their_port() -> None:
    assert site_of("https://a.example") == Site("https", "a.example", 443)
    assert admitted_sites(["http://localhost:9000/"]) == (Site("http", "localhost", 9000),)


@pytest.mark.parametrize(
    "text", ["hub.example.org", "https://a/user", "*", "", "ftp://a", "http://"]
)
def test_what_names_no_site_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="--allow-origin"):
        admitted_sites([text])


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module", params=["127.0.0.1", "0.0.0.0"])
def server(request: pytest.FixtureRequest, lines: list[str]) -> Iterator[object]:
    running = start_server(
        request.param,
        0,
        largest_upload=1,
        trouble=Trouble(failure, lines.append),
        admitted=ADMITTED,
    )
    yield running
    running.stop()


def visit(port: int, *headers: str) -> int:
    """Open a websocket with headers; return the code that refuses it, 0 where it gets data."""
    viser = pytest.importorskip("viser")
    key = base64.b64encode(os.urandom(16)).decode()
    request = [
        "GET / HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: viser-v{viser.__version__}",
        *headers,
    ]
    with (
        closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall("\r\n".join([*request, "", ""]).encode("latin-1"))
        status = int(stream.readline().split()[1])
        if status != 101:
            return status
        while stream.readline() != b"\r\n":
            pass
        kind, _ = stream.read(2)
        if kind == 0x88:  # a frame that closes
            return int(struct.unpack(">H", stream.read(2))[0])
        assert kind == 0x82  # a frame of data
        return 0


def test_a_running_server_lets_in_its_own_pages_and_admitted_ones(server: object) -> None:
    port = server.get_port()  # type: ignore[attr-defined]
    own = f"localhost:{port}"
    assert visit(port, f"Host: {own}", f"Origin: http://{own}") == 0
    assert visit(port, f"Host: {own}") == 0
    for host in (own, "hub.example.org", "10.0.0.1:1"):
        assert visit(port, f"Host: {host}", "Origin: https://hub.example.org") == 0


def test_a_running_server_refuses_others_with_one_printable_line(
    server: object, lines: list[str]
) -> None:
    port = server.get_port()  # type: ignore[attr-defined]
    own = f"localhost:{port}"
    lines.clear()
    for headers in (
        (f"Host: {own}", "Origin: http://localhost:9000"),
        (f"Host: {own}", "Origin: http://localhost:9000"),
        (f"Host: rebound.example:{port}", f"Origin: http://rebound.example:{port}"),
        (f"Host: {own}", "Origin: http://[::1"),
        (f"Host: {own}", "Host: evil.example", f"Origin: http://{own}"),
    ):
        assert visit(port, *headers) == POLICY, headers
    assert visit(port, f"Host: {own}", f"Origin: http://{own}", "Origin: http://a.example") == 400
    assert lines[0] == (
        "refused a page of http://localhost:9000; if that is your own tunnel or proxy, "
        "start with --allow-origin http://localhost:9000"
    )
    assert len(lines) == 4  # the same site is named once
