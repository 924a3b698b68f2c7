"""Actions that are read where a detector sees none."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.evaluation.protocols.invention import invented


def test_only_what_the_detector_does_not_see_is_invented() -> None:
    seen = np.array([[0.0, 0.5, 0.04], [0.0, 0.0, 0.9]])
    read = np.array([[0.4, 0.9, 0.2], [0.0, 0.5, 0.6]])
    there, above, at_rest = invented(read, seen, np.array([False, True]))
    np.testing.assert_allclose(there, [0.2, 0.25, 0.1])
    assert above == pytest.approx(1.0)
    assert at_rest == pytest.approx(1.1)
    assert np.isnan(invented(read, seen, np.zeros(2, bool))[2])
