"""Serves the built page from this machine: its files, head and weights, and nothing else."""

from __future__ import annotations

import functools
import http.server
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from smirk3d.assets.foreign.json_text import parse_json, require_object, require_text
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.installed import shipped_files
from smirk3d.errors import AssetError, InputError

_HEADERS = {
    # browsers then allow the page threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_HEAD, _ENCODER = "assets/head.npz.gz", "assets/encoder.onnx.gz"
_ABOUT = "assets/about.json"
_NEEDED = ("index.html", _ABOUT)


def page_folder() -> Path:
    """Return the folder of the built page.

    Raises:
        AssetError: if the page is not built here.
    """
    folder = Path(__file__).parent / "built"
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise _not_built(folder / missing[0])
    return folder


def package_files(folder: Path) -> dict[str, Path]:
    """Return the files that a page takes from the package, by their place in the page's folder.

    These are head and encoder that the page was built with, where its folder lacks them. The
    page unpacks compressed files and takes others as they are.

    Args:
        folder: of the page.

    Raises:
        AssetError: if the package has no such head or encoder.
    """
    path = folder / _ABOUT
    origin = Origin(os.fspath(path), "about.json by `make web`", "build it again", AssetError)
    with origin.refusing():
        about = require_object(parse_json(path.read_text("utf-8"), origin), "about.json")
        head, weights = (require_text(about, key) for key in ("head", "weights"))
    network = shipped_files("weights").get(weights)
    shipped = {
        _HEAD: shipped_files("heads").get(head),
        _ENCODER: network.with_suffix(".onnx") if network else None,
    }
    found = {}
    for name, file in shipped.items():
        if (folder / name).is_file():
            continue
        if file is None or not file.is_file():
            raise _not_built(folder / name)
        found[name] = file
    return found


def _not_built(path: Path) -> AssetError:
    return AssetError(
        f"{path}: the page is not built in this installation; `make web` in a checkout of smirk3d "
        "builds it (Node.js 20.19 or newer), and a wheel made after that brings it"
    )


def page_server(
    host: str,
    port: int,
    *,
    folder: Path | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> http.server.ThreadingHTTPServer:
    """Return a server that listens; ``serve_forever`` answers.

    Args:
        host: address to listen on.
        port: the port; 0 for a free one.
        folder: the folder to serve; the built page unless given.
        note: gets a line for each request that is refused.

    Raises:
        AssetError: if the page is not built here.
        InputError: if the address is not one of this machine's, or the port is taken.
    """
    place = folder or page_folder()
    more = {os.fspath(place / name): file for name, file in package_files(place).items()}
    handler = functools.partial(_Handler, directory=str(place), more=more, note=note)
    try:
        return _server_class(host)((host, port), handler)
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"--host {host} --port {port}: cannot listen there ({error}); choose another port"
        ) from error


def _server_class(host: str) -> type[http.server.ThreadingHTTPServer]:
    return _ServerV6 if ":" in host else http.server.ThreadingHTTPServer


class _ServerV6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Answers GET and HEAD of files, with headers that keep the page to itself."""

    extensions_map = {  # noqa: RUF012 - the base class has it as an instance's too
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".svg": "image/svg+xml",
        ".gz": "application/octet-stream",
    }

    def __init__(
        self,
        *arguments: object,
        directory: str,
        more: Mapping[str, Path],
        note: Callable[[str], None],
    ) -> None:
        self._more, self._note = more, note
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        """Return the file of an address: one of the folder, or of those that lie elsewhere."""
        own = super().translate_path(path)
        return os.fspath(self._more.get(own, own))

    def end_headers(self) -> None:
        """Add the page's headers."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Refuse to list a folder."""
        self.send_error(404, "File not found")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing of what was answered."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Pass on what was refused."""
        self._note(format % arguments)
