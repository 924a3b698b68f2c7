"""Identity coefficients carried from one bake of a head to the next."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays

SCRIPT = Path(__file__).parents[2] / "scripts" / "carry_identity.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("carry_identity", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_head_with_other_components_shows_the_same_faces(script: ModuleType) -> None:
    old = tiny_head()
    arrays, meta = tiny_head_arrays()
    mix = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    moved = arrays["v_template"] + 0.5 * arrays["shape_basis"][2]
    basis = np.tensordot(mix, arrays["shape_basis"], 1)
    new = HeadModel({**arrays, "v_template": moved, "shape_basis": basis}, meta)
    matrix, offset = script.carried_identity(old, new)
    assert matrix.shape == (6, 6)
    left = script.differences(old, new, matrix, offset)
    unmapped = script.differences(old, new, np.eye(6), np.zeros(6))
    assert np.median(left) < 0.0006
    assert np.median(left) < 0.2 * np.median(unmapped)
