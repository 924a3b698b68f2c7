"""Damaged and lying copies of good files, drawn from a seed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

Generator = np.random.Generator
_DTYPES = (
    "<f2",
    "<f4",
    "<f8",
    ">f8",
    "<i2",
    "<i8",
    "|u1",
    "|b1",
    "<c16",
    "|S3",
    "<U3",
    "|O",
    "<V4",
)
_VALUES = (np.nan, np.inf, -np.inf, -1.0, 1e30, 1e300, 0.0)
_JSON = (None, True, -1, 0, 1e300, "", "x\n\x1b[31m", [], [1, "a"], {}, [[[[]]]], 10**30)


def damaged_bytes(content: bytes, rng: Generator) -> bytes:
    """Flip, cut, repeat or blank some bytes."""
    data = bytearray(content)
    kind = rng.integers(5)
    place = int(rng.integers(len(data)))
    if kind == 0:
        for where in rng.integers(0, len(data), int(rng.integers(1, 9))):
            data[where] = int(rng.integers(256))
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        data[place : place + 64] = bytes(64)
    elif kind == 3:
        data[place:place] = data[place : place + 40]
    else:
        data[place : place + 4] = b"\xff\xff\xff\x7f"
    return bytes(data)


def rezipped(content: bytes, changed: dict[str, bytes | None]) -> bytes:
    """Return an archive with members replaced, left out or added, and right checksums."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        members = {name: old.read(name) for name in old.namelist()} | changed
        for name, data in members.items():
            if data is not None:
                new.writestr(name, data)
    return buffer.getvalue()


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


def _other_array(data: bytes, rng: Generator) -> bytes | None:  # noqa: PLR0911
    array = np.load(io.BytesIO(data))
    kind = rng.integers(7)
    if kind == 0:
        return None
    if kind == 1:
        lie = data[: data.index(b"\n")].replace(b"(", b"(9") if b"(" in data[:200] else data
        return lie + data[data.index(b"\n") :]
    if kind == 2:
        return damaged_bytes(data[:128], rng) + data[128:]
    if kind == 3:
        dtype = str(rng.choice(_DTYPES))
        try:
            return _npy(array.astype(dtype))
        except (ValueError, TypeError):
            return _npy(np.zeros(array.shape, "<f8"))
    if kind == 4 and array.dtype.kind in "fiu" and array.size:
        changed = array.astype(np.float64)
        changed.flat[int(rng.integers(array.size))] = rng.choice(_VALUES)
        with np.errstate(all="ignore"):
            return _npy(changed.astype(array.dtype))
    if kind == 5:
        return _npy(array[None] if rng.integers(2) else array.ravel())
    return _npy(array[:-1] if array.ndim else np.zeros(3))


def other_json(value: Any, rng: Generator) -> Any:
    """Return JSON in which one value, somewhere, is replaced, left out or renamed."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = str(rng.choice(list(value)))
        inner = {k: v for k, v in value.items() if k != key}
        if rng.random() < 0.25:
            return inner
        return {**inner, key: other_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = int(rng.integers(len(value)))
        return [*value[:place], other_json(value[place], rng), *value[place + 1 :]]
    return _JSON[int(rng.integers(len(_JSON)))]


def other_json_text(content: bytes, rng: Generator) -> bytes:
    """Return JSON with one value replaced, or its text damaged."""
    if rng.random() < 0.25:
        return damaged_bytes(content, rng)
    text = json.dumps(other_json(json.loads(content), rng)).encode()
    return text.replace(b"1", rng.choice([b"1", b"NaN", b"1e999", b"Infinity"]), 1)


def npz_mutants(content: bytes, rng: Generator, count: int) -> Iterator[bytes]:
    """Yield npz files: damaged bytes, one member another, or the metadata another."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(str(np.load(io.BytesIO(members["meta.npy"]))))
    for number in range(count):
        if number % 3 == 0:
            yield damaged_bytes(content, rng)
        elif number % 3 == 1:
            name = str(rng.choice([n for n in members if n != "meta.npy"]))
            yield rezipped(content, {name: _other_array(members[name], rng)})
        else:
            text = json.dumps(other_json(meta, rng))
            yield rezipped(content, {"meta.npy": _npy(np.array(text))})


def safetensors_mutants(content: bytes, rng: Generator, count: int) -> Iterator[bytes]:
    """Yield safetensors files: damaged bytes, or a header in which one value is another."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    for number in range(count):
        if number % 3 == 0:
            yield damaged_bytes(content, rng)
            continue
        other = dict(header)
        if number % 3 == 1:
            inner = other_json(json.loads(header["__metadata__"]["smirk3d"]), rng)
            other["__metadata__"] = {"smirk3d": json.dumps(inner)}
        else:
            other = other_json(header, rng)
        text = json.dumps(other).encode()
        yield len(text).to_bytes(8, "little") + text + content[8 + length :]
