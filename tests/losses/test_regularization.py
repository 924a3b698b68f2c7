from __future__ import annotations

import math

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.losses.regularization import prior_loss, target_loss
from smirk3d.parameters.groups import ParameterGroup

GROUP = ParameterGroup(
    name="jaw", names=("a", "b"), lo=(-math.inf,) * 2, hi=(math.inf,) * 2,
    prior_std=(0.5, 2.0), default=(1.0, 0.0),
)  # fmt: skip
EMPTY = ParameterGroup(name="jaw", names=(), lo=(), hi=(), prior_std=(), default=())


def test_the_default_costs_nothing() -> None:
    assert prior_loss(torch.tensor([[1.0, 0.0]]), GROUP) == 0


def test_distance_in_spreads_or_in_units() -> None:
    values = torch.tensor([[2.0, 4.0], [1.0, 0.0]])
    # ((1 / 0.5) ** 2 + (4 / 2) ** 2) / 4 and (1 + 16) / 4
    assert prior_loss(values, GROUP) == 2.0
    assert prior_loss(values, GROUP, standardized=False) == 4.25


def test_a_group_that_the_head_lacks_costs_nothing_and_can_be_descended_on() -> None:
    values = torch.zeros(3, 0, requires_grad=True)
    loss = prior_loss(values, EMPTY)
    loss.backward()
    assert loss == 0


def test_known_targets_alone_count() -> None:
    values = torch.tensor([[1.0, 1.0], [3.0, 3.0]], requires_grad=True)
    target = torch.tensor([[0.0, 0.0], [float("nan"), 0.0]])
    assert target_loss(values, target.nan_to_num(0.0)) == 5.0
    loss = target_loss(values, target, valid=torch.tensor([1, 0]))
    assert loss == 1.0
    loss.backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert target_loss(values, target, valid=torch.zeros(2)) == 0
    assert target_loss(values, values.detach()) == 0


def test_gradients() -> None:
    values = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    target = torch.randn(3, 2, dtype=torch.float64)
    valid = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: prior_loss(v, GROUP), values)
    assert torch.autograd.gradcheck(lambda v: target_loss(v, target, valid), values)


def test_shapes_must_agree() -> None:
    with pytest.raises(ShapeError, match="values"):
        prior_loss(torch.zeros(1, 3), GROUP)
    with pytest.raises(ShapeError, match="target"):
        target_loss(torch.zeros(1, 3), torch.zeros(1, 2))
    with pytest.raises(ShapeError, match="valid"):
        target_loss(torch.zeros(1, 3), torch.zeros(1, 3), valid=torch.ones(2))
