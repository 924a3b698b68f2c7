"""Light from all sides, prepared for the drawing loops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.rendering.light_visibility import sphere_directions

Array = NDArray[np.float32]

NUM_DIRECTIONS = 12
"""From which light comes past what stands in its way, chosen by eye against time."""
_ROUGH = (16, 32)
"""Rows and columns of the blurred probe, which rough surfaces mirror; chosen by eye."""
_MOST = 25.0
"""Brightest direction that is kept, against the mean: the lamp stands for what is brighter."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A light probe of mean brightness 1.

    Attributes:
        sharp: linear RGB ``[H, W, 3]``, equirectangular; rough: blurred, smaller.
        frames: right, up and towards each of K directions, as rows ``[K, 3, 3]``.
        brightest: direction of its brightest place, unit ``[3]``, before turning.
    """

    sharp: Array
    rough: Array
    frames: Array
    brightest: Array

    def radiance(self, turn: float) -> Array:
        """Return light of each direction times its solid angle over pi ``[K, 3]``."""
        return looked_up(self.rough, self.frames[:, 2], turn) * (4 / len(self.frames))


def surroundings(probe: Array) -> Surroundings:
    """Prepare a probe: linear RGB ``[H, W, 3]``, equirectangular."""
    height, width = probe.shape[:2]
    solid = np.sin((np.arange(height) + 0.5) / height * np.pi)[:, None]
    solid = np.repeat(solid / solid.sum() / width, width, 1)
    bright = probe.mean(2)
    light = probe.astype(np.float32)
    for _ in range(3):
        mean = float((light.mean(2) * solid).sum())
        over = np.minimum(1, _MOST * mean / light.mean(2, keepdims=True).clip(1e-6))
        light = light * over
    light = light / float((light.mean(2) * solid).sum())
    # half towards grey: the camera's white balance does as much
    tint = (light * solid[..., None]).sum((0, 1))
    light = (light / tint**0.5 * tint.mean() ** 0.5).astype(np.float32)
    small = cv2.resize(light, _ROUGH[::-1], interpolation=cv2.INTER_AREA)
    wrapped = np.concatenate([small[:, -6:], small, small[:, :6]], 1)
    rough = cv2.GaussianBlur(wrapped, (0, 0), 1.3)[:, 6:-6]
    row, column = np.unravel_index(int((bright * (solid > 0)).argmax()), bright.shape)
    up, around = (row + 0.5) / height * np.pi, ((column + 0.5) / width - 0.5) * 2 * np.pi
    sun = np.array([np.sin(up) * np.sin(around), np.cos(up), np.sin(up) * np.cos(around)])
    return Surroundings(light, np.ascontiguousarray(rough), _frames(), sun.astype(np.float32))


@cache
def _frames() -> Array:
    directions = sphere_directions(NUM_DIRECTIONS)
    return np.stack([light_frame(direction) for direction in directions])


def looked_up(probe: Array, directions: Array, turn: float) -> Array:
    """Return the light of a probe from directions ``[..., 3]``, nearest place, ``[..., 3]``."""
    height, width = probe.shape[:2]
    x, y, z = np.moveaxis(directions, -1, 0)
    u = (np.arctan2(x, z) + turn) / (2 * np.pi) + 0.5
    v = np.arccos(y.clip(-1, 1)) / np.pi
    column = np.floor(u * width).astype(np.int64) % width
    found: Array = probe[np.floor(v * height).astype(np.int64).clip(0, height - 1), column]
    return found


def light_frame(direction: NDArray[np.floating]) -> Array:
    """Return rows right, up and towards a light ``[3, 3]``."""
    toward = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    helper = np.array([1.0, 0, 0]) if abs(toward[1]) > 0.9 else np.array([0, 1.0, 0])
    right = np.cross(helper, toward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(toward, right), toward]).astype(np.float32)
