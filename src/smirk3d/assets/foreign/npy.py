"""Arrays in numpy's format: the header parsed here, the size known before anything is allocated."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.foreign.origin import Unfit

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 4096
"""Bytes; numpy pads to 128 for plain arrays of up to nine dimensions."""
_MOST_DIMENSIONS = 8
"""No array of smirk3d or of a head model has more than five."""
_BLOCK = 1 << 20
"""Bytes read at once, as :mod:`~smirk3d.assets.foreign.archives` measured."""
_LAST_CHARACTER = 0x10FFFF
"""Unicode's last code point."""

_ENTRY = re.compile(
    r"\s*(?:'(?P<key>descr|fortran_order|shape)')\s*:\s*"
    r"(?:'(?P<text>[^'\\]{1,32})'|(?P<flag>True|False)|\((?P<sizes>[0-9L, ]{0,400})\))"
    r"\s*(?P<end>,\s*\}|,|\})"
)
_DTYPE = re.compile(r"(?P<order>[<>=|]?)(?P<kind>[biufSUO?])(?P<count>[0-9]{0,10})")
_ITEMS = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
"""Bytes of the numbers of each kind that are read, by the letters of NumPy's array interface."""


class Stream(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""


@dataclass(frozen=True)
class NpyHeader:
    """Header of an array.

    Attributes:
        shape: sizes of its dimensions.
        kind: numpy's letter: b, i, u, f, S, U, or O for objects.
        item: bytes of one value.
        order: ``<``, ``>``, ``=`` or ``|``.
        column_major: whether the first index runs fastest.
    """

    shape: tuple[int, ...]
    kind: str
    item: int
    order: str
    column_major: bool

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.count * self.item

    @property
    def cost(self) -> int:
        """Cost against a budget: the bytes, or one for each value that has none."""
        return self.count * max(self.item, 1)

    def dtype(self) -> np.dtype[Any]:
        """Return numpy's type, which is never one of objects."""
        if self.kind == "O":
            raise Unfit("it holds objects instead of numbers")
        size = self.item // 4 if self.kind == "U" else self.item
        order = ">" if self.order == ">" else "<"
        return np.dtype(f"{order}{self.kind}{size}")


def read_npy_header(file: Stream) -> NpyHeader:
    """Return the header of an array, after which its values follow in the stream.

    Raises:
        Unfit: if it is no header of plain numbers, text or objects.
    """
    start = _exactly(file, 8)
    if start[:6] != _MAGIC:
        raise Unfit("it is no array in numpy's format")
    if start[6] not in (1, 2, 3):
        raise Unfit(f"it is of version {start[6]}.{start[7]} of numpy's format, known are 1 to 3")
    layout = "<H" if start[6] == 1 else "<I"
    (length,) = struct.unpack(layout, _exactly(file, struct.calcsize(layout)))
    if length > _LONGEST_HEADER:
        raise Unfit(f"its header has {length} bytes, an array's has up to {_LONGEST_HEADER}")
    return _parsed(_exactly(file, length).decode("latin-1"))


def _parsed(text: str) -> NpyHeader:
    body = text.strip()
    if not body.startswith("{"):
        raise Unfit("its header cannot be read")
    found: dict[str, re.Match[str]] = {}
    position, end = 1, ""
    while not end.endswith("}"):
        entry = _ENTRY.match(body, position)
        if entry is None or entry["key"] in found:
            raise Unfit("its header cannot be read, or holds fields instead of numbers")
        found[entry["key"]] = entry
        position, end = entry.end(), entry["end"]
    if position != len(body) or len(found) != 3:
        raise Unfit("its header is not whole")
    descr, flag = found["descr"]["text"], found["fortran_order"]["flag"]
    sizes = found["shape"]["sizes"]
    if descr is None or flag is None or sizes is None:
        raise Unfit("its header cannot be read")
    return _header(descr, sizes, column_major=flag == "True")


def _header(descr: str, sizes: str, *, column_major: bool) -> NpyHeader:
    numbers = [part.strip().removesuffix("L") for part in sizes.split(",")]
    if numbers and not numbers[-1]:
        numbers.pop()
    if not all(n.isdigit() and len(n) <= 15 for n in numbers):
        raise Unfit(f"its shape ({sizes[:40]}) is no row of whole numbers")
    if len(numbers) > _MOST_DIMENSIONS:
        raise Unfit(f"it has {len(numbers)} dimensions")
    kind, item, order = parse_dtype(descr)
    return NpyHeader(tuple(int(n) for n in numbers), kind, item, order, column_major)


def parse_dtype(descr: str) -> tuple[str, int, str]:
    """Return letter, bytes of one value and byte order of a type such as ``"<f4"``.

    Raises:
        Unfit: if it is neither plain numbers, text nor objects.
    """
    match = _DTYPE.fullmatch(descr)
    if match is None:
        raise Unfit(f"it is of type {descr!r}, which is not plain numbers")
    kind, count = match["kind"], int(match["count"] or 0)
    if kind == "?":
        kind, count = "b", 1
    if kind in _ITEMS and count not in _ITEMS[kind]:
        raise Unfit(f"it is of type {descr!r}, which is not plain numbers")
    item = 8 if kind == "O" else 4 * count if kind == "U" else count
    return kind, item, match["order"]


def read_npy_values(file: Stream, header: NpyHeader) -> NDArray[Any]:
    """Return the values that follow a header, in the machine's byte order.

    The caller has held ``header.cost`` against its budget. The stream must end after them.

    Raises:
        Unfit: if there are fewer or more bytes, or values that their type does not have.
    """
    dtype = header.dtype()
    buffer = np.empty(header.nbytes, np.uint8)
    filled = 0
    while filled < header.nbytes:
        block = file.read(min(_BLOCK, header.nbytes - filled))
        if not block:
            raise Unfit(f"it ends after {filled} of {header.nbytes} bytes")
        buffer[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)
    if file.read(1):
        raise Unfit(f"more follows its {header.nbytes} bytes")
    return array_of(buffer, dtype, header.shape, column_major=header.column_major)


def array_of(
    buffer: NDArray[np.uint8], dtype: np.dtype[Any], shape: tuple[int, ...], *, column_major: bool
) -> NDArray[Any]:
    """Return bytes as an array in the machine's byte order; what is native already is not copied.

    Raises:
        Unfit: if a truth value is neither 0 nor 1, or text has a number that is no character.
    """
    if not dtype.itemsize:
        return np.zeros(shape, dtype)
    if dtype.kind == "b" and buffer.size and buffer.max() > 1:
        raise Unfit("it holds a truth value that is neither 0 nor 1")
    array = buffer.view(dtype).reshape(shape, order="F" if column_major else "C")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    if dtype.kind == "U" and array.size:
        codes = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
        if codes.max() > _LAST_CHARACTER:
            raise Unfit("its text holds a number that is no character")
    return array


def _exactly(file: Stream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        block = file.read(count - len(data))
        if not block:
            raise Unfit("it ends early")
        data += block
    return data
