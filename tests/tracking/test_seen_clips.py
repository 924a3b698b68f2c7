"""Clips under ``../shared/cases`` that once came out wrong, tracked with the shipped weights."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from smirk3d.cli.main import main
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.tracking.track_file import read_track


def _tracked(shared_dir: Path, case: str, name: str, out: Path, formats: str) -> Path:
    path = shared_dir / "cases" / case / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    assert main(["track", str(path), "--out", str(out), "--format", formats]) == 0
    return out / path.stem


def test_a_gap_keeps_its_rows(shared_dir: Path, tmp_path: Path) -> None:
    """12 frames with a face, 20 without, 12 with, at 30 frames a second."""
    folder = _tracked(shared_dir, "csv-rows-and-timebase", "gap.mp4", tmp_path, "arkit-csv")
    with (folder / "face-0.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    valid = read_track(folder).valid[0]
    assert len(rows) == 44 == len(valid)
    assert valid[:12].all() and not valid[14:30].any() and valid[34:].all()
    assert rows[32]["Timecode"].startswith(("00:00:01:03.99", "00:00:01:04.00"))


def test_a_face_shown_head_down_is_read_so(shared_dir: Path, tmp_path: Path) -> None:
    folder = _tracked(shared_dir, "upside-down-video", "rot90.mov", tmp_path, "")
    track = read_track(folder)
    assert track.valid.shape == (1, 36) and track.valid.mean() > 0.9
    for pose in track.parameters(0).head_pose:
        turn = axis_angle_to_matrix(pose)
        roll = math.degrees(math.atan2(float(turn[0, 1]), float(turn[1, 1])))
        assert abs(roll) > 150, "an upright mesh lies over an inverted face"


def test_sound_of_a_later_stream_is_taken(shared_dir: Path, tmp_path: Path, capsys) -> None:
    folder = _tracked(shared_dir, "audio-no-decoder", "apac_first.mov", tmp_path, "mp4")
    assert (folder / "overlay.mp4").is_file()
    assert "no sound" not in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
