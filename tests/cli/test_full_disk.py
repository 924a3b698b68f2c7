"""Files that cannot be written to their end: one line, exit code 3, nothing half written.

A limit on the size of files stands for the full disk: the system refuses the write in its middle.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.test_export import make_result

pytest.importorskip("resource", reason="limits of processes are POSIX's")

SCRIPT = """
import json, os, resource, sys
from smirk3d.cli.main import main
import smirk3d.reconstruction, smirk3d.data.preprocess
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for line in json.loads(sys.argv[1]):
    print("code", main(line), file=sys.stderr)
"""


def test_a_write_that_fails_in_its_middle_leaves_nothing(portrait: Path, tmp_path: Path) -> None:
    result = make_result(tmp_path / "result")
    photos, home = portrait.parent, tmp_path / "home"
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    out = tmp_path / "out"
    lines = [
        ["export", str(result), "--format", "obj", "--out", str(out)],
        ["export", str(result), "--format", "glb"],
        ["heads", "import", str(_head()), "--name", "mine"],
        ["edit", str(portrait), "--set", "jawOpen=0.5", "--out", str(out / "edited.png")],
        ["preprocess", str(photos), "--head", "none", "--out", str(out), "--min-quality", "0"],
        ["reconstruct", str(portrait), "--weights", "none", "--out", str(out)],
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(lines)],
        capture_output=True,
        text=True,
        env={**os.environ, "SMIRK3D_HOME": str(home), "SMIRK3D_TRACEBACK": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert [line for line in told if line.startswith("code")] == ["code 3"] * len(lines), told
    said = [line for line in told if line.startswith("smirk3d: ")]
    assert len(said) == len(lines)
    assert all("cannot be written" in line for line in said), said
    files = (path for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(path for path in files if path.name != "preprocess.json") == before


def _head() -> Path:
    from smirk3d.assets import DEFAULT_HEAD, heads_folder

    return heads_folder() / f"{DEFAULT_HEAD}.npz"
