"""The most probable path: against dense algebra, at rest, in motion, with uncertain frames."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.tracking.motion import map_smoother
from smirk3d.tracking.motion.map_smoother import smoothest_path

RATE = 30
NOISE = 0.01


def _signal() -> tuple[np.ndarray, dict[str, slice]]:
    """A rest, a slow sway, a fast shake of 2.5 Hz, a rest, a blink."""
    seconds = np.arange(300) / RATE
    values = np.zeros(300)
    values[60:120] = 0.4 * np.sin(2 * np.pi * 0.4 * seconds[:60])
    values[120:] = values[119]
    values[150:186] += 0.3 * np.sin(2 * np.pi * 2.5 * seconds[:36])
    values[240:245] += [0.4, 0.9, 1.0, 0.6, 0.2]
    parts = {"rest": slice(0, 58), "sway": slice(60, 120), "shake": slice(150, 186),
             "blink": slice(237, 248)}  # fmt: skip
    return values, parts


def _smoothed(values: np.ndarray) -> np.ndarray:
    seconds = np.arange(len(values)) / RATE
    error = np.full((len(values), 1), NOISE)
    return smoothest_path(values[:, None], seconds, error, change=0.05)[:, 0]


def test_the_banded_solution_is_the_dense_one() -> None:
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.uniform(0.02, 0.05, 12))
    values, error = rng.normal(size=(12, 3)), rng.uniform(0.5, 2, (12, 3))
    operator, _ = map_smoother._second_differences(seconds)
    weight = rng.uniform(0.1, 9, (10, 3))
    path = map_smoother._solved(operator, weight, error**-2, error**-2 * values)
    for d in range(3):
        differences = np.zeros((10, 12))
        for row in range(10):
            differences[row, row : row + 3] = operator[row]
        dense = np.diag(error[:, d] ** -2) + differences.T @ np.diag(weight[:, d]) @ differences
        exact = np.linalg.solve(dense, error[:, d] ** -2 * values[:, d])
        np.testing.assert_allclose(path[:, d], exact, atol=1e-9)


def test_no_part_of_a_motion_is_further_off_than_its_frames() -> None:
    values, parts = _signal()
    for seed in range(3):
        noisy = values + NOISE * np.random.default_rng(seed).normal(size=len(values))
        path = _smoothed(noisy)
        for name, part in parts.items():
            before = np.sqrt(np.mean((noisy - values)[part] ** 2))
            after = np.sqrt(np.mean((path - values)[part] ** 2))
            assert after < before * (0.5 if name == "rest" else 1.1), name


def test_a_face_at_rest_rests() -> None:
    values, parts = _signal()
    noisy = values + NOISE * np.random.default_rng(0).normal(size=len(values))
    rest = parts["rest"]
    shake = np.abs(np.diff(_smoothed(noisy)[rest], 2)).mean()
    assert shake < 0.01 * np.abs(np.diff(noisy[rest], 2)).mean()


def test_uncertain_frames_weigh_less() -> None:
    values = np.zeros((31, 1))
    values[15] = 5 * NOISE
    seconds = np.arange(31) / RATE
    error = np.full((31, 1), NOISE)
    believed = smoothest_path(values, seconds, error, change=0.05)[15, 0]
    error[15] *= 5
    doubted = smoothest_path(values, seconds, error, change=0.05)[15, 0]
    assert abs(doubted) < 0.5 * abs(believed)


@pytest.mark.parametrize("rate", [15, 60])
def test_a_straight_line_stays_one_at_any_rate(rate: int) -> None:
    seconds = np.arange(40) / rate
    line = np.stack([seconds, -2 * seconds], 1)
    path = smoothest_path(line, seconds, np.full((40, 2), 0.1), change=0.05, together=True)
    np.testing.assert_allclose(path, line, atol=1e-9)
