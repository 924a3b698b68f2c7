"""The npm package: packed, unpacked, and used by a program of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from smirk3d.assets.installed import shipped_files
from smirk3d.heads.registry import load_head

WEB = Path(__file__).parents[2] / "web"
PROGRAM = """
import { readFileSync } from "node:fs";
import { ARKIT_NAMES, HeadModel } from "smirk3d";
const file = readFileSync(process.argv[2]);
const head = await HeadModel.fromFile(new Uint8Array(file).buffer);
const face = { ...head.neutral(), jaw: Float64Array.of(0.5, 0, 0) };
const weights = head.arkit(face);
console.log(JSON.stringify({
  vertices: Array.from(head.mesh(face).vertices), open: weights[ARKIT_NAMES.indexOf("jawOpen")],
}));
"""


def test_a_program_uses_the_package(tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("no npm here: install Node.js to test the page's package")
    if not (WEB / "node_modules" / "vite").is_dir():
        pytest.skip("the page's packages are not installed: npm ci in web/")
    pack = [npm, "pack", "--pack-destination", str(tmp_path)]
    packed = subprocess.run(pack, check=False, cwd=WEB, capture_output=True, text=True)
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("smirk3d-*.tgz")
    place = tmp_path / "node_modules"
    with tarfile.open(archive) as file:
        names = set(file.getnames())
        for member in file.getmembers():
            if member.isfile() and ".." not in member.name:
                target = place / member.name.replace("package/", "smirk3d/", 1)
                target.parent.mkdir(parents=True, exist_ok=True)
                content = file.extractfile(member)
                assert content is not None
                target.write_bytes(content.read())
    assert {"package/lib/index.js", "package/lib/types/index.d.ts", "package/lib/LICENSE"} <= names
    assert not [name for name in names if "node_modules" in name or "public" in name]
    (tmp_path / "program.mjs").write_text(PROGRAM, encoding="utf-8")
    command = [node, "program.mjs", str(shipped_files("heads")["open@2"])]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["open"] == 0.5
    head = load_head("open@2")
    face = head.neutral()
    jaw = face.jaw.clone()
    jaw[0, 0] = 0.5
    wanted = head(face.replace(jaw=jaw)).vertices.flatten().numpy()
    np.testing.assert_allclose(found["vertices"], wanted, atol=2e-6)
