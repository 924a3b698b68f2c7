from __future__ import annotations

import numpy as np
import pytest

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.registry import load_head
from smirk3d.viewer.session.analysis import Curves, asymmetries, chart, clip_curves

SECONDS = np.arange(5) / 10


def _curves(**values: list[float]) -> Curves:
    return Curves(SECONDS, {name: np.array(v, np.float64) for name, v in values.items()})


def test_a_clips_curves_have_arkits_names_and_gaps() -> None:
    head = load_head("open")
    parameters = head.neutral(3)
    parameters.jaw[:, 0] = parameters.jaw.new_tensor([0.1, 0.2, 0.3])
    curves = clip_curves(head, parameters, np.array([0, 1, 4]), SECONDS)
    assert tuple(curves.values) == ARKIT_NAMES
    assert curves.values["jawOpen"] == pytest.approx([0.1, 0.2, np.nan, np.nan, 0.3], nan_ok=True)
    assert curves.most_varying(4) == ["jawOpen"]


def test_left_is_told_from_right() -> None:
    curves = _curves(
        mouthSmileLeft=[0.1, 0.3, 0.5, np.nan, 0.7],
        mouthSmileRight=[0.0, 0.1, 0.2, np.nan, 0.3],
        browDownLeft=[0.0] * 5,
        browDownRight=[0.9] * 5,
        jawOpen=[1.0] * 5,
    )
    brow, smile = asymmetries(curves)
    assert (brow.left, brow.right) == ("browDownLeft", "browDownRight")
    assert (brow.mean, brow.size, brow.correlation) == (-0.9, 0.9, None)
    assert smile.mean == pytest.approx(0.25)
    assert smile.correlation == pytest.approx(1.0)


def test_a_chart_has_an_upright_line_now() -> None:
    curves = _curves(jawOpen=[0, 0.2, np.nan, 0.6, 0.8], tongueOut=[0] * 5)
    drawn = chart(curves, ["jawOpen"], 0.1)
    assert drawn.labels == ["jawOpen", "now"]
    seconds, jaw, line = drawn.columns
    assert seconds.tolist() == [0, 0.1, 0.1, 0.1, 0.2, 0.3, 0.4]
    assert jaw == pytest.approx([0, 0.2, 0.2, 0.2, np.nan, 0.6, 0.8], nan_ok=True)
    assert np.flatnonzero(np.isfinite(line)).tolist() == [2, 3]
    assert (drawn.lowest, drawn.highest) == (0, 1)
    assert (line[2], line[3]) == (0, 1)


def test_a_chart_of_differences_and_of_nothing() -> None:
    curves = _curves(eyeBlinkLeft=[0.5] * 5, eyeBlinkRight=[0.9] * 5, jawOpen=[0.1] * 5)
    drawn = chart(curves, ["eyeBlinkLeft", "jawOpen"], 0.4, difference=True)
    assert drawn.labels == ["eyeBlinkLeft - eyeBlinkRight", "jawOpen", "now"]
    assert drawn.columns[1] == pytest.approx([-0.4] * 7)
    assert drawn.columns[2] == pytest.approx([0.1] * 7)
    assert (drawn.lowest, drawn.highest) == (-0.5, 0.5)
    empty = chart(curves, [], 0.0)
    assert len(empty.columns) == 2
    assert np.isfinite([empty.lowest, empty.highest]).all()
