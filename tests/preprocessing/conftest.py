from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A portrait of 512 pixels; the face spans x 180..272 and y 70..179."""
    return pytest.importorskip(
        "skimage.data", reason="pip install scikit-image brings the portrait"
    ).astronaut()


@pytest.fixture(scope="session")
def detector() -> Iterator[MediaPipeFaceDetector]:
    with MediaPipeFaceDetector() as opened:
        yield opened


@pytest.fixture(scope="session")
def portraits(made_faces: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Twelve pictures uint8 [224, 224, 3] and their landmarks [478, 2] in pixels."""
    with np.load(made_faces / "annotations.npz") as file:
        rows = {str(key): row for row, key in enumerate(file["key"])}
        landmarks = file["landmarks_xy"]
    found = []
    with tarfile.open(made_faces / "faces-000.tar") as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            photo = np.asarray(Image.open(io.BytesIO(content.read())).convert("RGB"))
            found.append((photo, landmarks[rows[Path(member.name).stem]] / 32.0))
            if len(found) == 12:
                break
    return found
