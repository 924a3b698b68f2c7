from __future__ import annotations

import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.action_names import (
    BLINKS,
    EXPRESSION_ACTIONS,
    GAZE_ACTIONS,
    JAW_ACTIONS,
    expression_sources,
    gaze_from_weights,
    gaze_weights,
    mirrored_name,
)

RANGE = torch.tensor([0.5, 0.6, 0.7, 0.4] * 2)


def test_groups_share_out_arkits_names() -> None:
    together = EXPRESSION_ACTIONS + BLINKS + JAW_ACTIONS + GAZE_ACTIONS
    assert sorted(together) == sorted(ARKIT_NAMES)
    assert len(EXPRESSION_ACTIONS) == 38


@pytest.mark.parametrize(
    ("name", "mirror"),
    [
        ("mouthSmileLeft", "mouthSmileRight"),
        ("browInnerUp_R", "browInnerUp_L"),
        ("cheekPuff", "cheekPuff"),
        ("jawLeft", "jawRight"),
    ],
)
def test_mirror(name: str, mirror: str) -> None:
    assert mirrored_name(name) == mirror
    assert mirrored_name(mirror) == name


@pytest.mark.parametrize(
    ("eyes", "name"),
    [
        ((0.25, 0, 0, 0, 0, 0), "eyeLookDownLeft"),
        ((-0.2, 0, 0, 0, 0, 0), "eyeLookUpLeft"),
        ((0, 0.35, 0, 0, 0, 0), "eyeLookOutLeft"),
        ((0, -0.3, 0, 0, 0, 0), "eyeLookInLeft"),
        ((0, 0, 0, 0, 0.3, 0), "eyeLookInRight"),
        ((0, 0, 0, 0, -0.35, 0), "eyeLookOutRight"),
    ],
)
def test_half_a_range_gives_half_a_weight(eyes: tuple[float, ...], name: str) -> None:
    weights = gaze_weights(torch.tensor([eyes]), RANGE)[0]
    expected = torch.zeros(8)
    expected[GAZE_ACTIONS.index(name)] = 0.5
    torch.testing.assert_close(weights, expected, atol=1e-6, rtol=0)


def test_opposite_gaze_weights_cancel() -> None:
    weights = torch.zeros(1, 8)
    weights[0, [GAZE_ACTIONS.index("eyeLookUpLeft"), GAZE_ACTIONS.index("eyeLookDownLeft")]] = (
        torch.tensor([0.5, 0.4])
    )
    # 0.5 * 0.4 rad up equals 0.4 * 0.5 rad down
    assert gaze_from_weights(weights, RANGE).abs().max() < 1e-6


def test_split_and_respelled_actions_are_found() -> None:
    names = ("browInnerUp_L", "browInnerUp_R", "mouthSmile_L", "cheekPuff", "", "other")
    assert expression_sources(names) == {
        "browInnerUp": [0, 1],
        "mouthSmileLeft": [2],
        "cheekPuff": [3],
    }
