"""The inputs under ``../shared/cases`` that once ended in a traceback are refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from smirk3d.errors import AssetError, InputError, Smirk3dError
from smirk3d.head_import.reading.array_files import read_npy
from smirk3d.head_import.reading.array_pickle import read_array_pickle
from smirk3d.heads.head_file import read_head_file
from smirk3d.heads.registry import load_head
from smirk3d.tracking.track_file import read_track

TRACKS = {
    "encrypted": "is encrypted",
    "header-0": "header",
    "header-8": "header",
    "m021": None,
    "meta-0": "nested too deep|nested deeper|not JSON|no JSON object",
    "meta-image_size-1": "image_size",
    "meta-lack-image_size": "image_size is None",
    "w00-shape.npy": "shape",
    "w00-timestamps.npy": "timestamps",
    "w02-ids.npy": "ids",
    "w06-camera.npy": "camera",
}
"""What is said of each; None where the damage has another place on another machine."""


@pytest.mark.parametrize("name", TRACKS)
def test_tracks(shared_dir: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "track.npz"
    shutil.copyfile(shared_dir / "cases" / "track-npz" / f"{name}.npz", path)
    with pytest.raises(InputError, match=TRACKS[name]) as caught:
        read_track(tmp_path)
    _check(caught.value, path)


@pytest.mark.parametrize("name", ["header-0", "header-8", "header-9", "m007", "meta-5"])
def test_heads(shared_dir: Path, name: str) -> None:
    path = shared_dir / "cases" / "head-npz" / f"{name}.npz"
    for read in (read_head_file, load_head):
        with pytest.raises(AssetError, match="not a whole head file") as caught:
            read(path)
        _check(caught.value, path)


@pytest.mark.parametrize("name", ["header-0", "header-8"])
def test_array_headers(shared_dir: Path, name: str) -> None:
    path = shared_dir / "cases" / "npy-header" / name
    with pytest.raises(AssetError, match="header has") as caught:
        read_npy(path.read_bytes(), str(path))
    _check(caught.value, path)


@pytest.mark.parametrize("name", ["pickle-name-newline", "pickle-name-ansi"])
def test_pickles(shared_dir: Path, name: str) -> None:
    for path in (shared_dir / "cases" / name).iterdir():
        with pytest.raises(AssetError, match="nothing was run") as caught:
            read_array_pickle(path.read_bytes(), str(path))
        _check(caught.value, path)


def _check(error: Smirk3dError, path: Path) -> None:
    text = str(error)
    assert text.isprintable() and str(path) in text and len(text) < 700
