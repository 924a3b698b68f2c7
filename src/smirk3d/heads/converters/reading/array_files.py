"""numpy's own files, read without trusting what they say about themselves."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from smirk3d.errors import AssetError
from smirk3d.heads.converters.reading.array_pickle import read_array_pickle

LARGEST_ARRAY = 512 << 20

_READ_HEADER = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}


def read_npy(content: bytes, name: str) -> Any:
    """Return the array of an ``.npy`` file; one of objects comes back as what it holds.

    Args:
        content: the file.
        name: of the file, for messages.

    Raises:
        AssetError: if it is damaged, larger inside than outside, or names what is no array.
    """
    file = io.BytesIO(content)
    try:
        read_header: Callable[[Any], Any] = _READ_HEADER[npy_format.read_magic(file)]
        shape, column_major, dtype = read_header(file)
        data = content[file.tell() :]
        if dtype.hasobject:
            return read_array_pickle(data, name)
        size = math.prod(int(n) for n in shape) * dtype.itemsize
        if dtype.fields is not None or size != len(data):
            raise ValueError(f"its {len(data)} bytes are no array of shape {tuple(shape)}")
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if column_major else "C")
        return array.astype(dtype.newbyteorder("="))
    except (KeyError, ValueError, TypeError, EOFError, OverflowError) as error:
        raise AssetError(
            f"{name} is not an array file ({_first_line(error)}): fetch it again"
        ) from error


def read_npz(content: bytes, name: str, wanted: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return the wanted arrays of an ``.npz`` file, those that it has.

    Raises:
        AssetError: if it is damaged, or an array would unpack to more than 512 MiB.
    """
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            for key in wanted:
                entry = members.get(f"{key}.npy")
                if entry is None:
                    continue
                if entry.file_size > LARGEST_ARRAY:
                    raise AssetError(f"{name}: {key} would unpack to more than 512 MiB")
                value = read_npy(archive.read(entry), f"{name}: {key}")
                arrays[key] = np.asarray(value)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise AssetError(f"{name} is not a whole npz file ({_first_line(error)})") from error
    return arrays


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
