"""A photo that tests of several commands read."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from skimage import data


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph of a face (NASA, from scikit-image)."""
    path = tmp_path_factory.mktemp("photos") / "portrait.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return path
