"""Changes to bytes that know nothing of the file's structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

NUMBERS = (
    0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 127, 128, 255, 256, 1000, 4096, 13_400, 14_100, 32_767,
    32_768, 65_535, 65_536, 1 << 20, 10**8, (1 << 30) + 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
    1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
)  # fmt: skip
"""Numbers at which readers go wrong: around powers of two, sizes just below limits, no sizes."""

_TEXTS = (
    b"\x00", b"\xff" * 8, b"\n", b"nan", b"-inf", b"1e999", b"%s%n", b"../../x", b"\x1b[31m",
    b"\xf0\x28\x8c\x28", b"9" * 400,
)  # fmt: skip

_Change = Callable[[bytearray, Sequence[bytes], Random], bytearray]


def mutate_bytes(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Return content after one change of its bytes."""
    return bytes(rng.choice(_CHANGES)(bytearray(content), others, rng))


def number_bytes(rng: Random, width: int, order: str | None = None) -> bytes:
    """Return one of :data:`NUMBERS`, or that less some, in so many bytes."""
    value = rng.choice(NUMBERS) - rng.choice((0, 0, 0, 1, 2))
    order = order or rng.choice(("little", "big"))
    return (value % (1 << 8 * width)).to_bytes(width, "little" if order == "little" else "big")


def _place(data: bytearray, rng: Random) -> int:
    """Return a place in the data; half of them in its first part, where headers are."""
    end = len(data) if rng.random() < 0.5 else min(len(data), 256)
    return rng.randrange(max(end, 1))


def _flip_bits(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 8, 32))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return data


def _set_number(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    start, width = _place(data, rng), rng.choice((1, 2, 4, 8))
    data[start : start + width] = number_bytes(rng, width)
    return data


def _truncate(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    return data[: _place(data, rng)]


def _insert(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    start = _place(data, rng)
    data[start:start] = rng.choice((*_TEXTS, rng.randbytes(rng.choice((1, 4, 64)))))
    return data


def _delete(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    start = _place(data, rng)
    del data[start : start + rng.choice((1, 2, 4, 16, 256))]
    return data


def _repeat(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    start = _place(data, rng)
    block = data[start : start + rng.choice((1, 4, 16, 64, 1024))]
    data[start:start] = block * rng.choice((1, 2, 16, 200))
    return data


def _splice(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    if not others:
        return data
    other = rng.choice(others)
    start, length = rng.randrange(max(len(other), 1)), rng.choice((8, 64, 1024, 1 << 30))
    place = _place(data, rng)
    data[place : place + (length if rng.random() < 0.5 else 0)] = other[start : start + length]
    return data


def _overwrite(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    start, width = _place(data, rng), rng.choice((1, 4, 64, 512))
    data[start : start + width] = rng.choice((bytes(width), b"\xff" * width, rng.randbytes(width)))
    return data


def _only_start(data: bytearray, others: Sequence[bytes], rng: Random) -> bytearray:
    return data[:12] + bytearray(rng.randbytes(rng.choice((0, 1, 50, 5000))))


_CHANGES: tuple[_Change, ...] = (
    _flip_bits, _flip_bits, _set_number, _set_number, _truncate, _insert, _delete, _repeat,
    _splice, _overwrite, _only_start,
)  # fmt: skip
