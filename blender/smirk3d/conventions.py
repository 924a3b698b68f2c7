"""ARKit's names, and rotations of performances in Blender's axes; this module needs no Blender."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ARKIT_NAMES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
    "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight",
    "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)  # fmt: skip
"""In the order of Live Link Face's recordings."""

_PARTS = ("Head", "LeftEye", "RightEye")
ANGLES = tuple(part + angle for part in _PARTS for angle in ("Yaw", "Pitch", "Roll"))
"""Columns of Live Link Face's recordings with rotations, in radians."""

_TO_BLENDER = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
"""From y up, z out of the face, to Blender's z up, -y out of the face."""


def rotations(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotations ``[..., 3, 3]`` of a recording's yaw, pitch and roll ``[..., 3]``.

    They are ``R_y(-yaw) R_x(pitch) R_z(-roll)``.
    """
    yaw, pitch, roll = -angles[..., 0], angles[..., 1], -angles[..., 2]
    cy, sy, cx, sx, cz, sz = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    rows = [
        [cy * cz + sy * sx * sz, sy * sx * cz - cy * sz, sy * cx],
        [cx * sz, cx * cz, -sx],
        [cy * sx * sz - sy * cz, sy * sz + cy * sx * cz, cy * cx],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def of_axis_angles(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotations ``[..., 3, 3]`` of axis-angle vectors in radians ``[..., 3]``."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    cross = np.stack([np.stack(row, -1) for row in rows], -2)
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + first * cross + second * (cross @ cross)


def of_unity(xyzw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotations ``[..., 3, 3]`` of Unity's quaternions ``[..., 4]``, whose axes mirror x."""
    x, y, z, w = np.moveaxis(xyzw * [1, -1, -1, 1], -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def in_blender(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotations ``[..., 3, 3]`` in Blender's axes."""
    return _TO_BLENDER @ matrices @ _TO_BLENDER.T
