"""Files that are found by name: those that come with smirk3d, then the user's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from smirk3d.assets import heads_folder, user_folder, weights_folder
from smirk3d.errors import UsageError

Kind = Literal["heads", "weights", "renderers"]

SUFFIXES: dict[Kind, str] = {
    "heads": ".npz", "weights": ".safetensors", "renderers": ".safetensors",
}  # fmt: skip
"""Ending of the files of each kind."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
"""Safe as a file's name on every system, and as an argument of every shell."""


def shipped_files(kind: Kind) -> dict[str, Path]:
    """Return the files of a kind that come with smirk3d, by name."""
    folders = {"heads": heads_folder(), "weights": weights_folder()}
    return _files(folders[kind], kind) if kind in folders else {}


def installed_files(kind: Kind) -> dict[str, Path]:
    """Return the files of a kind by name, shipped ones first; what they hold is not looked at.

    A user's file of a shipped name is left out: the shipped one wins.
    """
    shipped = shipped_files(kind)
    own = _files(user_folder(kind), kind)
    return shipped | {name: path for name, path in own.items() if name not in shipped}


def _files(folder: Path, kind: Kind) -> dict[str, Path]:
    found = sorted(folder.glob(f"*{SUFFIXES[kind]}")) if folder.is_dir() else []
    return {path.stem: path for path in found}


def check_new_name(kind: Kind, name: str) -> None:
    """Refuse a name under which nothing can be installed.

    Raises:
        UsageError: if it could not be a file's name everywhere, or comes with smirk3d.
    """
    what = kind.removesuffix("s") if kind != "weights" else "weights"
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"no {what} can be called {name!r}: use small letters, digits, '-', '_' and '.'"
        )
    if name in shipped_files(kind):
        raise UsageError(f"the {what} {name!r} of smirk3d cannot be replaced: give another --name")
