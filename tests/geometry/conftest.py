"""The kinds of arrays, precisions and devices on which formulas are tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])

MakeArray = Callable[[Any], Any]


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """The floating-point types that geometry promises."""
    return {"float32": torch.float32, "float64": torch.float64}[request.param]


@pytest.fixture(params=["numpy", *DEVICES])
def make_array(request: pytest.FixtureRequest, dtype: torch.dtype) -> MakeArray:
    """Return a function from numbers to an array of one library, device and precision."""

    def make(values: Any) -> Any:
        tensor = torch.as_tensor(values, dtype=dtype)
        return tensor.numpy() if request.param == "numpy" else tensor.to(request.param)

    return make


@pytest.fixture
def tolerance(dtype: torch.dtype) -> float:
    """Return the error that rounding may leave."""
    return 3e-6 if dtype is torch.float32 else 1e-12


def as_numpy(array: Any) -> np.ndarray[Any, Any]:
    """Return any array as NumPy's, on the CPU."""
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()
