"""Every example runs as it stands, and needs the names from ``smirk3d`` alone where it says so."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py"))
FILES = {
    "00_twenty_lines": {"face.glb", "face.html", "best.obj"},
    "01_photo_to_head": {"face.glb", "face.obj", "face.html", "overlay.png", "turned.png"},
    "02_edit_expression": {"surprised.glb", "before-after.png"},
    "03_video_to_performance": {"tracked"},
    "04_own_head": {"narrow.npz", "narrow.glb", "open-narrow.png"},
    "05_tiny_training": {"mine.safetensors"},
    "06_many_clips": {"clips.csv", "faces.csv", "means.csv"},
}


def test_every_example_is_listed() -> None:
    assert [path.stem for path in EXAMPLES] == sorted(FILES)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_writes_its_files(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="needs the extra demo")
    source = Path(__file__).parents[1] / "src"
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    out = tmp_path / "smirk3d-examples" / path.stem[:2]
    assert FILES[path.stem] <= {entry.name for entry in out.iterdir()}


def test_the_first_has_twenty_lines_and_names_from_smirk3d_alone() -> None:
    tree = ast.parse(EXAMPLES[0].read_text(encoding="utf-8"))
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    assert len(lines) <= 20
    modules = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert modules == {"pathlib", "portrait", "smirk3d"}


NOTEBOOKS = {"07_from_openface": {"openface.csv", "means.csv", "results"}}


def cells(name: str) -> list[str]:
    """Return the code of a notebook; committed notebooks hold no outputs."""
    path = Path(__file__).parents[1] / "examples" / f"{name}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    return ["".join(cell["source"]) for cell in code]


def test_every_notebook_is_listed() -> None:
    found = (Path(__file__).parents[1] / "examples").glob("*.ipynb")
    assert sorted(path.stem for path in found) == sorted(NOTEBOOKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="needs the extra demo")
    pytest.importorskip("pandas", reason="needs the extra tables")
    script = tmp_path / "notebook.py"
    script.write_text("\n\n".join(cells(name)), encoding="utf-8")
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(root / "src"), str(root / "examples")])
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = tmp_path / "smirk3d-examples" / name.partition("_")[2].removeprefix("from_")
    assert NOTEBOOKS[name] <= {entry.name for entry in out.iterdir()}
