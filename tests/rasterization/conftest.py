"""Engines and meshes that the tests of rasterisation share."""

from __future__ import annotations

import importlib.util

import pytest

FAST_ENGINES = [
    "array",
    pytest.param(
        "numba",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("numba") is None,
            reason="numba is not installed: pip install 'smirk3d[train]'",
        ),
    ),
]


@pytest.fixture(params=FAST_ENGINES)
def fast_engine(request: pytest.FixtureRequest) -> str:
    """The engines that must agree with the reference."""
    return request.param


@pytest.fixture(params=["reference", *FAST_ENGINES])
def engine(request: pytest.FixtureRequest) -> str:
    """All engines."""
    return request.param
