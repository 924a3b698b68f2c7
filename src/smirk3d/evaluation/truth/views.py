"""Angles of heads and eyes, in degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

YAW_BINS = ((0, 15), (15, 30), (30, 50), (50, 70), (70, 90))
"""Ranges of the angle aside in degrees by which figures are told apart; the limits of the sweeps'
steps, by hand."""
ROLL_BINS = ((0, 30), (30, 70), (70, 110), (110, 180))
"""Ranges of the angle of roll in degrees by which figures are told apart: upright, tilted, lying on
a side, head down; by hand."""


def euler_angles(rotation: Array) -> Array:
    """Return pitch, yaw and roll ``[K, 3]`` in degrees of rotations ``[K, 3, 3]``.

    Roll about +z follows pitch about +x, which follows yaw about +y: positive pitch nods down,
    positive yaw turns to the subject's left.
    """
    pitch = np.arcsin(rotation[:, 2, 1].clip(-1, 1))
    yaw = np.arctan2(-rotation[:, 2, 0], rotation[:, 2, 2])
    roll = np.arctan2(-rotation[:, 0, 1], rotation[:, 1, 1])
    degrees: Array = np.degrees(np.stack([pitch, yaw, roll], 1))
    return degrees


def angle_between(first: Array, second: Array) -> float:
    """Return the angle in degrees between two rotations ``[3, 3]``."""
    cosine = (np.trace(first.T @ second) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def angles_between(first: Array, second: Array) -> Array:
    """Return the angles ``[K]`` in degrees between rotations ``[K, 3, 3]``."""
    cosine = (np.einsum("kij,kij->k", first, second) - 1) / 2
    degrees: Array = np.degrees(np.arccos(cosine.clip(-1, 1)))
    return degrees


def within(angles: Array, low: float, high: float) -> NDArray[np.bool_]:
    """Return which angles ``[K]`` have a size in a bin; those of the last bins include its end."""
    size = np.abs(angles)
    return (size >= low) & (size < high if high < YAW_BINS[-1][1] else size <= high)


def directions(vectors: Array) -> Array:
    """Return pitch (up) and yaw (towards the subject's left) ``[..., 2]`` in degrees.

    Args:
        vectors: unit directions ``[..., 3]`` in the viewer's frame.
    """
    pitch = np.arcsin(vectors[..., 1].clip(-1, 1))
    yaw = np.arctan2(vectors[..., 0], vectors[..., 2])
    degrees: Array = np.degrees(np.stack([pitch, yaw], -1))
    return degrees
