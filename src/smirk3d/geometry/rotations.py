"""Rotations as axis-angle vectors and matrices, smooth at the identity."""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.errors import check_shape

_SMALL_SQUARE = 1e-8


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Return rotation matrices ``[..., 3, 3]`` of axis-angle vectors ``[..., 3]`` in radians.

    Rodrigues' formula with the Taylor series of both coefficients near zero, so that values and
    gradients are finite for the zero rotation.

    Raises:
        ShapeError: if the last dimension is not 3.
    """
    check_shape(axis_angle, "... 3", "axis_angle")
    square = (axis_angle * axis_angle).sum(-1)
    small = square < _SMALL_SQUARE
    angle = torch.where(small, torch.ones_like(square), square).sqrt()
    sine = torch.where(small, 1 - square / 6, angle.sin() / angle)
    cosine = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / (angle * angle))
    cross = skew(axis_angle)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sine[..., None, None] * cross + cosine[..., None, None] * (cross @ cross)


def skew(vector: Tensor) -> Tensor:
    """Return ``[..., 3, 3]`` with ``skew(v) @ x == cross(v, x)`` for vectors ``[..., 3]``."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (zero, -z, y, z, zero, -x, -y, x, zero)
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """Return axis-angle vectors ``[..., 3]`` in radians, angles in [0, pi], of rotations.

    Goes through the quaternion of largest component (Shepperd's method), so that it is accurate up
    to half turns. Not meant to be differentiated at half turns.

    Args:
        matrix: rotation matrices ``[..., 3, 3]``.

    Raises:
        ShapeError: if the last two dimensions are not 3.
    """
    check_shape(matrix, "... 3 3", "matrix")
    quaternion = matrix_to_quaternion_wxyz(matrix)
    w, vector = quaternion[..., :1], quaternion[..., 1:]
    sign = torch.where(w < 0, -torch.ones_like(w), torch.ones_like(w))
    w, vector = w * sign, vector * sign
    square = (vector * vector).sum(-1, keepdim=True)
    small = square < _SMALL_SQUARE
    norm = torch.where(small, torch.ones_like(square), square).sqrt()
    factor = torch.where(small, 2 / w.clamp(min=0.5), 2 * torch.atan2(norm, w) / norm)
    return vector * factor


def matrix_to_quaternion_wxyz(matrix: Tensor) -> Tensor:
    """Return unit quaternions ``[..., 4]``, of either sign, of rotations ``[..., 3, 3]``."""
    m = [[matrix[..., i, j] for j in range(3)] for i in range(3)]
    trace = m[0][0] + m[1][1] + m[2][2]
    # each row is 4 q_k times the quaternion, for k = w, x, y, z
    rows = torch.stack(
        [
            torch.stack([1 + trace, m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]], -1),
            torch.stack(
                [m[2][1] - m[1][2], 1 + 2 * m[0][0] - trace, m[0][1] + m[1][0], m[0][2] + m[2][0]],
                -1,
            ),
            torch.stack(
                [m[0][2] - m[2][0], m[0][1] + m[1][0], 1 + 2 * m[1][1] - trace, m[1][2] + m[2][1]],
                -1,
            ),
            torch.stack(
                [m[1][0] - m[0][1], m[0][2] + m[2][0], m[1][2] + m[2][1], 1 + 2 * m[2][2] - trace],
                -1,
            ),
        ],
        -2,
    )
    best = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    chosen = torch.gather(rows, -2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    return chosen / chosen.norm(dim=-1, keepdim=True)


def direction_to_axis_angle(direction: Tensor) -> Tensor:
    """Return the shortest rotation ``[..., 3]`` that turns +z into unit directions ``[..., 3]``.

    Its z component is zero (Listing's law for eyes). Directions must not be -z.
    """
    x, y, z = direction.unbind(-1)
    sine = (x * x + y * y).clamp(min=1e-24).sqrt()
    factor = torch.atan2(sine, z) / sine
    return torch.stack([-y * factor, x * factor, torch.zeros_like(x)], -1)
