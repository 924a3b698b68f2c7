"""torch's names for code that draws, writes and tracks, which runs with torch or without it.

``torch.cat`` and the others are torch's own while tensors of torch are the default
(:func:`smirk3d.array_interface.default_library`), and else those of
:mod:`~smirk3d.array_interface.numpy_functions`, which do the same to NumPy arrays.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import TYPE_CHECKING, Any

from smirk3d.array_interface import default_library

__all__ = ["Tensor", "functional", "torch"]

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import functional
else:
    from smirk3d.array_interface.numpy_tensor import NumpyTensor as Tensor

    class _NoGradient(contextlib.ContextDecorator):
        """torch's ``no_grad`` where torch is in use, else nothing."""

        def __enter__(self) -> None:
            loaded = sys.modules.get("torch")
            self._stack = contextlib.ExitStack()
            if loaded is not None and hasattr(loaded, "no_grad"):
                self._stack.enter_context(loaded.no_grad())

        def __exit__(self, *error: Any) -> None:
            self._stack.close()

        def _recreate_cm(self) -> _NoGradient:
            return _NoGradient()

    class _Names:
        """The names of a module of torch, looked up when they are used."""

        def __init__(self, attribute: str = "") -> None:
            self._attribute = attribute

        def __getattr__(self, name: str) -> Any:
            if default_library() == "torch":
                return getattr(importlib.import_module("torch" + self._attribute), name)
            functions = importlib.import_module("smirk3d.array_interface.numpy_functions")
            if self._attribute:
                return getattr(functions.functional, name)
            return getattr(functions, name)

        @property
        def no_grad(self) -> type[_NoGradient]:
            """A context, or decorator, that keeps no gradients."""
            return _NoGradient

    torch = _Names()
    functional = _Names(".nn.functional")
