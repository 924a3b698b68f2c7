"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


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


@pytest.fixture(scope="session")
def made_faces() -> Path:
    """The folder of 48 rendered, annotated faces that lies in the repository; docs/data.md."""
    return ROOT / "data" / "faces"
