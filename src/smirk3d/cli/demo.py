"""``smirk3d demo``: a real photo from a package, reconstructed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from smirk3d.assets.optional import require
from smirk3d.cli.support.common_options import Estimation
from smirk3d.cli.support.terminal import complain, say


@dataclass
class Demo:
    """Reconstruct the NASA portrait of Eileen Collins that comes with scikit-image."""

    out: Path = Path("smirk3d-demo")
    """Folder for the result."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)

    def run(self) -> int:
        """Reconstruct, print which files to open, and return the exit code."""
        options = self.estimation
        options.check()
        data = require("skimage.data", extra="demo")

        from smirk3d.assets.result_folders import Destination
        from smirk3d.export.reconstruction_folder import write_reconstruction

        image = data.astronaut()
        reconstructor = options.reconstructor()
        faces = reconstructor(image)
        destination = Destination(Path("skimage.data.astronaut()"), self.out / "astronaut")
        folder = write_reconstruction(destination, image, faces, ("glb",))
        note = destination.note(folder)
        if note:
            complain(note)
        say(f"photo, mesh over photo, mesh from aside:  {folder / 'overlay.png'}")
        say(f"animatable head (Blender, any glTF viewer):  {folder / 'face-0.glb'}")
        say(f"parameters and ARKit weights:  {folder / 'result.json'}")
        return 0


COMMAND = Demo
