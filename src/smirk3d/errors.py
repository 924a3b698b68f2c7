"""Errors that smirk3d raises for its callers, their texts on one line, and the shape check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Smirk3dError(Exception):
    """Base of every error that has a cause the user can act on; its text is one line."""


class InputError(Smirk3dError):
    """A file or folder that the user gave cannot be used; the text names it and the way out."""


class UsageError(Smirk3dError):
    """A command line or a call asks for what cannot be; nothing was read or written yet."""


class NoFaceFound(InputError):
    """A readable picture in which the detector finds no face."""


class OutputError(Smirk3dError):
    """A result could not be written (folder read-only, disk full); nothing half written remains."""


class AssetError(Smirk3dError):
    """A head, weights or model file is absent, damaged, or does not fit what it is used with."""


class MissingExtra(Smirk3dError):
    """An optional package is not installed; the text names the extra that brings it."""


class ShapeError(ValueError):
    """A tensor has another shape than the function documents."""


class _Shaped(Protocol):
    @property
    def shape(self) -> Iterable[int]: ...


def check_shape(array: _Shaped, pattern: str, name: str, **sizes: int) -> dict[str, int]:
    """Return the sizes of named dimensions after checking an array's shape.

    Args:
        array: anything with a ``shape`` (torch tensor, numpy array).
        pattern: dimensions separated by blanks; a number or a name each, ``"B V 3"``. A leading
            ``...`` admits any number of batch dimensions. Equal names must have equal sizes.
        name: the argument's name, for the message.
        **sizes: sizes that names are known to have, ``B=4``.

    Raises:
        ShapeError: if number or size of dimensions differ.
    """
    shape = tuple(int(n) for n in array.shape)
    wanted = pattern.split()
    bound = dict(sizes)
    tail = shape
    if wanted and wanted[0] == "...":
        wanted = wanted[1:]
        tail = shape[len(shape) - len(wanted) :] if len(shape) >= len(wanted) else ()
    fits = len(tail) == len(wanted)
    for size, dim in zip(tail, wanted, strict=False):
        if dim.isdigit():
            fits &= size == int(dim)
        else:
            fits &= bound.setdefault(dim, size) == size
    if not fits:
        known = "".join(f", {k}={v}" for k, v in sizes.items())
        raise ShapeError(f"{name} must have shape [{pattern}]{known}, got {list(shape)}")
    return bound


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
