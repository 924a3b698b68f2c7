from __future__ import annotations

import math

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.geometry.rotations import (
    axis_angle_to_matrix,
    direction_to_axis_angle,
    matrix_to_axis_angle,
    skew,
)


def test_quarter_turn_about_y_takes_z_to_x() -> None:
    matrix = axis_angle_to_matrix(torch.tensor([0.0, math.pi / 2, 0.0]))
    moved = matrix @ torch.tensor([0.0, 0.0, 1.0])
    torch.testing.assert_close(moved, torch.tensor([1.0, 0.0, 0.0]), atol=1e-6, rtol=0)


def test_matrices_are_rotations() -> None:
    matrix = axis_angle_to_matrix(torch.randn(20, 3, dtype=torch.float64) * 2)
    identity = torch.eye(3, dtype=torch.float64).expand(20, 3, 3)
    torch.testing.assert_close(matrix @ matrix.transpose(1, 2), identity)
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(20, dtype=torch.float64))


@pytest.mark.parametrize("angle", [0.0, 1e-7, 1e-3, 1.0, 3.0, math.pi - 1e-6])
def test_vector_to_matrix_and_back(angle: float) -> None:
    axis = torch.nn.functional.normalize(torch.randn(10, 3, dtype=torch.float64), dim=1)
    again = matrix_to_axis_angle(axis_angle_to_matrix(axis * angle))
    torch.testing.assert_close(again, axis * angle, atol=1e-7, rtol=0)


def test_half_turn_keeps_its_axis_up_to_sign() -> None:
    vector = torch.tensor([[0.0, math.pi, 0.0], [math.pi, 0.0, 0.0]], dtype=torch.float64)
    again = matrix_to_axis_angle(axis_angle_to_matrix(vector))
    torch.testing.assert_close(again.abs(), vector, atol=1e-6, rtol=0)


def test_gradients_hold_at_and_near_zero() -> None:
    vectors = torch.tensor(
        [[0.0, 0.0, 0.0], [1e-6, 0.0, 0.0], [0.3, -0.2, 1.0]], dtype=torch.float64
    ).requires_grad_()
    assert torch.autograd.gradcheck(axis_angle_to_matrix, vectors, atol=1e-6)


def test_skew_is_the_cross_product() -> None:
    a, b = torch.randn(2, 3)
    torch.testing.assert_close(skew(a) @ b, torch.linalg.cross(a, b))


def test_shortest_turn_reaches_the_direction_without_roll() -> None:
    direction = torch.nn.functional.normalize(
        torch.tensor([[0.2, -0.1, 1.0], [0.0, 0.0, 1.0], [-1.0, 0.4, 0.3]]), dim=1
    )
    vector = direction_to_axis_angle(direction)
    assert torch.equal(vector[:, 2], torch.zeros(3))
    torch.testing.assert_close(axis_angle_to_matrix(vector)[..., 2], direction)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError):
        axis_angle_to_matrix(torch.zeros(3, 4))
    with pytest.raises(ShapeError):
        matrix_to_axis_angle(torch.zeros(3, 4))
