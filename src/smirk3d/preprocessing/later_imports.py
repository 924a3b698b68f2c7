"""Imports of a package without the modules that it imports itself but seldom uses."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_LOCK = threading.Lock()


class _Later(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by imports themselves
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


def imported_with_later(name: str, later: Sequence[str]) -> ModuleType:
    """Return an imported module; what it imports of ``later`` is imported at its first use.

    Only the module and what it imports see the stand-ins; whoever imports those names afterwards
    gets the modules themselves. A module of ``later`` that is imported already stays as it is.

    Args:
        name: module to import.
        later: modules, with dots if they lie in a package.
    """
    with _LOCK:
        if name in sys.modules:
            return sys.modules[name]
        stand_ins: dict[str, ModuleType] = {}
        for module in later:
            package, _, last = module.rpartition(".")
            if module in sys.modules or package in sys.modules:
                continue
            if importlib.util.find_spec(package or module) is None:
                continue  # an import of it shall fail
            stand_ins[module] = _Later(module)
            if package:
                stand_ins[package] = _Later(package)
                setattr(stand_ins[package], last, stand_ins[module])
        sys.modules.update(stand_ins)
        try:
            return importlib.import_module(name)
        finally:
            for module in stand_ins:
                sys.modules.pop(module, None)
