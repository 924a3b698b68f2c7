"""Heads by name: those that ship with the package, then those of the user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from smirk3d.array_interface import Library
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.installed import installed_files
from smirk3d.errors import AssetError
from smirk3d.heads.head_file import read_head_file
from smirk3d.heads.head_model import HeadModel


def installed_heads() -> Iterator[tuple[str, Path]]:
    """Yield name and file of each installed head: shipped ones, then the user's.

    A user's head with the name of a shipped one is not listed, because the shipped one is used.
    """
    yield from installed_files("heads").items()


def find_head(name: str | os.PathLike[str]) -> Path:
    """Return the file of a head given by name or path.

    Raises:
        AssetError: if there is none; the text lists what is installed.
    """
    known = dict(installed_heads())
    if str(name) in known:
        return known[str(name)]
    path = Path(name)
    if path.suffix == ".npz" and path.is_file():
        return path
    raise AssetError(
        f"no head named {str(name)!r}: installed are {', '.join(known) or 'none'}; "
        "bring another with `smirk3d heads import FILE`"
    )


def load_head(
    name: str | os.PathLike[str] = DEFAULT_HEAD, *, library: Library | None = None
) -> HeadModel:
    """Return a head in single precision on the CPU.

    Args:
        name: name of an installed head, shipped or imported, or path of an npz file.
        library: whose arrays the head computes with, ``numpy`` or ``torch``: torch where it is
            installed, unless given.

    Raises:
        AssetError: if it is not found, or its file is damaged.
    """
    head_file = read_head_file(find_head(name))
    return HeadModel(head_file.arrays, head_file.meta, library)
