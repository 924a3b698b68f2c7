"""Which pages may connect to the viewer: its own, and those of sites that the user admits.

A browser sends the ``Origin`` of the page and the ``Host`` that the page asked for. A page of
another site that reaches this server, by a port of this machine or by a name whose server says
127.0.0.1 (DNS rebinding), is recognized by these two and by the port.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from smirk3d.errors import UsageError

_PORTS = {"http": 80, "https": 443}
"""Ports that addresses without a port mean (RFC 9110)."""
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Site:
    """Scheme, host and port of pages.

    Attributes:
        scheme: ``http`` or ``https``.
        host: name or address, in small letters, without brackets.
        port: its number, also where the text leaves it out.
    """

    scheme: str
    host: str
    port: int


def site_of(text: str) -> Site | None:
    """Return the site that an ``Origin`` names, None where it names none."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    beyond = parts.path or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in _PORTS or not parts.hostname or beyond or not text.isprintable():
        return None
    host = parts.hostname.rstrip(".")
    return Site(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)


def admitted_sites(texts: Iterable[str]) -> tuple[Site, ...]:
    """Return the sites that the user admits.

    Raises:
        UsageError: if one is no site.
    """
    found = []
    for text in texts:
        site = site_of(text.strip().removesuffix("/"))
        if site is None:
            raise UsageError(
                f"--allow-origin {text}: give scheme and host alone, as https://hub.example.org"
            )
        found.append(site)
    return tuple(found)


class Doorkeeper:
    """Distinguishes the viewer's own pages from those of other sites."""

    def __init__(self, host: str, port: int, admitted: Sequence[Site] = ()) -> None:
        """Keep the door of a server.

        Args:
            host: the address it is bound to.
            port: its port.
            admitted: other sites whose pages may connect, as those of a proxy.
        """
        self._port = port
        self._admitted = frozenset(admitted)
        self._local = is_loopback(host)
        self._names = _THIS_MACHINE if self._local else _THIS_MACHINE | _machine_names()

    def admits(self, origin: str | None, host: str | None, address: str) -> bool:
        """Return whether a connection comes from an admitted page, or from no page at all.

        Programs other than browsers send no ``Origin``, or any they like: they are admitted.

        Args:
            origin: the ``Origin`` header.
            host: the ``Host`` header.
            address: the address of this machine at which the connection came in.
        """
        if origin is None:
            return True
        page = site_of(origin)
        if page is None or page in self._admitted:
            return page is not None
        asked = site_of(f"http://{host}")
        if asked is None or not (self._is_own(page, address) and self._is_own(asked, address)):
            return False
        # another machine's localhost is not this one's
        return self._local or page == asked

    def _is_own(self, site: Site, address: str) -> bool:
        """Return whether a page of a site was loaded from this server; it knows no TLS."""
        if site.scheme != "http" or site.port != self._port:
            return False
        return site.host in self._names or _same_address(site.host, address)


def is_loopback(host: str) -> bool:
    """Return whether an address to bind to is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _machine_names() -> set[str]:
    """Return the names by which this machine goes: in full, in short, and on the local network."""
    name = socket.gethostname().lower().rstrip(".")
    short = name.partition(".")[0]
    return {name, short, f"{short}.local"} - {"", ".local"}


def _same_address(host: str, address: str) -> bool:
    try:
        first, second = ipaddress.ip_address(host), ipaddress.ip_address(address)
    except ValueError:
        return False
    return _plain(first) == _plain(second)


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that a socket for both kinds writes as IPv6."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
