"""numpy's own files, read without trusting what they say about themselves."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from smirk3d.assets.foreign.npy import read_npy_header, read_npy_values
from smirk3d.assets.foreign.npz import read_npz as read_arrays
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.foreign.schema import ArrayRule
from smirk3d.errors import AssetError
from smirk3d.head_import.reading.array_pickle import read_array_pickle

LARGEST_ARRAYS = 512 << 20
"""Bytes of a file's arrays. GNM's head, the largest that is known, has 140 MB in half precision."""

_RULE = ArrayRule("...", "fiubUS", optional=True)


def read_npy(content: bytes, name: str) -> Any:
    """Return the array of an ``.npy`` file; one of objects comes back as what it holds.

    Args:
        content: the file.
        name: of the file, for messages.

    Raises:
        AssetError: if it is damaged, larger inside than outside, or names what is no array.
    """
    origin, file = Origin(name, "array file", "fetch it again", AssetError), io.BytesIO(content)
    with origin.refusing():
        header = read_npy_header(file)
        if header.kind == "O":
            return read_array_pickle(content[file.tell() :], name)
        if header.cost > LARGEST_ARRAYS:
            raise Unfit(f"it would have more than {LARGEST_ARRAYS >> 20} MiB")
        if header.nbytes != len(content) - file.tell():
            left = len(content) - file.tell()
            raise Unfit(f"its {left} bytes are no array of shape {header.shape}")
        return read_npy_values(file, header)


def read_npz(content: bytes, name: str, wanted: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return the wanted arrays of an ``.npz`` file, those that it has.

    Raises:
        AssetError: if it is damaged, holds objects, or would unpack to more than 512 MiB.
    """
    origin = Origin(name, "npz file", "fetch it again", AssetError)
    return read_arrays(content, origin, dict.fromkeys(wanted, _RULE), budget=LARGEST_ARRAYS)
