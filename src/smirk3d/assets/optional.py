"""Import of packages that only an extra brings."""

from __future__ import annotations

import importlib
from types import ModuleType

from smirk3d.errors import MissingExtra


def require(module: str, *, extra: str) -> ModuleType:
    """Return an optional module, imported now.

    Args:
        module: its import name, ``"viser"`` or ``"google.protobuf"``.
        extra: the extra of smirk3d that installs it.

    Raises:
        MissingExtra: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name.partition(".")[0]):
            raise
        raise MissingExtra(
            f"this needs the package {module.partition('.')[0]!r}: pip install 'smirk3d[{extra}]'"
        ) from error
