"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

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
}


def _output_error(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error) or type(error).__name__
    way_out = _WAYS_OUT.get(error.errno or 0, "check the folder and its file system")
    return OutputError(f"{path} cannot be written ({reason}): {way_out}")


def _concerns(error: OSError, temporary: Path) -> bool:
    """Tell whether an error comes from writing, rather than from something read meanwhile.

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


def _aside(path: Path) -> Path:
    # The ending stays, because some writers choose their format by it; the name is cut so that
    # the longest legal file name still has a legal temporary one.
    stem = path.stem.encode()[:100].decode(errors="ignore")
    return path.with_name(f".{stem}.{secrets.token_hex(6)}.partial{path.suffix[:20]}")


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, which becomes ``path`` when the block ends well.

    The temporary file lies in the same folder and has the same ending. Missing parent folders are
    made. A link is followed; an existing file keeps its permissions. When the block raises,
    ``path`` is as it was and the temporary file is gone. Only the writing belongs in the block:
    an OSError that names no file is taken for a failed write.

    Raises:
        OutputError: if the folder is read-only, the disk full, or ``path`` not a regular file.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file")
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file: give another name")
    temporary = _aside(target)
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _output_error(Path(path), error) from error
        yield temporary
        _finish_file(temporary, target, Path(path))
    except OSError as error:
        if not _concerns(error, temporary):
            raise
        raise _output_error(Path(path), error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _finish_file(temporary: Path, target: Path, shown: Path) -> None:
    if not temporary.is_file():
        raise OutputError(f"{shown} was not written: the writer left no file")
    try:
        _sync(temporary)
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise _output_error(shown, error) from error
    _sync_folder(target.parent)


@contextlib.contextmanager
def atomic_directory(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give an empty temporary folder to fill, which becomes ``path`` when the block ends well.

    When the block raises, ``path`` is as it was and the temporary folder is gone.

    Args:
        path: the folder to make; missing parents are made.
        overwrite: replace a folder that exists and is not empty, with all it holds.

    Raises:
        OutputError: if ``path`` is a file, or a folder that is not empty and may not be replaced,
            or if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise OutputError(f"{path} is a file: give the name of a folder")
    temporary = _aside(target)
    try:
        try:
            if target.is_dir() and not overwrite and any(target.iterdir()):
                raise OutputError(f"{path} exists and is not empty: remove it or choose another")
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
        except OSError as error:
            raise _output_error(Path(path), error) from error
        yield temporary
        _finish_folder(temporary, target, Path(path))
    except OSError as error:
        if not _concerns(error, temporary):
            raise
        raise _output_error(Path(path), error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _finish_folder(temporary: Path, target: Path, shown: Path) -> None:
    replaced = _aside(target)
    try:
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        had_target = target.exists()
        if had_target:
            os.replace(target, replaced)
        try:
            os.replace(temporary, target)
        except OSError:
            if had_target:
                os.replace(replaced, target)
            raise
    except OSError as error:
        raise _output_error(shown, error) from error
    shutil.rmtree(replaced, ignore_errors=True)
    _sync_folder(target.parent)
