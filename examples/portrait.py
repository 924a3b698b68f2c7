"""The picture that the examples use where none is given: NASA's portrait of Eileen Collins."""

import sys
from pathlib import Path

from PIL import Image
from skimage import data


def portrait(folder: Path) -> Path:
    """Return the picture named on the command line, else scikit-image's, as a file in a folder."""
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "portrait.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


def moving_pictures(photo: Path, folder: Path, count: int = 8) -> Path:
    """Return a folder of pictures in which a photo drifts, as a clip for trackers."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.open(photo).convert("RGB")
    for number in range(count):
        shift = (1, 0, 2.0 * number, 0, 1, 1.0 * number)
        moved = image.transform(image.size, Image.Transform.AFFINE, shift)
        moved.save(folder / f"frame_{number:04d}.png")
    return folder
