from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smirk3d import __version__
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.main import COMMANDS, main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"  {command} " in text


def test_no_command_and_unknown_commands_are_wrong_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert main(["reconstuct"]) == 2
    assert "no command 'reconstuct'" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"smirk3d {__version__}\n"


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"smirk3d {command}" in capsys.readouterr().out


def test_unknown_options_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconstruct", "photo.jpg", "--no-such-option"]) == 2
    assert "no-such-option" in capsys.readouterr().err


def test_help_loads_neither_torch_nor_mediapipe() -> None:
    script = (
        "import sys; from smirk3d.cli.main import main; main(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'mediapipe', 'cv2')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "given", "expected"),
    [
        ("convert", {}, "1"),
        ("convert", {"OPENBLAS_NUM_THREADS": "3"}, "3"),
        ("convert", {"OMP_NUM_THREADS": "2"}, "None"),
        ("train", {}, "None"),
    ],
)
def test_inference_multiplies_in_one_thread_unless_told(
    command: str, given: dict[str, str], expected: str
) -> None:
    script = (
        "import os, sys; from smirk3d.cli.main import main; assert 'numpy' not in sys.modules;"
        f"sys.argv = ['smirk3d', '{command}', '--no-such-option']; assert main() == 2;"
        "print(os.environ.get('OPENBLAS_NUM_THREADS'))"
    )
    inherited = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=False, env=inherited | given,
    )  # fmt: skip
    assert done.stdout.strip() == expected, done.stderr


def test_heads_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heads", "list"]) == 0
    assert capsys.readouterr().out.startswith("open ")
    assert main(["heads", "show", DEFAULT_HEAD]) == 0
    text = capsys.readouterr().out
    assert "CC0" in text
    assert "mouthSmileLeft" in text
    assert main(["heads", "show", "nobody"]) == 2
    assert "no head named 'nobody': installed are open" in capsys.readouterr().err


def test_training_names_photos_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["train", "tiny-cpu", "--data.faces", str(tmp_path), "--out", str(tmp_path / "r")])
    assert code == 3
    assert f"{tmp_path}/annotations.npz: no such file" in capsys.readouterr().err
