"""Files and folders that appear whole or not at all.

What is not finished lies beside its target in a folder ``.NAME.HEX.partial`` that the writing
process holds locked, so that the next run can tell what a killed one left and remove it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from smirk3d.assets.file_lists import foreign_entries, remove_listed
from smirk3d.assets.locks import take
from smirk3d.errors import OutputError

_MEDIUM_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}

_WAYS_OUT = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some space or write elsewhere",
    errno.EROFS: "write to another folder",
    errno.EACCES: "write to another folder or change its permissions",
    errno.EPERM: "write to another folder or change its permissions",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "part of this path is a file: choose another folder",
    errno.EEXIST: "part of this path is a file: choose another folder",
    errno.EXDEV: "what is there cannot be moved: write to another folder",
}

_PARTIAL, _REPLACED = "partial", "replaced"
_LEFT_BEHIND = re.compile(rf"\.(?P<name>.*)\.[0-9a-f]{{12}}\.(?P<kind>{_PARTIAL}|{_REPLACED})")
_NAME_BYTES = 220
"""Longest name that is kept whole in a temporary one, so that both are at most 255 bytes."""

_swept: set[Path] = set()


def output_error(path: Path, error: OSError) -> OutputError:
    """Return the error that says that a path cannot be written, why, and the way out."""
    reason = error.strerror or str(error) or type(error).__name__
    way_out = _WAYS_OUT.get(error.errno or 0, "check the folder and its file system")
    return OutputError(f"{path} cannot be written ({reason}): {way_out}")


def _concerns(error: OSError, temporary: Path) -> bool:
    """Return whether an error comes from writing, rather than from something read meanwhile.

    Array writers report a short write as an OSError without number or name.
    """
    if error.errno is None or error.errno in _MEDIUM_ERRORS:
        return True
    names = [os.fspath(n) for n in (error.filename, error.filename2) if isinstance(n, str | Path)]
    return any(name.startswith(str(temporary)) for name in names)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    # Windows and some network file systems cannot open or sync folders; the rename has happened.
    with contextlib.suppress(OSError):
        _sync(folder)


def _aside(path: Path, kind: str) -> Path:
    name = os.fsdecode(os.fsencode(path.name)[:_NAME_BYTES])
    return path.with_name(f".{name}.{secrets.token_hex(6)}.{kind}")


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool | None]:
    """Lock a folder while the block runs.

    Gives True if it is locked and still there, False where another has it or has removed it, None
    where there are no locks: Windows opens no folders, and some file systems have none. There
    nothing is swept.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        yield None
        return
    try:
        held = take(descriptor)
        yield _is_at(folder, descriptor) if held else held
    finally:
        os.close(descriptor)


def _is_at(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except OSError:
        return False


@contextlib.contextmanager
def _temporary_folder(target: Path) -> Iterator[Path]:
    """Make a locked folder beside a target; it is removed at the end unless it was renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.parent not in _swept and _LEFT_BEHIND.fullmatch(target.parent.name) is None:
        sweep(target.parent)
    with contextlib.ExitStack() as stack:
        while True:
            temporary = _aside(target, _PARTIAL)
            temporary.mkdir()
            held = stack.enter_context(_held(temporary))
            # a sweep that saw it before it was locked removes it
            if held or (held is None and temporary.is_dir()):
                break
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what killed runs left unfinished in a folder, and put back what they moved aside.

    What a living process holds, and what bears no name of ours, is left alone.
    """
    _swept.add(folder)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        left = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        for entry in left:
            match = _LEFT_BEHIND.fullmatch(entry.name)
            if match is not None:
                _sweep_one(Path(entry.path), folder / match["name"], match["kind"])


def _sweep_one(path: Path, target: Path, kind: str) -> None:
    with _held(path) as held, contextlib.suppress(OSError):
        if not held:
            return
        if kind == _PARTIAL:
            shutil.rmtree(path)
        elif target.exists():
            remove_listed(path)
        else:
            path.rename(target)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, which becomes ``path`` when the block ends well.

    The temporary file has the same name, in a folder of its own beside ``path``. Missing parent
    folders are made. A link is followed; an existing file keeps its permissions. When the block
    raises, ``path`` is as it was and the temporary file is gone. Only the writing belongs in the
    block: an OSError that names no file is taken for a failed write.

    Raises:
        OutputError: if the folder is read-only, the disk full, or ``path`` not a regular file.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file")
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file: give another name")
    with _named_errors(target, Path(path)) as folder:
        temporary = folder / target.name
        yield temporary
        _finish_file(temporary, target, Path(path))


@contextlib.contextmanager
def _named_errors(target: Path, shown: Path) -> Iterator[Path]:
    """Give a temporary folder; what goes wrong in making it or writing to it names the output."""
    folder: Path | None = None
    try:
        with _temporary_folder(target) as folder:
            yield folder
    except OutputError as error:
        # of a file in it, which the user knows by the name that it would have had
        text = str(error)
        if folder is None or str(folder) not in text:
            raise
        raise OutputError(text.replace(str(folder), str(shown))) from error
    except OSError as error:
        if folder is not None and not _concerns(error, folder):
            raise
        raise output_error(shown, error) from error


def _finish_file(temporary: Path, target: Path, shown: Path) -> None:
    if not temporary.is_file():
        raise OutputError(f"{shown} was not written: the writer left no file")
    try:
        _sync(temporary)
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise output_error(shown, error) from error
    _sync_folder(target.parent)


@contextlib.contextmanager
def atomic_directory(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give an empty temporary folder to fill, which becomes ``path`` when the block ends well.

    When the block raises, ``path`` is as it was and the temporary folder is gone.

    Args:
        path: the folder to make; missing parents are made.
        overwrite: replace a folder that is there, provided that its own list names every file in
            it (:mod:`smirk3d.assets.file_lists`). No other file is ever removed.

    Raises:
        OutputError: if ``path`` is a file, or a folder that is not empty and may not be replaced,
            or if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise OutputError(f"{path} is a file: give the name of a folder")
    try:
        _check_replaceable(target, Path(path), overwrite)
    except OSError as error:
        raise output_error(Path(path), error) from error
    with _named_errors(target, Path(path)) as temporary:
        yield temporary
        _finish_folder(temporary, target, Path(path), overwrite)


def _check_replaceable(target: Path, shown: Path, overwrite: bool) -> None:
    if not target.is_dir():
        return
    if overwrite:
        sweep(target)  # a killed writer of one of its files
    if any(target.iterdir()) and not (overwrite and next(foreign_entries(target), None) is None):
        raise OutputError(f"{shown} exists and is not empty: remove it or choose another")


def _finish_folder(temporary: Path, target: Path, shown: Path, overwrite: bool) -> None:
    replaced = _aside(target, _REPLACED)
    try:
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        with _held(target):
            had_target = target.exists()
            if had_target:
                os.replace(target, replaced)
            try:
                # once more, where nobody looks for it any longer
                _check_replaceable(replaced, shown, overwrite)
                os.replace(temporary, target)
            except BaseException:
                if had_target:
                    os.replace(replaced, target)
                raise
            if had_target:
                remove_listed(replaced)
    except OSError as error:
        raise output_error(shown, error) from error
    _sync_folder(target.parent)
