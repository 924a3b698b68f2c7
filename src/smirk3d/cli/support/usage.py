"""Checks of arguments that need no file's content and nothing heavy: wrong ones are wrong usage."""

from __future__ import annotations

import math
from pathlib import Path

from smirk3d.assets.installed import SUFFIXES, Kind, installed_files
from smirk3d.errors import OutputError, UsageError

FAILED = 3
"""Exit code where some inputs failed."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the number of SIGINT."""

NO_WEIGHTS = ("default", "none")
"""Names of weights that name no file: the head's own, and the landmark fit."""


def check_head(name: str | Path) -> None:
    """Refuse the name of a head that is not installed; files are left to those who read them.

    Raises:
        UsageError: if there is no head of that name; the text lists those that there are.
    """
    _check_name("heads", str(name), "head", "bring another with `smirk3d heads import FILE`")


def check_weights(name: str | Path, *, must_be_file: bool = False) -> None:
    """Refuse the name of weights that are not installed; files are left to those who read them.

    Args:
        name: name or file.
        must_be_file: ``default`` and ``none`` are no answers.

    Raises:
        UsageError: if there are no weights of that name; the text lists those that there are.
    """
    if must_be_file or str(name) not in NO_WEIGHTS:
        _check_name("weights", str(name), "weights", "`--weights none` fits landmarks instead")


def _check_name(kind: Kind, name: str, what: str, way_out: str) -> None:
    known = installed_files(kind)
    is_file = name.lower().endswith(SUFFIXES[kind]) or Path(name).name != name
    if name in known or (is_file and name):
        return
    raise UsageError(
        f"no {what} named {name!r}: installed are {', '.join(known) or 'none'}; {way_out}"
    )


def check_number(
    option: str, value: float | None, least: float = -math.inf, most: float = math.inf
) -> None:
    """Refuse a number outside its range, and what is no number; None is no number given.

    Raises:
        UsageError: if it is; the text names the option and the range.
    """
    if value is None or (math.isfinite(value) and least <= value <= most):
        return
    wanted = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
    if not math.isfinite(least):
        wanted = "that is finite"
    raise UsageError(f"{option} {value:g}: give a number {wanted}")


def check_ending(path: Path, endings: tuple[str, ...], what: str) -> None:
    """Refuse a file to write whose ending names another kind.

    Raises:
        UsageError: if it has none of the endings.
    """
    if path.suffix.lower() not in endings:
        raise UsageError(f"{path}: {what}: name it {' or '.join(endings)}")


def check_new_file(path: Path, *, overwrite: bool) -> None:
    """Refuse a file to write that is there already, unless it may be replaced.

    Raises:
        OutputError: if it exists.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise OutputError(f"{path} exists: give --overwrite, or another name")
