"""Output of commands: one line for each message, safe for every terminal and every log."""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TextIO

from smirk3d.closing import Closing
from smirk3d.errors import failure, printable, reason

__all__ = [
    "Captured", "ProgressLine", "accept_every_character", "complain", "failure", "note",
    "printable", "reason", "say", "say_address", "say_lines", "warnings_on_one_line",
]  # fmt: skip


def say(text: object) -> None:
    """Print one line to standard output."""
    print(printable(text), flush=True)


def say_address(host: str, port: int) -> None:
    """Print where a server on this machine is found, and how it ends.

    Args:
        host: address that it listens on; one that means all addresses is shown as this machine's.
        port: port that it listens on.
    """
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    say(f"http://{f'[{shown}]' if ':' in shown else shown}:{port}   Ctrl-C ends it")


def say_lines(text: str) -> None:
    """Print a text of several lines to standard output, each made safe."""
    for line in text.split("\n"):
        say(line)


def complain(text: object) -> None:
    """Print one line, after the program's name, to standard error."""
    print(f"smirk3d: {printable(text)}", file=sys.stderr, flush=True)


def note(text: object) -> None:
    """Print one line of progress to standard error."""
    print(printable(text), file=sys.stderr, flush=True)


def accept_every_character() -> None:
    """Let standard output and error escape what their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):  # a stream that was written to and detached
                stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print Python's warnings, which libraries fill with names of files, as one safe line each."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        complain(f"{category.__name__}: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


class Captured(io.StringIO):
    """Keeps what is printed to it; to those who ask, it has standard output's encoding."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Name of the encoding."""
        return sys.__stdout__.encoding if sys.__stdout__ is not None else "utf-8"


class ProgressLine(Closing):
    """One line of progress on standard error: redrawn on a terminal, else said now and then."""

    _SECONDS = (0.5, 30.0)
    """Between lines, on a terminal and elsewhere: by choice."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._is_terminal = sys.stderr.isatty()
        self._last = time.monotonic() - self._SECONDS[0]
        self._is_shown = False

    def show(self, text: Callable[[], str]) -> None:
        """Show a text, unless one was shown just now."""
        now = time.monotonic()
        if now - self._last < self._SECONDS[0 if self._is_terminal else 1]:
            return
        self._last = now
        if not self._is_terminal:
            note(text())
            return
        self.clear()
        print(printable(text()), end="", file=sys.stderr, flush=True)
        self._is_shown = True

    def clear(self) -> None:
        """Take the line away, so that others can be printed."""
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._is_shown = False

    def close(self) -> None:
        """Take the line away."""
        self.clear()
