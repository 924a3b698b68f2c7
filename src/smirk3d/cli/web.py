"""``smirk3d web``: the page that turns photos, videos and the camera into heads in the browser."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from smirk3d.cli.support.terminal import complain, say_address
from smirk3d.errors import UsageError


@dataclass
class Web:
    """Serve the page that finds faces in the browser itself, without Python.

    Pictures stay in the browser's tab. The page works offline after the first load.
    """

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 serves the whole network, where browsers allow the camera over
    HTTPS only."""
    port: int = 8081
    """Port to listen on."""

    def run(self) -> int:
        """Serve until Ctrl-C and return the exit code."""
        if not 0 <= self.port < 65536:
            raise UsageError(f"--port must lie between 0 and 65535, got {self.port}")
        from smirk3d.web_page.server import page_server

        with (
            page_server(self.host, self.port, note=complain) as server,
            contextlib.suppress(KeyboardInterrupt),
        ):
            say_address(self.host, int(server.server_address[1]))
            server.serve_forever()
        return 0


COMMAND = Web
