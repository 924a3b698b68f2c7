"""Seconds and memory of commands from the start of their process to their files.

    python benchmarks/cold_start.py PYTHON... [--photo FILE] [--rounds 5]

Each PYTHON is an interpreter of an environment with smirk3d, the first run of each command (which
compiles and fills caches) left out. Rows of several environments stand side by side, so that a
plain installation is compared with one that has torch; results/cold_start.md keeps them. This
script itself needs torch.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

_OF_VENV = {"pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils"}
"""What `python -m venv` installs."""
_BLOCK = 512
"""Bytes of a block that st_blocks counts, whatever the file system's (POSIX)."""


def measured(command: list[str]) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and the peak of resident memory in MB of a process."""
    # each environment's own smirk3d, not the one of whoever measures
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    quiet = subprocess.DEVNULL
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=own)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def installed_bytes(python: str) -> tuple[int, int]:
    """Return the bytes on disk of an environment's packages, with byte code and without.

    What ``python -m venv`` brings is left out.
    """
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    folder = Path(found.stdout.strip())
    with_code, without = 0, 0
    for path in folder.rglob("*"):
        if path.relative_to(folder).parts[0].partition("-")[0] in _OF_VENV:
            continue
        size = path.lstat().st_blocks * _BLOCK
        with_code += size
        without += size if "__pycache__" not in path.parts else 0
    return with_code, without


def size_text(size: int) -> str:
    """Return a size in megabytes, and in mebibytes."""
    return f"{size / 1e6:.0f} ({size / 2**20:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pythons", nargs="+")
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    commands = {
        "`import smirk3d`": ["-c", "import smirk3d"],
        "`smirk3d --help`": ["-m", "smirk3d", "--help"],
    }
    if arguments.photo:
        commands["`smirk3d reconstruct PHOTO`"] = ["-m", "smirk3d", "reconstruct"]
    runs: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for _ in range(arguments.rounds + 1):
        # in turn, so that all of them see the same load
        for python, (name, command) in itertools.product(arguments.pythons, commands.items()):
            with tempfile.TemporaryDirectory() as folder:
                full = [python, *command]
                if command[-1] == "reconstruct":
                    photo = shutil.copy(arguments.photo, folder)
                    full += [str(photo), "--out", f"{folder}/out"]
                runs.setdefault((python, name), []).append(measured(full))
    sizes = {python: installed_bytes(python) for python in arguments.pythons}
    found = []
    for (python, name), rows in runs.items():
        wall, cpu, peak = (statistics.median(column) for column in zip(*rows[1:], strict=True))
        row = {"environment": Path(python).parents[1].name, "command": name}
        row |= dict(zip(("bytes", "bytes_without_byte_code"), sizes[python], strict=True))
        found.append(row | {"wall_s": wall, "cpu_s": cpu, "peak_megabytes": peak})
    lines = [
        "| environment | packages, MB (MiB) | without byte code | command | wall s, median "
        "| CPU s, median | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['environment']} | {size_text(row['bytes'])} | "
        f"{size_text(row['bytes_without_byte_code'])} | {row['command']} | {row['wall_s']:.2f} | "
        f"{row['cpu_s']:.2f} | {row['peak_megabytes']:.0f} |"
        for row in found
    ]
    table = "\n".join(lines)
    print(table)
    # a process begins with the memory of the one that starts it: torch is imported after all others
    importlib.import_module("common").write_results("cold_start", found, table)


if __name__ == "__main__":
    main()
