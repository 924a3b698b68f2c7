"""Fixtures that all tests share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

import smirk3d

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
SOURCE = str(Path(smirk3d.__file__).parent)

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
    ),
    pytest.param(
        "mps",
        marks=pytest.mark.skipif(
            not torch.backends.mps.is_available(), reason="there is no MPS device"
        ),
    ),
]

FACTORIES = frozenset(
    getattr(torch, name)
    for name in (
        "arange", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn",
        "randperm", "tensor", "zeros",
    )
)  # fmt: skip
"""Functions that make tensors on the CPU unless a device is given."""

ON_THE_CPU = ("numba_rasterizer.py",)
"""Modules whose tensors all lie on the CPU."""


class ExplicitDevices(TorchFunctionMode):
    """Refuses tensors that library code makes without naming their device.

    They would lie on the CPU while the faces lie on a GPU, which a CPU alone never notices.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run a function of torch."""
        kwargs = kwargs or {}
        if func in FACTORIES and kwargs.get("device") is None:
            caller = sys._getframe(1)
            path = caller.f_code.co_filename
            if path.startswith(SOURCE) and not path.endswith(ON_THE_CPU):
                place = f"{path}:{caller.f_lineno}"
                raise AssertionError(f"{place}: torch.{func.__name__} without device=")
        return func(*args, **kwargs)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test starts from the same random state."""
    torch.manual_seed(0)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device that is there."""
    return torch.device(request.param)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest, device: torch.device) -> torch.dtype:
    """Single and double precision, where the device has it."""
    if request.param == torch.float64 and device.type == "mps":
        pytest.skip("MPS has no double precision")
    return request.param


@pytest.fixture
def explicit_devices() -> Iterator[None]:
    """Within the test, library code must name the device of every tensor that it makes."""
    with ExplicitDevices():
        yield


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of photos and head data kept beside the project; absent on users' machines."""
    if not (SHARED / "README.md").is_file():
        pytest.skip(f"{SHARED} is not here: it holds the photos and heads that this test reads")
    return SHARED


@pytest.fixture(scope="session")
def made_faces() -> Path:
    """The folder of 48 rendered, annotated faces that lies in the repository; docs/data.md."""
    return ROOT / "data" / "faces"
