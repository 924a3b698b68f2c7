"""Rotations and cameras compute the same for NumPy arrays and torch tensors, in their precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from smirk3d.array_interface import array_namespace, constant
from smirk3d.errors import ShapeError, UsageError
from smirk3d.geometry import cameras, rotations

from .conftest import MakeArray, as_numpy

VECTORS = torch.cat(
    [torch.zeros(1, 3), 1e-5 * torch.ones(1, 3), torch.linspace(-2, 2, 18).view(6, 3)]
)
MATRICES = rotations.axis_angle_to_matrix(VECTORS.double())
DIRECTIONS = torch.nn.functional.normalize(
    torch.tensor([[0.0, 0, 1], [0.2, -0.1, 1], [-1, 0.4, 0.3]])
)
POINTS = torch.linspace(-0.1, 0.1, 24).view(2, 4, 3)
CAMERAS = torch.tensor([[7.0, 0.01, -0.02], [5.0, 0.0, 0.03]])
TRANSFORMS = torch.tensor(
    [[[2.0, 0, -20], [0, 2, -40], [0, 0, 1]], [[1.0, -1, 3], [1, 1, 0], [0, 0, 1]]]
)

CASES: dict[str, tuple[Callable[..., Any], tuple[torch.Tensor, ...]]] = {
    "axis_angle_to_matrix": (rotations.axis_angle_to_matrix, (VECTORS,)),
    "matrix_to_axis_angle": (rotations.matrix_to_axis_angle, (MATRICES,)),
    "matrix_to_quaternion_wxyz": (rotations.matrix_to_quaternion_wxyz, (MATRICES,)),
    "skew": (rotations.skew, (VECTORS,)),
    "direction_to_axis_angle": (rotations.direction_to_axis_angle, (DIRECTIONS,)),
    "project": (cameras.project, (POINTS, CAMERAS)),
    "unproject": (cameras.unproject, (POINTS, CAMERAS)),
    "crop_pixels_to_image": (cameras.crop_pixels_to_image, (POINTS[..., :2], TRANSFORMS)),
    "ndc_to_pixels": (lambda ndc: cameras.ndc_to_pixels(ndc, 224), (POINTS,)),
    "pixels_to_ndc": (lambda pixels: cameras.pixels_to_ndc(pixels, 224), (POINTS,)),
}


@pytest.mark.parametrize("name", CASES)
def test_arrays_of_both_libraries_agree(name: str, make_array: MakeArray, tolerance: float) -> None:
    function, inputs = CASES[name]
    given = [make_array(tensor) for tensor in inputs]
    before = [as_numpy(array).copy() for array in given]
    found = function(*given)
    assert type(found) is type(given[0])
    assert found.dtype == given[0].dtype
    expected = as_numpy(function(*(tensor.double() for tensor in inputs)))
    np.testing.assert_allclose(as_numpy(found), expected, rtol=tolerance, atol=10 * tolerance)
    for array, kept in zip(given, before, strict=True):
        assert np.array_equal(as_numpy(array), kept), "an argument was written to"


@pytest.mark.parametrize("name", CASES)
def test_no_array_is_made_on_another_device(name: str) -> None:
    function, inputs = CASES[name]
    found = function(*(tensor.to("meta") for tensor in inputs))
    assert found.device.type == "meta"


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("ndc_to_pixels", "pixels_to_ndc")])
def test_empty_batches_give_empty_results(name: str, make_array: MakeArray) -> None:
    function, inputs = CASES[name]
    given = [make_array(tensor[:0]) for tensor in inputs]
    expected = function(*inputs)
    assert tuple(function(*given).shape) == (0, *expected.shape[1:])


def test_not_a_number_stays_within_its_row(make_array: MakeArray) -> None:
    vectors = VECTORS.clone()
    vectors[2] = torch.nan
    found = as_numpy(rotations.axis_angle_to_matrix(make_array(vectors)))
    assert np.isnan(found[2]).all()
    assert np.isfinite(np.delete(found, 2, 0)).all()


def test_integers_are_refused() -> None:
    with pytest.raises(UsageError, match="axis_angle must hold floating-point numbers, got int64"):
        rotations.axis_angle_to_matrix(np.zeros((2, 3), np.int64))
    with pytest.raises(UsageError, match="camera must hold floating-point numbers"):
        cameras.project(torch.zeros(1, 2, 3), torch.ones(1, 3, dtype=torch.int64))


def test_libraries_are_not_mixed() -> None:
    with pytest.raises(UsageError, match="got Tensor, ndarray"):
        array_namespace(torch.zeros(1), np.zeros(1))
    with pytest.raises(UsageError, match="got list"):
        array_namespace([1.0])  # type: ignore[arg-type]


def test_a_batch_has_one_camera_a_face() -> None:
    with pytest.raises(ShapeError, match="camera"):
        cameras.unproject(torch.zeros(2, 4, 3), torch.zeros(3, 3))


def test_constants_follow_their_model(make_array: MakeArray) -> None:
    like = make_array([1.0])
    made = constant([1.0, 2.0], like)
    assert type(made) is type(like)
    assert made.dtype == like.dtype
