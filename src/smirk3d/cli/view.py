"""``smirk3d view``: results, tracks, rigs and uploads in the browser."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from smirk3d.cli.common_options import Estimation
from smirk3d.errors import InputError

_MOST = 2


@dataclass
class View:
    """Look at results in the browser, move every parameter, compare, save and export.

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
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)

    def run(self) -> int:
        """Serve until Ctrl-C and return the exit code."""
        from smirk3d.viewer.app import Viewer
        from smirk3d.viewer.guarded_server import start_server
        from smirk3d.viewer.subjects import open_subject
        from smirk3d.viewer.uploads import LARGEST_UPLOAD, Estimator, Uploads

        if len(self.results) > _MOST:
            raise InputError(f"give {_MOST} results at most, got {len(self.results)}")
        if self.source is not None and not self.results:
            raise InputError("--source belongs to a result: smirk3d view RESULT --source FILE")
        options = self.estimation
        head = options.head if options.head != "open" else None
        subjects = [
            open_subject(path, head=head, source=self.source if number == 0 else None)
            for number, path in enumerate(self.results)
        ]
        uploads = Uploads(
            Estimator(
                head=options.head,
                weights=options.weights,
                refine=options.refine,
                device=options.device,
            )
        )
        server = start_server(self.host, self.port, largest_upload=LARGEST_UPLOAD)
        with contextlib.closing(Viewer(server, uploads)) as viewer:
            if subjects:
                viewer.open(subjects)
            shown = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host
            address = f"[{shown}]" if ":" in shown else shown
            print(f"http://{address}:{server.get_port()}   Ctrl-C ends it", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)
        return 0


COMMAND = View
