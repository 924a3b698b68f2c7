"""Derived columns on curves whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.corpus.derived import ACTION_UNITS, blink_starts, derive
from smirk3d.corpus.derived_names import parse_derived
from smirk3d.errors import UsageError


def test_blinks_are_short_and_counted_once() -> None:
    seconds = np.arange(90) / 30
    closed = np.zeros(90)
    closed[10:14] = [0.6, 0.45, 0.6, 0.2]  # flutters at the threshold
    closed[30:33] = 0.9
    closed[50:80] = 1.0  # a second: shut eyes
    closed[88:] = 0.9  # no end in sight
    assert blink_starts(closed, seconds) == [10, 30]


def table(frames: int) -> dict[str, np.ndarray]:
    columns = {name: np.zeros(frames) for name in ARKIT_NAMES}
    return columns | {"seconds": np.arange(frames) / 30}


def test_units_and_asymmetry_follow_the_actions() -> None:
    columns = table(3)
    columns["mouthSmileLeft"][1] = 0.8
    columns["eyeLookOutLeft"][2] = 1.0
    found = derive(("facs", "asymmetry"), columns.__getitem__, [np.arange(3)])
    assert found["AU12"].tolist() == [0.0, 0.4, 0.0]
    assert found["asymmetry"][1] > 0 and found["asymmetry"][2] == 0
    assert {name for actions in ACTION_UNITS.values() for name in actions} <= set(ARKIT_NAMES)


def test_rates_are_each_persons_and_gaps_are_no_time() -> None:
    columns = table(240)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        columns[name][[20, 80]] = 0.9
    columns["jawOpen"][:120] = 0.2 * (1 + np.sin(np.arange(120)))
    one, other = np.arange(120), np.r_[120:140, 220:240]
    found = derive(("blinks", "speech"), columns.__getitem__, [one, other])
    assert found["blink"][one].sum() == 2 and np.isnan(found["blink"][150])
    assert found["blink_rate"][0] == pytest.approx(2 * 60 / (119 / 30))
    assert found["blink_rate"][125] == 0
    assert found["speech"][60] > 0.9 and found["speech"][230] == 0


def test_unknown_columns_are_named() -> None:
    assert parse_derived("facs, blinks,facs") == ("facs", "blinks")
    with pytest.raises(UsageError, match="moods"):
        parse_derived("moods")
