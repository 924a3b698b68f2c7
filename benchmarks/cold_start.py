"""Seconds and memory of commands from the start of their process to their files.

    python benchmarks/cold_start.py PYTHON... [--photo FILE] [--rounds 5]

Each PYTHON is an interpreter of an environment with smirk3d, the first run of each command (which
compiles and fills caches) left out. Rows of several environments stand side by side, so that a
plain installation is compared with one that has torch; results/cold_start.md keeps them. This
script itself needs torch.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from common import write_results


def measured(command: list[str]) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and the peak of resident memory in MB of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def installed_megabytes(python: str) -> int:
    """Return the size of an environment's packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    total = subprocess.run(
        ["du", "-sm", folder.stdout.strip()], capture_output=True, text=True, check=True
    )
    return int(total.stdout.split()[0])


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
    found = []
    for python in arguments.pythons:
        size = installed_megabytes(python)
        for name, command in commands.items():
            rows = []
            for _ in range(arguments.rounds + 1):
                with tempfile.TemporaryDirectory() as folder:
                    full = [python, *command]
                    if command[-1] == "reconstruct":
                        photo = shutil.copy(arguments.photo, folder)
                        full += [str(photo), "--out", f"{folder}/out"]
                    rows.append(measured(full))
            wall, cpu, peak = (statistics.median(column) for column in zip(*rows[1:], strict=True))
            environment = Path(python).parents[1].name
            row = {"environment": environment, "megabytes": size, "command": name}
            found.append(row | {"wall_s": wall, "cpu_s": cpu, "peak_megabytes": peak})
    lines = [
        "| environment | packages, MB | command | wall s, median | CPU s, median | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['environment']} | {row['megabytes']} | {row['command']} | {row['wall_s']:.2f} | "
        f"{row['cpu_s']:.2f} | {row['peak_megabytes']:.0f} |"
        for row in found
    ]
    table = "\n".join(lines)
    print(table)
    write_results("cold_start", found, table)


if __name__ == "__main__":
    main()
