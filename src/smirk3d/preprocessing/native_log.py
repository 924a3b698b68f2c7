"""Silence for libraries that write to the standard error stream themselves.

MediaPipe's log there before any logging level can be set; libtiff's repeat what Pillow raises.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator


class _StderrSink:
    """Sends the process's standard error stream nowhere while any thread asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._saved: int | None = None

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            if sys.stderr is not None:
                sys.stderr.flush()
            # A process without the stream has nothing to keep quiet.
            with contextlib.suppress(OSError):
                self._saved = os.dup(2)
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, 2)
                os.close(sink)

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._saved is not None:
                os.dup2(self._saved, 2)
                os.close(self._saved)
                self._saved = None


_sink = _StderrSink()


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what native code writes to the standard error stream.

    The stream is the process's, so other threads' messages of that moment are dropped too.
    """
    _sink.enter()
    try:
        yield
    finally:
        _sink.leave()
