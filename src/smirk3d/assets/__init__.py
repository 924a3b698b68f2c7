"""Places of files: shipped assets, the user's own, models that packages carry."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["DEFAULT_HEAD", "heads_folder", "user_folder", "weights_folder"]

DEFAULT_HEAD = "open@2"
"""Name of the head that is used unless another is given."""


def heads_folder() -> Path:
    """Return the folder of shipped heads."""
    return Path(__file__).parent / "heads"


def weights_folder() -> Path:
    """Return the folder of shipped weights."""
    return Path(__file__).parent / "weights"


def user_folder(kind: str) -> Path:
    """Return the folder where the user's imported files of a kind live; it may not exist yet.

    ``$SMIRK3D_HOME/KIND``, else ``$XDG_DATA_HOME/smirk3d/KIND``, else
    ``~/.local/share/smirk3d/KIND``.
    """
    home = os.environ.get("SMIRK3D_HOME")
    if home:
        return Path(home) / kind
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "smirk3d" / kind
