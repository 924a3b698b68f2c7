from __future__ import annotations

from pathlib import Path

import pytest

from smirk3d.assets import weights_folder
from smirk3d.cli.main import main

OPEN = str(weights_folder() / "open.safetensors")


def test_calibration_needs_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "calibrated.safetensors"
    arguments = ["weights", "calibrate", OPEN, "--people", str(tmp_path), "--out", str(out)]
    assert main(arguments) == 3
    assert "holds no set of labeled pictures" in capsys.readouterr().err
    assert not out.exists()


def test_the_file_to_write_is_checked_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "taken.safetensors"
    out.write_text("mine")
    arguments = ["weights", "calibrate", OPEN, "--people", "absent", "--out", str(out)]
    assert main(arguments) == 3
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
