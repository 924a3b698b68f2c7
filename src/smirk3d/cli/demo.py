"""``smirk3d demo``: a real photo from a package, reconstructed."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from smirk3d.cli.support.common_options import Estimation
from smirk3d.cli.support.terminal import complain, say
from smirk3d.errors import AssetError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class Demo:
    """Reconstruct a portrait that comes with a package.

    It is NASA's of Eileen Collins where scikit-image is installed, else the US Navy's of Grace
    Hopper, which comes with Matplotlib.
    """

    out: Path = Path("smirk3d-demo")
    """Folder for the result."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)

    def run(self) -> int:
        """Reconstruct, print which files to open, and return the exit code."""
        options = self.estimation
        options.check()
        from smirk3d.assets.result_folders import Destination
        from smirk3d.export.reconstruction_folder import write_reconstruction

        name, image = _portrait()
        faces = options.prepared()(image)
        destination = Destination(Path(name), self.out / name)
        folder = write_reconstruction(destination, image, faces, ("glb",))
        note = destination.note(folder)
        if note:
            complain(note)
        say(f"photo, mesh over photo, mesh from aside:  {folder / 'overlay.png'}")
        say(f"animatable head (Blender, any glTF viewer):  {folder / 'face-0.glb'}")
        say(f"parameters and ARKit weights:  {folder / 'result.json'}")
        return 0


def _portrait() -> tuple[str, NDArray[np.uint8]]:
    """Return a name and a picture ``[H, W, 3]`` of a person; both pictures are public domain.

    Raises:
        AssetError: if neither package has its picture.
    """
    if importlib.util.find_spec("skimage") is not None:
        return "astronaut", importlib.import_module("skimage.data").astronaut()
    import numpy as np
    from PIL import Image

    # found, not imported: matplotlib takes a second to import
    package = importlib.util.find_spec("matplotlib")
    folder = Path(package.origin).parent if package and package.origin else Path()
    photo = folder / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    if not photo.is_file():
        raise AssetError(f"{photo} is not there: pip install 'smirk3d[demo]' brings another photo")
    with Image.open(photo) as picture:
        return "grace_hopper", np.asarray(picture.convert("RGB"))


COMMAND = Demo
