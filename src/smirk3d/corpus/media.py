"""Files of a corpus on this machine: those at addresses are fetched, and removed after use."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from smirk3d.assets.optional import require
from smirk3d.corpus.manifest import is_address
from smirk3d.errors import InputError

_BLOCK = 1 << 20
"""Bytes that are copied at once, by choice: few calls and little memory."""


@contextlib.contextmanager
def local_file(uri: str) -> Iterator[Path]:
    """Give the path of an input; what lies at an address is there while the block runs.

    Args:
        uri: a path, or an address that fsspec opens.

    Raises:
        InputError: if an address cannot be read.
        MissingExtra: if fsspec is not installed.
    """
    if not is_address(uri):
        yield Path(uri)
        return
    if uri.startswith("file://"):
        yield Path(uri.removeprefix("file://"))
        return
    fsspec = require("fsspec", extra="corpus")
    with tempfile.TemporaryDirectory(prefix="smirk3d-") as folder:
        path = Path(folder, f"input{PurePosixPath(uri.partition('?')[0]).suffix[:16]}")
        try:
            with fsspec.open(uri, "rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, _BLOCK)
        except Exception as error:  # each file system has errors of its own
            why = str(error) or type(error).__name__
            raise InputError(f"{uri} cannot be read ({why}): check the address") from error
        yield path
