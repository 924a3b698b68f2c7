"""The tables that make the open head's actions and faces, without the sources."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.head_import.anny import face_modes, interplay
from smirk3d.head_import.anny.repairs import action_shapes
from smirk3d.head_import.anny.repairs.action_table import ACTION_SHAPES
from smirk3d.heads.action_names import EXPRESSION_ACTIONS, mirrored_name


def places() -> set[str]:
    point = np.array([0.03, 0.0, 0.09])
    names = ("mouth_corner", "eye", "ala", "inner_canthus", "outer_canthus", "nose_tip")
    points = SimpleNamespace(**dict.fromkeys(names, point))
    return set(action_shapes._places(points))


@pytest.mark.parametrize("name", ACTION_SHAPES)
def test_each_action_moves_places_that_exist_by_little(name: str) -> None:
    assert name in ARKIT_NAMES
    assert not name.endswith("Right")
    shape = ACTION_SHAPES[name]
    assert {place.removesuffix(action_shapes.OPPOSITE) for place in shape.moves} <= places()
    assert 0 <= shape.keep <= 1.5
    for moved in shape.moves.values():
        assert np.linalg.norm(moved) < 13
    if mirrored_name(name) == name:
        # what both sides do does not push the middle aside
        assert all(m[0] == 0 for p, m in shape.moves.items() if action_shapes.is_middle(p))
    assert {f.name for f in fields(shape)} == {"keep", "moves", "upper_eyelid", "lower_eyelid"}


def test_channels_have_arkits_names() -> None:
    named = [name for name in interplay.CHANNELS if name]
    assert sorted(named) == sorted(ARKIT_NAMES)
    assert interplay.CHANNELS[: len(EXPRESSION_ACTIONS)] == EXPRESSION_ACTIONS
    assert interplay.CHANNELS.index("eyeBlinkLeft") == len(EXPRESSION_ACTIONS) + 6
    for first, second, fraction in interplay._SATURATED:
        assert {first, second} <= set(ARKIT_NAMES)
        assert 0 < fraction < 1


def base_mesh() -> tuple[np.ndarray, np.ndarray]:
    """Return vertices with the numbers that the tables name, and points of a face before them."""
    rng = np.random.default_rng(2)
    vertices = np.zeros((13000, 3))
    for number, _ in face_modes.MEAN_FACE:
        vertices[number] = rng.uniform([0.2, 6.2, 0.8], [0.7, 8.0, 1.6])
    vertices[face_modes._CENTRE] = (0, 6.9, 1.68)
    half = rng.uniform([0.0, 6.1, 0.6], [0.7, 8.1, 1.6], (300, 3))
    return vertices, np.concatenate([half, half * [-1, 1, 1]])


def test_the_mean_face_stays_symmetric() -> None:
    vertices, points = base_mesh()
    shift = face_modes.mean_shift(vertices, points)
    np.testing.assert_allclose(shift[:300] * [-1, 1, 1], shift[300:], atol=1e-12)
    assert 0.005 < np.abs(shift).max() < 0.15


def test_changes_of_places_come_in_mirrored_pairs() -> None:
    vertices, points = base_mesh()
    changes = face_modes.face_changes(vertices, points, np.ones(len(points), bool))
    by_name = {change.name: change for change in changes}
    assert len(by_name) == len(changes) > 60
    for name, change in by_name.items():
        np.testing.assert_array_equal(change.positive, -change.negative)
        if name.startswith("l-"):
            other = by_name["r-" + name[2:]].positive
            flipped = change.positive * [-1, 1, 1]
            np.testing.assert_allclose(flipped[:300], other[300:], atol=1e-6)
            assert change.unsided_name == by_name["r-" + name[2:]].unsided_name
