"""Commands for inference run where neither torch nor numba can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "safetensors", "numba"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""

COMMANDS = ("convert", "demo", "export", "heads", "play", "reconstruct", "track", "view", "weights")


MODULES = "smirk3d.editing.expressions, smirk3d.reconstruction, smirk3d.tracking.track"


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def smirk3d(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = "from smirk3d.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    return run(code, *map(str, arguments))


def test_commands_are_imported() -> None:
    names = ", ".join(f"smirk3d.cli.{name}" for name in COMMANDS)
    done = run(f"import {names}, {MODULES}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("edit", "photo.jpg", "--set", "jawOpen=0.6"),
        ("evaluate", "landmarks"),
        ("people", "--out", "set", "--count", "1"),
        ("preprocess", "data", "--out", "shards"),
        ("train", "pretrain", "--data.faces", "shards"),
    ],
)
def test_commands_that_need_torch_say_so(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = smirk3d(*command)
    assert done.returncode == 3, done.stderr
    assert "'torch': pip install 'smirk3d[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_photo_is_reconstructed_and_exported(tmp_path: Path) -> None:
    data = pytest.importorskip("skimage.data", reason="pip install 'smirk3d[demo]'")
    photo = tmp_path / "photo.png"
    Image.fromarray(data.astronaut()).save(photo)
    done = smirk3d("reconstruct", photo, "--head", "open", "--out", tmp_path / "out",
                   "--format", "glb,html,obj,npz")  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / "photo"
    result = json.loads((folder / "result.json").read_text())
    assert result["weights"]["name"] == "open"
    assert {"face-0.glb", "face-0.html", "face-0.obj", "overlay.png"} <= {
        path.name for path in folder.iterdir()
    }
    parameters = np.load(folder / "face-0.npz")
    assert all(np.isfinite(parameters[name]).all() for name in ("expression", "head_pose"))
    done = smirk3d("export", folder, "--format", "ply,arkit-csv", "--out", tmp_path / "more")
    assert done.returncode == 0, done.stderr


def test_what_needs_torch_names_the_extra(tmp_path: Path) -> None:
    done = smirk3d("weights", "export", "open", "--out", tmp_path / "open.onnx")
    assert done.returncode == 3
    assert "smirk3d[train]" in done.stderr
