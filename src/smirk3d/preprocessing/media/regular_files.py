"""Read a user's file once, and only if it is a regular one: pipes and devices would never end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from smirk3d.errors import InputError

_NO_WAITING = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)


def check_regular(path: Path, what: str) -> None:
    """Check that a name is that of a regular file with something in it, without opening it.

    Args:
        path: any name, also one that is not UTF-8.
        what: what the user should give instead, "picture" or "video".

    Raises:
        InputError: if it is absent, a folder, a pipe, a device, empty, or may not be looked at.
    """
    try:
        _check(path, path.stat(), what)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_once(path: Path, what: str, largest: int) -> bytes:
    """Return a regular file's content, opened once, so that what was checked is what is read.

    Args:
        path: any name, also one that is not UTF-8.
        what: what the user should give instead, "picture" or "video".
        largest: number of bytes up to which files are read.

    Raises:
        InputError: if it is no regular file, empty, larger than ``largest``, or may not be read.
    """
    check_regular(path, what)  # opening alone wakes some devices
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAITING), "rb") as file:
            status = os.fstat(file.fileno())
            _check(path, status, what)
            size = status.st_size
            # one byte more than allowed shows a file that grows meanwhile
            content = b"" if size > largest else file.read(largest + 1)
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory: reduce it first") from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if max(size, len(content)) > largest:
        raise InputError(
            f"{path} has more than {largest // 10**6} megabytes, which no {what} needs: "
            "reduce it first"
        )
    return content


def _check(path: Path, status: os.stat_result, what: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path} is a folder: give the {what}s in it")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path} is not a regular file: give a {what} file")
    if status.st_size == 0:
        raise InputError(f"{path} is empty: copy or export it again")


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path} does not exist: check the name and the folder")
    if isinstance(error, PermissionError):
        return InputError(f"{path} may not be read: change its permissions")
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    return InputError(f"{path} cannot be read ({reason}): check it")
