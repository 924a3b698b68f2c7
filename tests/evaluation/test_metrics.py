from __future__ import annotations

import math

import numpy as np
import pytest

from smirk3d.errors import ShapeError
from smirk3d.evaluation.metrics import channel_correlations, correlation, mean_absolute_error


def test_known_correlations() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert correlation(a, 2 * a + 5) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)
    # numpy.corrcoef([1, 2, 3, 4], [1, 3, 2, 5])[0, 1]
    assert correlation(a, np.array([1.0, 3, 2, 5])) == pytest.approx(0.8315218406202999)


def test_a_constant_has_no_correlation() -> None:
    assert math.isnan(correlation(np.ones(3), np.arange(3.0)))


def test_channels_are_separate() -> None:
    a = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 4.0]])
    b = a * [1, -1]
    np.testing.assert_allclose(channel_correlations(a, b), [1, -1])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        correlation(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError):
        channel_correlations(np.ones((3, 2)), np.ones((3, 3)))


def test_mean_absolute_error() -> None:
    assert mean_absolute_error(np.array([1.0, 2]), np.array([2.0, 0])) == 1.5
