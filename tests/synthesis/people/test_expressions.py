"""Faces are drawn as often as their odds say, and show what their weights say."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people.expressions import (
    TRAINING_EXPRESSIONS,
    ExpressionOdds,
    FaceSampler,
    Weights,
)

KINDS = ExpressionOdds().kinds[0]


def drawn(odds: ExpressionOdds, count: int = 400) -> Weights:
    sampler, rng = FaceSampler(load_head(), odds), np.random.default_rng(0)
    return np.stack([sampler.weights(rng) for _ in range(count)])


def only(kind: str) -> ExpressionOdds:
    return ExpressionOdds(**{name: float(name == kind) for name in KINDS}, blink=0.0)


def test_a_neutral_face_does_nothing() -> None:
    assert not drawn(only("neutral"), 20).any()


def test_a_single_action_is_alone_or_on_both_sides() -> None:
    # the jaw opens for a tongue and for lips that close over it
    needs_jaw = {"tongueOut", "mouthClose"}
    sides = []
    for row in drawn(only("single")):
        names = {ARKIT_NAMES[column] for column in np.flatnonzero(row)}
        if names & needs_jaw:
            names.discard("jawOpen")
        one = min(names)
        assert names <= {one, mirrored_name(one)}
        assert 0.3 <= row[[ARKIT_NAMES.index(name) for name in names]].min() <= 1
        if mirrored_name(one) != one and not one.startswith(("jaw", "mouthLeft", "mouthRight")):
            sides.append(len(names))
    assert np.mean(sides) == pytest.approx(1.5, abs=0.1)


def test_people_to_train_on_do_more_and_rest_less() -> None:
    everyday, training = drawn(ExpressionOdds(), 2000), drawn(TRAINING_EXPRESSIONS, 2000)
    for rows, resting in ((everyday, 0.15), (training, 0.09)):
        assert (rows.sum(1) == 0).mean() == pytest.approx(resting, abs=0.02)
    assert ((training > 0.3).sum(1) > 0).mean() > ((everyday > 0.3).sum(1) > 0).mean() + 0.05
