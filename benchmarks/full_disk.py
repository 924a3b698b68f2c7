"""Every command on a full disk and on one that may only be read: one line, exit code 3, no ruins.

    python benchmarks/full_disk.py [--commands reconstruct export] [--kilobytes 64]

Needs Linux and root, who may mount small tmpfs. Each command runs once onto a tmpfs with so many
kilobytes and once onto one that is mounted read-only. What it leaves there must be nothing, or
files that are whole, such as shards or chunks that the next run goes on from.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tyro
from PIL import Image
from skimage import data

from common import write_results
from kills import clip
from kills import rows as command_rows
from smirk3d.cli.main import main as smirk3d

_FULL, _READ_ONLY = "full disk", "read-only"


@contextlib.contextmanager
def mounted(folder: Path, kilobytes: int, *, read_only: bool) -> Iterator[Path]:
    """Mount a tmpfs of a size at a folder."""
    folder.mkdir(parents=True)
    options = f"size={kilobytes}k" + (",ro" if read_only else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _arguments(name: str, inputs: Path, out: Path, faces: Path) -> list[str]:
    if name == "reconstruct":
        Image.fromarray(data.astronaut()).save(inputs / "photo.png")
        return ["reconstruct", str(inputs / "photo.png"), "--out", str(out)]
    if name == "track":
        return ["track", str(clip(inputs, 20)), "--format", "mp4,npz", "--out", str(out)]
    if name == "edit":
        Image.fromarray(data.astronaut()).save(inputs / "photo.png")
        return ["edit", str(inputs / "photo.png"), "--set", "jawOpen=0.5", "--out",
                str(out / "edited.png")]  # fmt: skip
    return command_rows(faces)[name].arguments(inputs, out)


def run(name: str, kind: str, kilobytes: int, work: Path, faces: Path) -> dict[str, Any]:
    """Run a command onto a disk and return what it said and left."""
    inputs = work / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    disk = work / kind
    with mounted(disk, kilobytes, read_only=kind == _READ_ONLY):
        out = disk / "out"
        said = io.StringIO()
        arguments = _arguments(name, inputs, out, faces)
        if name == "heads import":
            os.environ["SMIRK3D_HOME"] = str(out)
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            try:
                code: int | str = smirk3d(arguments)
            except (Exception, SystemExit) as error:
                code = repr(error)
        lines = [line for line in said.getvalue().splitlines() if line.startswith("smirk3d: ")]
        left = {
            str(path.relative_to(disk)): path.stat().st_size
            for path in sorted(disk.rglob("*"))
            if path.is_file()
        }
    return {
        "command": name, "disk": kind, "code": code, "traceback": "Traceback" in said.getvalue(),
        "said": lines[-1].replace(str(work), "") if lines else "", "lines": len(lines),
        "left": left,
    }  # fmt: skip


def main(
    commands: tuple[str, ...] = (
        "reconstruct", "track", "export", "edit", "heads import", "preprocess", "evaluate", "train",
    ),
    kilobytes: int = 64,
    faces: Path = Path("../shared/faces"),
) -> None:  # fmt: skip
    os.environ.pop("SMIRK3D_HOME", None)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in commands:
            for kind in (_FULL, _READ_ONLY):
                work = Path(folder) / name.replace(" ", "-")
                found.append(run(name, kind, kilobytes, work, faces))
                print(found[-1], flush=True)
                os.environ.pop("SMIRK3D_HOME", None)
    write_results("full_disk", found, table(found))


def table(found: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    lines = ["| command | disk | exit code | lines | said | left |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r['command']} | {r['disk']} | {r['code']} | {r['lines']} | {r['said']}"
        f" | {', '.join(r['left']) or 'nothing'} |"
        for r in found
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
