"""Rotations as axis-angle vectors and matrices, smooth at the identity.

All functions take NumPy arrays or torch tensors and return the same kind, in the same precision and
on the same device.
"""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace, constant, require_floating
from smirk3d.errors import check_shape

_SMALL_SQUARE = 1e-8
"""Squared angle in radians below which Taylor series replace the quotients: their next terms are
below the rounding of double precision there."""

_SMALLEST_SINE_SQUARE = 1e-24
"""Squared sine that replaces smaller ones, so that +z itself has a finite gradient."""

_SKEW = (
    (0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0),
    (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
)
"""The matrices of the cross products of x, y and z, by rows."""


def axis_angle_to_matrix(axis_angle: Array) -> Array:
    """Return rotation matrices ``[..., 3, 3]`` of axis-angle vectors ``[..., 3]`` in radians.

    Rodrigues' formula with the Taylor series of both coefficients near zero, so that values and
    gradients are finite for the zero rotation.

    Raises:
        ShapeError: if the last dimension is not 3.
        UsageError: if the vectors do not hold floating-point numbers.
    """
    check_shape(axis_angle, "... 3", "axis_angle")
    require_floating(axis_angle, "axis_angle")
    xp = array_namespace(axis_angle)
    square = xp.sum(axis_angle * axis_angle, axis=-1)
    small = square < _SMALL_SQUARE
    angle = xp.sqrt(xp.where(small, xp.ones_like(square), square))
    sine = xp.where(small, 1 - square / 6, xp.sin(angle) / angle)
    cosine = xp.where(small, 0.5 - square / 24, (1 - xp.cos(angle)) / (angle * angle))
    cross = skew(axis_angle)
    identity = constant([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], axis_angle)
    matrix: Array
    matrix = identity + sine[..., None, None] * cross + cosine[..., None, None] * (cross @ cross)
    return matrix


def skew(vector: Array) -> Array:
    """Return ``[..., 3, 3]`` with ``skew(v) @ x == cross(v, x)`` for vectors ``[..., 3]``.

    Raises:
        ShapeError: if the last dimension is not 3.
    """
    check_shape(vector, "... 3", "vector")
    matrix: Array = vector @ constant(_SKEW, vector)
    return matrix.reshape(*vector.shape[:-1], 3, 3)


def matrix_to_axis_angle(matrix: Array) -> Array:
    """Return axis-angle vectors ``[..., 3]`` in radians, angles in [0, pi], of rotations.

    Goes through the quaternion of largest component (Shepperd 1978), so that it is accurate up to
    half turns. Not meant to be differentiated at half turns.

    Args:
        matrix: rotation matrices ``[..., 3, 3]``.

    Raises:
        ShapeError: if the last two dimensions are not 3.
        UsageError: if the matrices do not hold floating-point numbers.
    """
    xp = array_namespace(matrix)
    quaternion = matrix_to_quaternion_wxyz(matrix)
    w, vector = quaternion[..., :1], quaternion[..., 1:]
    sign = xp.where(w < 0, -xp.ones_like(w), xp.ones_like(w))
    w, vector = w * sign, vector * sign
    square = xp.sum(vector * vector, axis=-1, keepdims=True)
    small = square < _SMALL_SQUARE
    norm = xp.sqrt(xp.where(small, xp.ones_like(square), square))
    factor = xp.where(small, 2 / xp.clip(w, 0.5, None), 2 * xp.atan2(norm, w) / norm)
    axis_angle: Array = vector * factor
    return axis_angle


def matrix_to_quaternion_wxyz(matrix: Array) -> Array:
    """Return unit quaternions ``[..., 4]`` (w, x, y, z), of either sign, of rotations.

    Args:
        matrix: rotation matrices ``[..., 3, 3]``.

    Raises:
        ShapeError: if the last two dimensions are not 3.
        UsageError: if the matrices do not hold floating-point numbers.
    """
    check_shape(matrix, "... 3 3", "matrix")
    require_floating(matrix, "matrix")
    xp = array_namespace(matrix)
    m: list[list[Array]] = [[matrix[..., i, j] for j in range(3)] for i in range(3)]
    trace: Array = m[0][0] + m[1][1] + m[2][2]
    wx, wy, wz = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    xy, xz, yz = m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]
    diagonal = [1 + trace, *(1 + 2 * m[k][k] - trace for k in range(3))]
    # each row is 4 q_k times the quaternion, for k = w, x, y, z
    table = (
        (diagonal[0], wx, wy, wz),
        (wx, diagonal[1], xy, xz),
        (wy, xy, diagonal[2], yz),
        (wz, xz, yz, diagonal[3]),
    )
    rows = xp.stack([xp.stack(row, axis=-1) for row in table], axis=-2)
    best = xp.argmax(xp.stack(diagonal, axis=-1), axis=-1)
    chosen = xp.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :]
    quaternion: Array = chosen / xp.linalg.vector_norm(chosen, axis=-1, keepdims=True)
    return quaternion


def direction_to_axis_angle(direction: Array) -> Array:
    """Return the shortest rotation that takes +z to a direction, as axis-angle ``[..., 3]``.

    Its z component is zero (Listing's law for eyes).

    Args:
        direction: unit vectors ``[..., 3]``, none of them -z.

    Raises:
        ShapeError: if the last dimension is not 3.
        UsageError: if the directions do not hold floating-point numbers.
    """
    check_shape(direction, "... 3", "direction")
    require_floating(direction, "direction")
    xp = array_namespace(direction)
    x, y, z = direction[..., 0], direction[..., 1], direction[..., 2]
    sine = xp.sqrt(xp.clip(x * x + y * y, _SMALLEST_SINE_SQUARE, None))
    factor = xp.atan2(sine, z) / sine
    axis_angle: Array = xp.stack([-y * factor, x * factor, xp.zeros_like(x)], axis=-1)
    return axis_angle
