"""The choice between NumPy and torch, made before either is imported."""

from __future__ import annotations

import functools
import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Library = Literal["numpy", "torch"]

_chosen: list[Library] = []
"""The libraries that :func:`library` chose, the innermost last."""


@contextmanager
def library(name: Library) -> Iterator[None]:
    """Choose :func:`default_library` while the context lasts.

    The choice is the whole process's.
    """
    _chosen.append(name)
    try:
        yield
    finally:
        _chosen.pop()


def default_library() -> Library:
    """Return the library of arrays that are made without another array to follow.

    It is torch where it is installed, else NumPy, unless :func:`library` says otherwise.
    """
    if _chosen:
        return _chosen[-1]
    return "torch" if torch_installed() else "numpy"


def torch_installed() -> bool:
    """Return whether torch can be imported; it is not imported for that."""
    return is_installed("torch")


@functools.cache
def is_installed(package: str) -> bool:
    """Return whether a package can be imported; it is not imported for that."""
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # an import hook that forbids it
        return False


def library_for(device: str) -> Library:
    """Return the library that serves inference on a device: NumPy on the CPU, else torch.

    ``auto`` looks whether there could be a GPU before it imports torch, which takes seconds.
    """
    if device == "cpu" or (device == "auto" and not (torch_installed() and _may_have_gpu())):
        return "numpy"
    return "torch"


def _may_have_gpu() -> bool:
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return apple or Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None
