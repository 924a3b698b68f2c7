"""Hardware, versions and time of a measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from smirk3d import __version__


def environment() -> dict[str, Any]:
    """Return version, commit, date, hardware and versions; empty strings where unknown."""
    return {
        "smirk3d": __version__,
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed_files": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
    }


def environment_line(where: dict[str, Any]) -> str:
    """Return the most important facts of :func:`environment` in one line."""
    keys = ("smirk3d", "commit", "date", "cpu", "cores", "load", "gpu", "torch")
    changed = " (with uncommitted changes)" if where["changed_files"] else ""
    facts = [f"{key} {where[key]}{changed if key == 'commit' else ''}" for key in keys]
    return f"{', '.join(facts)}, {where['torch_threads']} thread(s)."


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu_name() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
