"""Origins of foreign bytes, and the one-line error that refuses them."""

from __future__ import annotations

import contextlib
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smirk3d.errors import InputError, Smirk3dError

DAMAGE = (
    OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError,
    MemoryError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
"""Errors that decoding of damaged bytes raises; RuntimeError includes NotImplementedError and
RecursionError."""

_LONGEST_REASON = 240
"""Characters of a reason: three lines of a terminal 80 wide."""


class Unfit(ValueError):
    """Content that is not what its reader expects; the text is the reason alone."""


@dataclass(frozen=True)
class Origin:
    """A file or a part of one, as messages name it.

    Attributes:
        name: path of the file, and inside an archive the member's name after a colon.
        what: the kind of thing that is expected, such as ``"track"``; "is not a whole" precedes.
        way_out: advice to the user, as an imperative.
        error: the class of error that refuses it.
    """

    name: str
    what: str
    way_out: str
    error: type[Smirk3dError] = InputError

    def refusal(self, reason: object) -> Smirk3dError:
        """Return the error that names file, expectation, reason and way out, in one line."""
        text = one_line(reason).rstrip(".;,")
        name = one_line(self.name, longest=1000)
        return self.error(f"{name} is not a whole {self.what} ({text}): {self.way_out}")

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn whatever decoding raises in the block into the refusal of this file.

        Errors of smirk3d pass as they are.
        """
        try:
            yield
        except Smirk3dError:
            raise
        except DAMAGE as error:
            raise self.refusal(reason_of(error)) from error

    def require_file(self) -> Path:
        """Return the path that the name is.

        Raises:
            Smirk3dError: of the class ``error``, if there is no such file.
        """
        path = Path(self.name)
        if not path.is_file():
            raise self.error(f"{one_line(self.name, longest=1000)}: no such file: {self.way_out}")
        return path


def reason_of(error: BaseException) -> str:
    """Return what an exception says, or its class where it says nothing."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return str(error).strip() or type(error).__name__


def one_line(text: object, *, longest: int = _LONGEST_REASON) -> str:
    """Return text without line breaks, control characters or lone surrogates, cut at a length."""
    words = " ".join(str(text)[: 8 * longest].split())
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."
