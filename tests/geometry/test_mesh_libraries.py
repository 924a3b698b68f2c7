"""Meshes are the same for NumPy arrays and torch tensors, in their precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from smirk3d.array_interface import as_like, beside
from smirk3d.geometry import meshes
from smirk3d.geometry.closest_points import closest_points, closest_points_among

from .conftest import MakeArray, as_numpy

GENERATOR = torch.Generator().manual_seed(3)
VERTICES = torch.randn(2, 60, 3, generator=GENERATOR, dtype=torch.float64)
QUERIES = torch.randn(700, 3, generator=GENERATOR, dtype=torch.float64)
FACES = np.random.default_rng(3).permuted(np.tile(np.arange(60), (50, 1)), axis=1)[:, :3]
LABELS = np.arange(50) % 3

Function = Callable[[Any, Any], Any]
"""A function of vertices ``[2, 60, 3]`` and triangles ``[50, 3]`` of one library."""

CASES: dict[str, Function] = {
    "area_vectors": meshes.area_vectors,
    "face_areas": meshes.face_areas,
    "face_normals": meshes.face_normals,
    "projected_areas": meshes.projected_areas,
    "vertex_normals": meshes.vertex_normals,
    "faces_within": lambda v, f: meshes.faces_within(f, v[0, :, 0] > -1),
    "compact": lambda v, f: meshes.compact(f[::7])[1],
    "split_by_label": lambda v, f: meshes.split_by_label(f, beside(LABELS, f))[1],
    "edges": lambda v, f: meshes.edges(f),
    "subdivide": lambda v, f: meshes.subdivide(f, 60)[1],
    "curved_middles": lambda v, f: meshes.curved_middles(v, f, meshes.edges(f), 0.6),
    "smoothed": lambda v, f: meshes.smoothed(v[0], f, 3),
    "mirrored_vertices": lambda v, f: meshes.mirrored_vertices(v[0]),
    "closest_points": lambda v, f: closest_points(as_like(QUERIES, v), v[0], f).points,
    "closest_points_among": lambda v, f: closest_points_among(v[0, :9], v[1][f], f[:9] % 50),
}


@pytest.mark.parametrize("name", CASES)
def test_arrays_of_both_libraries_agree(name: str, make_array: MakeArray, tolerance: float) -> None:
    given = make_array(VERTICES)
    found = CASES[name](given, beside(FACES, given))
    assert type(found) is type(given)
    expected = CASES[name](VERTICES, torch.from_numpy(FACES))
    np.testing.assert_allclose(as_numpy(found), expected, rtol=tolerance, atol=30 * tolerance)
    assert np.array_equal(as_numpy(given), as_numpy(make_array(VERTICES)))
