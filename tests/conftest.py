"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test starts from the same random state."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of photos and head data kept beside the project; absent on users' machines."""
    if not (SHARED / "README.md").is_file():
        pytest.skip(f"{SHARED} is not here: it holds the photos and heads that this test reads")
    return SHARED
