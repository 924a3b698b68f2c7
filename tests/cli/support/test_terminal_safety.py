"""Whatever files are called and hold, nothing that acts on a terminal is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from smirk3d.cli.main import COMMANDS
from smirk3d.heads.head_file import write_head_file
from smirk3d.heads.tiny import tiny_head_arrays

NASTY = "\x1b[31mx\n\x07\r\u202e\x9b\x7f" + os.fsdecode(b"Fran\xe7ois")

SCRIPT = """
import json, sys
from smirk3d.cli.main import main
for line in json.loads(sys.argv[1]):
    code = main(line)
    print("code", code, ascii(line[0]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def folder(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with damaged and good files under a name that acts on terminals."""
    root = tmp_path_factory.mktemp("nasty")
    for ending in (".png", ".mp4", ".npz", ".safetensors", ".pkl", ".pt", ".whl"):
        (root / f"{NASTY}{ending}").write_bytes(b"\x1b[32mno\nfile of this kind")
    photos = root / NASTY
    photos.mkdir()
    Image.open(portrait).save(photos / f"{NASTY}.png")
    (photos / f"{NASTY}2.png").write_bytes(b"\x1b[31m")
    (photos / "result.json").write_text(json.dumps({"schema": NASTY}, ensure_ascii=True))
    home = root / "home" / "heads"
    home.mkdir(parents=True)
    (home / f"{NASTY}.npz").write_bytes(b"damaged")
    arrays, meta = tiny_head_arrays("named")
    write_head_file(home / "tiny.npz", arrays, {**meta, "licence": NASTY, "notice": NASTY})
    (root / "home" / "weights").mkdir()
    (root / "home" / "weights" / f"{NASTY}.safetensors").write_bytes(b"damaged")
    return root


def _printed(folder: Path, lines: list[list[str]]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(lines)],
        capture_output=True,
        cwd=folder,
        env={
            **os.environ,
            "SMIRK3D_HOME": str(folder / "home"),
            "PYTHONIOENCODING": "ascii",
            "COLUMNS": "200",
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    text = (done.stdout + done.stderr).decode("ascii")
    assert [c for c in text if not (c.isprintable() or c == "\n")] == []
    assert "Traceback" not in text
    return text


def test_wrong_arguments_are_repeated_safely(folder: Path) -> None:
    lines = [[command, f"--{NASTY}", NASTY] for command in COMMANDS]
    lines += [[NASTY], ["heads", NASTY], ["edit", "a.png", "--strength", NASTY]]
    lines += [["train", "tiny-cpu", "--precision", NASTY], ["evaluate", NASTY]]
    lines += [["edit", "a.png", "--set", f"{NASTY}=1"], ["export", "a", "--format", NASTY]]
    lines += [["reconstruct", "a.png", "--head", NASTY], ["track", "--camera", "0", "--vmc", NASTY]]
    text = _printed(folder, lines)
    assert text.count("code 2 ") + text.count("code 3 ") == len(lines)  # some are names of files
    assert r"\x1b[31m" in text and r"Fran\xe7ois" in text


def test_names_and_contents_of_files_are_printed_safely(folder: Path) -> None:
    file = {ending: f"{NASTY}.{ending}" for ending in ("png", "mp4", "npz", "safetensors", "pkl")}
    lines = [
        ["reconstruct", file["png"], f"{NASTY}/{NASTY}.png", "--weights", "none",
         "--out", f"{NASTY}/out"],
        ["export", NASTY, f"{NASTY}.png"],
        ["track", file["mp4"], "--weights", "none", "--out", NASTY],
        ["edit", file["png"], "--set", "jawOpen=1"],
        ["edit", file["png"], "--retarget", NASTY, "--weights", "none"],
        ["view", NASTY],
        ["heads", "list"],
        ["heads", "show", "tiny"],
        ["heads", "show", file["npz"]],
        ["heads", "import", file["pkl"]],
        ["heads", "import", NASTY],
        ["heads", "bake", f"{NASTY}.whl", "--out", f"{NASTY}-b.npz"],
        ["weights", "list"],
        ["weights", "show", file["safetensors"]],
        ["weights", "import", f"{NASTY}.pt", "--head", "tiny"],
        ["weights", "export", file["safetensors"], "--out", f"{NASTY}.onnx"],
        ["weights", "calibrate", file["safetensors"], "--people", NASTY, "--out", "o.safetensors"],
        ["preprocess", NASTY, "--head", "none", "--out", f"{NASTY}/shards"],
        ["train", "tiny-cpu", "--data.faces", NASTY, "--out", f"{NASTY}/run"],
        ["evaluate", "landmarks", "--faces", NASTY, "--methods", "none", file["safetensors"],
         "--out", f"{NASTY}/report"],
        ["demo", "--head", file["npz"]],
    ]  # fmt: skip
    text = _printed(folder, lines)
    codes = {line.split()[1] for line in text.splitlines() if line.startswith("code ")}
    assert codes == {"0", "3"}


@pytest.mark.parametrize("case", ["pickle-name-ansi", "pickle-name-newline"])
def test_names_in_pickles_are_printed_safely(case: str, folder: Path, shared_dir: Path) -> None:
    (file,) = (shared_dir / "cases" / case).glob("*.pkl")
    text = _printed(folder, [["heads", "import", str(file)]])
    assert "smirk3d: " in text and text.splitlines()[-1] == "code 3 'heads'"
