"""The page's TypeScript finds what Python finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"


def vitest() -> list[str]:
    """The command of the page's tests; skips the test where it cannot run."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("no npx here: install Node.js to test the page")
    if not (WEB / "node_modules" / "vitest").is_dir():
        pytest.skip("the page's packages are not installed: npm ci in web/")
    return [npx, "vitest", "run", "tests/head.test.ts"]


def test_typescript_reproduces_heads(tmp_path: Path) -> None:
    command = vitest()
    pytest.importorskip("skimage")
    writer = [
        sys.executable,
        str(ROOT / "scripts" / "web_vectors.py"),
        str(tmp_path),
        "--heads-only",
    ]
    subprocess.run(writer, check=True)
    environment = {**os.environ, "SMIRK3D_WEB_VECTORS": str(tmp_path)}
    done = subprocess.run(
        command, check=False, cwd=WEB, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
