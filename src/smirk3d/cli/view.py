"""``smirk3d view``: results, tracks, rigs and uploads in the browser."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.support.common_options import Estimation
from smirk3d.cli.support.terminal import complain, failure, say_address
from smirk3d.cli.support.usage import FAILED
from smirk3d.errors import UsageError

if TYPE_CHECKING:
    from smirk3d.viewer.server.sites import Site

_MOST = 2
"""Results that stand side by side."""


@dataclass
class View:
    """Show results in the browser, move every parameter, compare, save and export.

    Without a result the page takes a photo, a short video or a picture of the webcam. Two results
    stand side by side. The page answers on this machine only, unless --host says otherwise.
    """

    results: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Result folders, track folders, or GLB files that smirk3d wrote; two at most."""
    source: Path | None = None
    """The photo or video of the first result, where its folder holds none: videos always."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 shows the page, and what is uploaded, to the whole network."""
    port: int = 8080
    """Port; the next free one where it is taken."""
    allow_origin: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A site whose pages may connect as well, as https://hub.example.org of a proxy or
    http://localhost:9000 of a tunnel; may be given several times."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)

    def run(self) -> int:
        """Serve until Ctrl-C and return the exit code."""
        from smirk3d.viewer.server.sites import admitted_sites

        if len(self.results) > _MOST:
            raise UsageError(f"give {_MOST} results at most, got {len(self.results)}")
        if self.source is not None and not self.results:
            raise UsageError("--source belongs to a result: smirk3d view RESULT --source FILE")
        if not 0 <= self.port < 65536:
            raise UsageError(f"--port must lie between 0 and 65535, got {self.port}")
        self.estimation.check()
        return self._serve(admitted_sites(self.allow_origin))

    def _serve(self, admitted: tuple[Site, ...]) -> int:
        from smirk3d.viewer.app import Viewer
        from smirk3d.viewer.server.guarded_server import start_server
        from smirk3d.viewer.server.trouble import Trouble
        from smirk3d.viewer.server.uploads import LARGEST_UPLOAD, Estimator, Uploads
        from smirk3d.viewer.session.subjects import open_subject

        options = self.estimation
        head = options.head if options.head != DEFAULT_HEAD else None
        subjects = []
        for number, path in enumerate(self.results):
            try:
                source = self.source if number == 0 else None
                subjects.append(open_subject(path, head=head, source=source))
            except Exception as error:
                complain(failure(path, error))
        all_open = len(subjects) == len(self.results)
        if not subjects and not all_open:
            return FAILED
        uploads = Uploads(
            Estimator(
                head=options.head,
                weights=options.weights,
                refine=options.refine,
                fast=options.fast,
                device=options.device,
            )
        )
        trouble = Trouble(failure, complain)
        server = start_server(
            self.host, self.port, largest_upload=LARGEST_UPLOAD, trouble=trouble, admitted=admitted
        )
        with contextlib.closing(Viewer(server, uploads, trouble)) as viewer:
            if subjects:
                viewer.open(subjects)
            with contextlib.suppress(KeyboardInterrupt):
                say_address(self.host, server.get_port())
                while True:
                    time.sleep(3600)
        return 0 if all_open else FAILED


COMMAND = View
