"""Output of commands: one line for each message, safe for every terminal and every log."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from smirk3d.errors import failure, printable, reason

__all__ = [
    "Captured", "accept_every_character", "complain", "failure", "note", "printable", "reason",
    "say", "say_lines", "warnings_on_one_line",
]  # fmt: skip


def say(text: object) -> None:
    """Print one line to standard output."""
    print(printable(text), flush=True)


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
