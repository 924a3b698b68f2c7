from __future__ import annotations

import pytest
import torch

from smirk3d.data.batch_config import MixingConfig
from smirk3d.data.mixing import expressiveness, sampling_weights
from smirk3d.errors import InputError
from smirk3d.heads.tiny import tiny_head

SOURCES = ["big"] * 8 + ["small"] * 2
NEUTRAL = torch.ones(10)


def fraction(
    config: MixingConfig, source: str = "small", activity: torch.Tensor = NEUTRAL
) -> float:
    weights = sampling_weights(SOURCES, activity, torch.zeros(10), config)
    assert weights.sum() == pytest.approx(1.0)
    return float(weights[[name == source for name in SOURCES]].sum())


def test_sources_by_size_evenly_and_by_given_share() -> None:
    assert fraction(MixingConfig(evenness=0.0)) == pytest.approx(0.2)
    assert fraction(MixingConfig(evenness=1.0)) == pytest.approx(0.5)
    assert fraction(MixingConfig(fractions={"small": 0.7})) == pytest.approx(0.7)
    assert fraction(MixingConfig(fractions={"small": 0.7}), "big") == pytest.approx(0.3)


def test_expressive_faces_are_drawn_more_often_within_their_source() -> None:
    expressive = NEUTRAL.clone()
    expressive[0] = 3.0
    weights = sampling_weights(SOURCES, expressive, torch.zeros(10), MixingConfig(evenness=0.0))
    assert weights[0] / weights[1] == pytest.approx(3.5 / 1.5)
    bounded = MixingConfig(largest=4.0)
    weights = sampling_weights(SOURCES, expressive, torch.zeros(10), bounded)
    assert weights[0] / weights[1] == pytest.approx(2.0 / 1.5)


def test_unknown_sources_and_too_large_shares_are_refused() -> None:
    with pytest.raises(InputError, match="no photo comes from ffhq; there are big, small"):
        fraction(MixingConfig(fractions={"ffhq": 0.3}))
    with pytest.raises(InputError, match="sum to 1"):
        fraction(MixingConfig(fractions={"big": 0.6, "small": 0.6}))


def test_expressiveness_counts_expression_jaw_and_lids() -> None:
    head = tiny_head()
    faces = head.neutral(3)
    faces.jaw[1, 0] = 0.5
    faces.head_pose[2, 1] = 0.3
    activity, turned = expressiveness(head, faces)
    assert activity.tolist() == [0.0, 3.0, 0.0]
    torch.testing.assert_close(turned, torch.tensor([0.0, 0.0, 3.0]))
