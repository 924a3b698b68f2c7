"""New files beside a user's own: none of those is replaced without being asked to."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from smirk3d.assets.atomic import atomic_directory, atomic_path
from smirk3d.errors import OutputError


@contextlib.contextmanager
def placed(
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    ours: Collection[str] = (),
    way_out: str = "give --overwrite, or another folder",
) -> Iterator[Path]:
    """Give an empty folder to fill, whose files and folders are placed when the block ends well.

    Where something is in the way that has other content, and is neither ours nor may be replaced,
    nothing is placed at all. What is there with the same content stays, so that a command that was
    killed can be given again.

    Args:
        folder: the folder to write to; it is made if need be.
        overwrite: replace what is in the way.
        ours: names of files below the folder, parts joined by slashes, that may be replaced too.
        way_out: the advice in the error, as an imperative.

    Raises:
        OutputError: if something is in the way, or a file cannot be written.
    """
    with _temporary_folder() as staged:
        yield staged
        target = Path(folder)
        new = [path for path in sorted(staged.iterdir()) if not _same(path, target / path.name)]
        for path in new:
            if not overwrite and _foreign(target / path.name, ours):
                raise OutputError(f"{target / path.name} exists with other content: {way_out}")
        for path in new:
            _place(path, target / path.name)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="smirk3d-"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"no temporary folder can be made ({reason}): free some space or set TMPDIR"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _same(new: Path, old: Path) -> bool:
    """Return whether a file or folder is there with the same content, links not followed."""
    if old.is_symlink():
        return False
    if new.is_dir() and old.is_dir():
        names = sorted(path.name for path in new.iterdir())
        if names != sorted(path.name for path in old.iterdir()):
            return False
        return all(_same(new / name, old / name) for name in names)
    return new.is_file() and old.is_file() and filecmp.cmp(new, old, shallow=False)


def _foreign(target: Path, ours: Collection[str]) -> bool:
    """Return whether something is there that is not all ours."""
    if target.is_symlink():
        return True
    if target.is_dir():
        files = [path for path in target.rglob("*") if not path.is_dir() or path.is_symlink()]
        names = [path.relative_to(target.parent).as_posix() for path in files]
        return any(name not in ours for name in names)
    return target.exists() and target.name not in ours


def _place(new: Path, target: Path) -> None:
    if new.is_dir():
        with atomic_directory(target, overwrite=True) as temporary:
            shutil.copytree(new, temporary, dirs_exist_ok=True)
    else:
        with atomic_path(target) as temporary:
            shutil.copyfile(new, temporary)
