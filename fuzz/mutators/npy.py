"""Changes to the header and the numbers of an npy file."""

from __future__ import annotations

import ast
from random import Random

import numpy as np
from numpy.typing import NDArray

from fuzz.mutators.json_values import mutate_json_text
from fuzz.mutators.raw import number_bytes

_DTYPES = (
    "<f8", "<f4", "<f2", ">f8", "<i8", "<i4", "<u8", "|u1", "|b1", "<c16", "<U0", "<U1", "<U9999",
    "<U500000000", "|S0", "|S7", "|V0", "|V8", "|V2147483647", "|O", "<M8[s]", "<m8[ns]", "<M8",
    "<g", "<f3", "?", "x", "<f16", "i4,f8", "(2,3)f8",
)  # fmt: skip
_WHOLE = (
    "[('a', '<f8')]", "[('a', '<f8'), ('a', '<i4')]", "[('a', '<f8', (1000000, 1000000))]", "[]",
    "None", "1", "{'names': ['a'], 'formats': ['<f8'], 'offsets': [2147483647]}",
    "[('a', [('b', 'O')])]",
)  # fmt: skip
_SIZES = (
    "0", "1", "2", "3", "7", "-1", "-9223372036854775808", "65536", "100000000", "4294967296",
    "9223372036854775807", "9223372036854775808", "1" + "0" * 40, "1.0", "True", "'3'", "None",
    "1_000", "0x10", "()",
)  # fmt: skip
_FLOATS = (np.nan, np.inf, -np.inf, 1e30, -1e30, 3.4e38, 0.0, -1.0, 1e-30, 65_520.0)
_INTEGERS = (-1, 0, 1, 2, 477, 478, 2**15 - 1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))


def mutate_npy(content: bytes, rng: Random) -> bytes:
    """Return an npy file whose header, numbers or text differ.

    Raises:
        ValueError: if the file is none, or damaged already.
    """
    major = content[6]
    width = 2 if major == 1 else 4
    start = 8 + width
    length = int.from_bytes(content[8:start], "little")
    header, data = content[start : start + length].decode("latin-1"), content[start + length :]
    way = rng.random()
    if way < 0.45:
        return _packed(_other_header(header, rng), data, major)
    if way < 0.55:
        return content[:6] + _odd_start(header, rng) + data
    if way < 0.6:
        return content[: start + length] + data[: rng.randrange(len(data) + 1)]
    dtype = np.dtype(ast.literal_eval(header.strip())["descr"])
    if dtype.kind == "U" and dtype.itemsize == len(data) > 8:
        return _other_text(data, dtype, rng)
    return content[: start + length] + _other_numbers(data, dtype, rng)


def _packed(header: str, data: bytes, major: int) -> bytes:
    text = header.rstrip().encode("latin-1", "replace") + b"\n"
    width = 2 if major == 1 and len(text) < 1 << 16 else 4
    version = b"\x01\x00" if width == 2 else b"\x02\x00"
    return b"\x93NUMPY" + version + len(text).to_bytes(width, "little") + text + data


def _odd_start(header: str, rng: Random) -> bytes:
    """Return version, length and text of a header that do not agree."""
    text = rng.choice(
        (
            header.encode("latin-1"), b"(" * 3000, b"{" * 200, b"{'descr': " * 50, b"[" * 90_000,
            b"\x00" * 100, b"{'shape': (1,)}", b"__import__('os')", b"-" * 5000 + b"1", b"",
        )
    )  # fmt: skip
    version = rng.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    width = 2 if version == b"\x01\x00" else 4
    length = len(text).to_bytes(4, "little")[:width]
    return version + rng.choice((length, number_bytes(rng, width, "little"))) + text


def _other_header(header: str, rng: Random) -> str:
    fields = ast.literal_eval(header.strip())
    texts = {name: repr(value) for name, value in fields.items()}
    way = rng.random()
    if way < 0.4:
        texts["descr"] = rng.choice((*map(repr, _DTYPES), *_WHOLE))
    elif way < 0.8:
        texts["shape"] = _other_shape(fields["shape"], rng)
    elif way < 0.9:
        texts["fortran_order"] = rng.choice(("True", "1", "None", "'x'"))
    else:
        name = rng.choice(sorted(texts))
        del texts[name]
        if rng.random() < 0.5:
            texts[rng.choice(("x", "shape ", "__class__"))] = "1"
    return "{" + ", ".join(f"{name!r}: {text}" for name, text in texts.items()) + ", }"


def _other_shape(shape: tuple[int, ...], rng: Random) -> str:
    sizes = [str(n) for n in shape]
    way = rng.random()
    if way < 0.5 and sizes:
        sizes[rng.randrange(len(sizes))] = rng.choice(_SIZES)
    elif way < 0.7:
        sizes.insert(rng.randrange(len(sizes) + 1), rng.choice(("1", "0", rng.choice(_SIZES))))
    elif way < 0.8 and sizes:
        sizes.pop()
    elif way < 0.9:
        sizes.reverse()
    else:
        sizes = ["1"] * rng.choice((32, 33, 64, 65, 1000))
    return "(" + "".join(size + ", " for size in sizes) + ")"


def _other_numbers(data: bytes, dtype: np.dtype[np.generic], rng: Random) -> bytes:
    array: NDArray[np.generic] = np.frombuffer(data, dtype).copy()
    if not array.size:
        return data
    for _ in range(rng.choice((1, 1, 3, 50))):
        row = rng.randrange(array.size)
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                array[row] = np.float64(rng.choice(_FLOATS)).astype(dtype)
        elif dtype.kind in "iub":
            array[row] = np.array(rng.choice(_INTEGERS)).astype(dtype)
        else:
            place = row * dtype.itemsize
            return data[:place] + rng.randbytes(4) + data[place + 4 :]
    return array.tobytes()


def _other_text(data: bytes, dtype: np.dtype[np.generic], rng: Random) -> bytes:
    """Return an array of one text, a changed JSON."""
    changed = mutate_json_text(str(np.frombuffer(data, dtype)[0]), rng)
    header = f"{{'descr': '<U{max(len(changed), 1)}', 'fortran_order': False, 'shape': (), }}"
    return _packed(header, changed.encode("utf-32-le", "surrogatepass") or b"\0" * 4, 1)
