"""Rest poses and gains: what they take off, and the files that keep them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import InputError, UsageError
from smirk3d.export.arkit_csv import rotation_angles
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.live.calibration import Calibration, load_calibration

SMILE, BLINK = ARKIT_NAMES.index("mouthSmileLeft"), ARKIT_NAMES.index("eyeBlinkLeft")


def angles(*turn: float) -> np.ndarray:
    return rotation_angles(axis_angle_to_matrix(torch.tensor([turn], dtype=torch.float64)))[0]


def at_rest() -> np.ndarray:
    """Three seconds of a face that seems to smile, blinks once and looks down from its camera."""
    frames = np.zeros((90, 61))
    frames[:, SMILE] = 0.25
    frames[40:48, BLINK] = 1.0
    frames[:, 52:55] = angles(0.2, 0.1, 0.0)
    return frames


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path))
    return tmp_path


def test_the_face_at_rest_is_zero_and_full_actions_stay_full() -> None:
    calibration = Calibration.of(at_rest())
    np.testing.assert_allclose(calibration.applied(at_rest()[0]), 0, atol=1e-9)
    smiling = at_rest()[:2]
    smiling[0, SMILE], smiling[1, SMILE] = 1.0, 0.625
    smiling[:, BLINK] = 1.0
    found = calibration.applied(smiling)
    np.testing.assert_allclose(found[:, SMILE], [1.0, 0.5])
    np.testing.assert_allclose(found[:, BLINK], 1.0)
    smiling[:, SMILE] = 0.1
    np.testing.assert_allclose(calibration.applied(smiling)[:, SMILE], 0)


def test_rotations_are_those_from_the_rest_pose() -> None:
    calibration = Calibration.of(at_rest())
    rest = axis_angle_to_matrix(torch.tensor([[0.2, 0.1, 0.0]], dtype=torch.float64))
    turn = axis_angle_to_matrix(torch.tensor([[-0.3, 0.6, 0.2]], dtype=torch.float64))
    values = np.zeros(61)
    values[52:55] = rotation_angles(rest @ turn)[0]
    np.testing.assert_allclose(calibration.applied(values)[52:55], rotation_angles(turn)[0])


def test_an_expression_is_not_taken_for_rest() -> None:
    frames = at_rest()
    frames[:, SMILE] = 0.9
    assert Calibration.of(frames).gain[SMILE] == pytest.approx(2.0)


def test_it_is_kept_by_name(home: Path) -> None:
    made = Calibration.of(at_rest())
    assert made.save("Anna") == home / "calibrations" / "Anna.json"
    read = load_calibration("Anna")
    np.testing.assert_allclose(read.rest, made.rest, atol=1e-6)
    np.testing.assert_allclose(read.gain, made.gain, atol=1e-6)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--calibration"):
        load_calibration(name)


def test_an_absent_one_says_how_to_make_it() -> None:
    with pytest.raises(InputError, match="--calibrate --calibration Anna"):
        load_calibration("Anna")


@pytest.mark.parametrize(
    ("key", "name", "value", "reason"),
    [
        ("rest", "JawOpen", "much", "rest of JawOpen is no number"),
        ("gain", "JawOpen", 50, "gain of JawOpen is no number from 0 to 10"),
        ("gain", "JawOpen", None, "gain of JawOpen is no number"),
        (None, "schema", "other/1", "its schema is"),
        (None, "rest", [], "rest"),
    ],
)
def test_damaged_files_are_refused(key: str | None, name: str, value: object, reason: str) -> None:
    path = Calibration.of(at_rest()).save("Anna")
    content = json.loads(path.read_text())
    (content if key is None else content[key])[name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=reason):
        load_calibration("Anna")
