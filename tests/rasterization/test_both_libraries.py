"""NumPy arrays are drawn as torch tensors are, with every engine for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.array_interface import portions
from smirk3d.rasterization import base, nearest_depth, rasterize

GENERATOR = torch.Generator().manual_seed(7)
VERTICES = torch.rand(2, 30, 3, generator=GENERATOR) * 2.4 - 1.2
FACES = torch.arange(30).view(10, 3)


@pytest.mark.parametrize("engine", ["auto", "array", "numba", "reference"])
def test_both_libraries_give_the_same_fragments(engine: str) -> None:
    expected = rasterize(VERTICES, FACES, 20, 24, engine=engine)
    found = rasterize(VERTICES.numpy(), FACES.numpy(), 20, 24, engine=engine)
    for name in ("face_index", "pixel", "corners", "weights", "corner_depth", "mask", "depth"):
        values = getattr(found, name)
        assert isinstance(values, np.ndarray)
        assert str(values.dtype) == str(getattr(expected, name).dtype).removeprefix("torch.")
        np.testing.assert_allclose(values, getattr(expected, name), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.barycentric, expected.barycentric, atol=1e-6)
    drawn, wanted = found.interpolate(VERTICES.numpy()), expected.interpolate(VERTICES)
    np.testing.assert_allclose(drawn, wanted, atol=1e-6)


@pytest.mark.parametrize("installed", [True, False])
def test_both_libraries_give_the_same_nearest_depth(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba", reason="pip install 'smirk3d[train]'")
    compiled = nearest_depth(VERTICES, FACES, 20, 24)
    monkeypatch.setattr(base, "numba_is_installed", lambda: installed)
    assert torch.equal(nearest_depth(VERTICES, FACES, 20, 24), compiled)
    found = nearest_depth(VERTICES.numpy(), FACES.numpy(), 20, 24)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, compiled)


def test_both_libraries_interpolate_more_pixels_than_a_portion() -> None:
    expected = rasterize(VERTICES, FACES, 200, 240)
    found = rasterize(VERTICES.numpy(), FACES.numpy(), 200, 240)
    assert len(found.pixel) > next(portions(len(found.pixel))).stop
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-5)
    drawn, wanted = found.at_pixels(VERTICES.numpy()), expected.at_pixels(VERTICES)
    np.testing.assert_allclose(drawn, wanted, atol=1e-5)
