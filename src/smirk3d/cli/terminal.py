"""What commands print: one line for each message, safe for every terminal and every log."""

from __future__ import annotations

import contextlib
import io
import sys

from smirk3d.errors import Smirk3dError


def printable(text: object) -> str:
    r"""Return a text on one line in which nothing acts on a terminal.

    Control characters, line breaks, direction marks and bytes of names that are not UTF-8 are
    written as escapes (``\x1b``), everything else stays.
    """
    return "".join(
        character if character.isprintable() else _escaped(character) for character in str(text)
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that os.fsdecode could not read (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def reason(error: BaseException) -> str:
    """Return why something failed, as one printable line.

    Errors of smirk3d carry their own text. Others are defects or damaged files that a library did
    not expect; the line then starts with the error's kind.
    """
    text = str(error)
    if isinstance(error, Smirk3dError):
        return printable(text)
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    kind = type(error).__name__
    return printable(f"{kind}: {text}" if text else kind)


def failure(name: object, error: BaseException) -> str:
    """Return the line that says which input failed and why; the name is not said twice."""
    why, named = reason(error), printable(name)
    return why if named in why else f"{named}: {why}"


def say(text: object) -> None:
    """Print one line to standard output."""
    print(printable(text))


def complain(text: object) -> None:
    """Print one line, after the program's name, to standard error."""
    print(f"smirk3d: {printable(text)}", file=sys.stderr)


def accept_every_character() -> None:
    """Let standard output and error escape what their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):  # a stream that was written to and detached
                stream.reconfigure(errors="backslashreplace")
