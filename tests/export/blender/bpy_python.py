"""The Python that has Blender as a module, for the tests that open files in it."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

BPY_PYTHON = os.environ.get("SMIRK3D_BPY") or (
    sys.executable if importlib.util.find_spec("bpy") else ""
)
"""bpy pins an older NumPy than smirk3d's tests use, so it may live in an environment of its own,
which ``SMIRK3D_BPY`` names by its Python."""
REASON = (
    "Blender is not at hand: python3.11 -m venv venv-bpy, venv-bpy/bin/pip install bpy, then"
    " SMIRK3D_BPY=venv-bpy/bin/python"
)
HAS_BPY = bool(BPY_PYTHON) and Path(BPY_PYTHON).is_file()
