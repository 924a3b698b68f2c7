from __future__ import annotations

import math

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import ParameterGroup


def _random(batch_size: int) -> FaceParameters:
    neutral = tiny_head().neutral(batch_size)
    return FaceParameters(**{name: torch.rand_like(t) for name, t in neutral.items()})


def test_rows_and_cat_are_inverse() -> None:
    parameters = _random(5)
    again = FaceParameters.cat([parameters[:2], parameters[2:]])
    for (name, a), (_, b) in zip(parameters.items(), again.items(), strict=True):
        assert torch.equal(a, b), name


def test_one_face_alone_and_back() -> None:
    parameters = _random(3)
    alone = parameters[1]
    assert alone.expression.shape == (38,)
    assert torch.equal(alone[None].expression, parameters.expression[1:2])


def test_groups_of_other_batches_are_refused() -> None:
    with pytest.raises(ShapeError, match="jaw must have shape"):
        _random(3).replace(jaw=torch.zeros(2, 3))


def test_unknown_and_missing_groups_are_refused() -> None:
    groups = _random(1).as_dict()
    with pytest.raises(ValueError, match="parameters must be"):
        FaceParameters.from_dict({**groups, "smile": torch.zeros(1, 1)})
    del groups["jaw"]
    with pytest.raises(ValueError, match="parameters must be"):
        FaceParameters.from_dict(groups)


def test_clone_shares_no_memory() -> None:
    parameters = _random(1)
    copy = parameters.clone()
    copy.jaw.zero_()
    assert parameters.jaw.abs().sum() > 0


def test_group_clamps_into_its_range() -> None:
    group = ParameterGroup(
        name="jaw",
        names=("x", "y"),
        lo=(0.0, -0.2),
        hi=(math.inf, 0.2),
        prior_std=(1.0, 1.0),
        default=(0.0, 0.0),
    )
    assert group.activation == "bounded"
    clamped = group.clamp(torch.tensor([[-1.0, 0.5], [9.0, -0.1]]))
    assert torch.equal(clamped, torch.tensor([[0.0, 0.2], [9.0, -0.1]]))


def test_group_refuses_attributes_of_other_sizes() -> None:
    with pytest.raises(ValueError, match="hi must have 1 entries"):
        ParameterGroup(name="x", names=("a",), lo=(0.0,), hi=(), prior_std=(1.0,), default=(0.0,))
