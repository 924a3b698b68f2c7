"""Locks on what a run writes to; the system frees them when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from smirk3d.closing import Closing
from smirk3d.errors import OutputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


ENDING = ".smirk3d-lock"
"""How the names of lock files end."""


def take(descriptor: int) -> bool | None:
    """Lock an open file or folder for this process, without waiting.

    Returns:
        True if it is locked now, False where another holder has it, None on file systems that have
        no locks.
    """
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


class FileLock(Closing):
    """An empty file that is locked while this lives, and removed afterwards.

    Attributes:
        path: path of the file.
    """

    def __init__(self, path: Path, what: Path) -> None:
        """Take the lock, at once or not at all.

        Args:
            path: path of the file, in a folder that exists.
            what: the output that it stands for, for the message.

        Raises:
            OutputError: if another run has it.
            OSError: if the file cannot be made.
        """
        self.path = path
        self._descriptor: int | None = None
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        while True:
            descriptor = os.open(path, flags, 0o666)
            if take(descriptor) is False:
                os.close(descriptor)
                raise OutputError(
                    f"{what} is in use by another run of smirk3d: wait for it, or give another"
                    " folder with --out"
                )
            # who had it before may have removed the file that was opened: then it is locked by us
            # but no longer there for others to see
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    break
            os.close(descriptor)
        self._descriptor = descriptor

    def close(self) -> None:
        """Remove the file and free the lock."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if os.fstat(self._descriptor).st_size == 0:
                self.path.unlink()
        os.close(self._descriptor)
        self._descriptor = None


def remove_free_locks(folder: Path) -> None:
    """Remove the lock files in a folder that killed processes left."""
    for path in folder.glob(f".*{ENDING}"):
        with contextlib.suppress(OSError, OutputError):
            FileLock(path, path).close()
