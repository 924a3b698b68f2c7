from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.heads.tiny import tiny_head
from smirk3d.losses.cycle import cycle_loss, cycle_losses

HEAD = tiny_head("pca")
GAINS = {"expression": 1.0, "jaw": 10.0, "eyelids": 10.0}
GAINS = {"expression": 1.0, "jaw": 10.0, "eyelids": 10.0}
TARGET = HEAD.neutral(2)
PREDICTED = TARGET.replace(
    expression=TARGET.expression + 2.0, jaw=TARGET.jaw + 0.1, shape=TARGET.shape + 9.0
)


def test_the_same_parameters_cost_nothing() -> None:
    assert cycle_loss(TARGET, TARGET, GAINS) == 0


def test_known_values_by_group() -> None:
    losses = cycle_losses(PREDICTED, TARGET, ("expression", "jaw", "eyelids"))
    assert {name: round(float(value), 6) for name, value in losses.items()} == {
        "expression": 4.0, "jaw": 0.01, "eyelids": 0.0,
    }  # fmt: skip
    # 1 x 4 + 10 x 0.01; the shape does not count
    assert cycle_loss(PREDICTED, TARGET, GAINS) == pytest.approx(4.1)
    with_shape = {**GAINS, "shape": 1.0}
    assert cycle_loss(PREDICTED, TARGET, with_shape) == pytest.approx(4.1 + 81)


def test_differences_in_standard_deviations() -> None:
    losses = cycle_losses(PREDICTED, TARGET, ("jaw",), spec=HEAD.spec)
    # the jaw's standard deviations are 0.15, 0.05, 0.05
    expected = ((0.1 / 0.15) ** 2 + 2 * (0.1 / 0.05) ** 2) / 3
    assert losses["jaw"] == pytest.approx(expected)


def test_components_up_to_one_share_a_unit() -> None:
    head = tiny_head("named")
    known = head.neutral(2)
    read = known.replace(expression=known.expression + 0.1)
    group = head.group("expression")
    assert set(group.hi) == {1.0}
    losses = cycle_losses(read, known, ("expression",), spec=head.spec, unit_interval_std=0.2)
    assert losses["expression"] == pytest.approx(0.25)


def test_absolute_differences() -> None:
    losses = cycle_losses(PREDICTED, TARGET, ("expression", "jaw"), form="absolute")
    assert losses["expression"] == pytest.approx(2.0)
    assert losses["jaw"] == pytest.approx(0.1)
    total = cycle_loss(PREDICTED, TARGET, {"jaw": 10.0}, spec=HEAD.spec, form="absolute")
    assert total == pytest.approx(10 * (0.1 / 0.15 + 2 * 0.1 / 0.05) / 3)


def test_groups_of_size_zero_and_weight_zero_are_passed_over() -> None:
    bare = TARGET.replace(eyelids=torch.zeros(2, 0))
    assert set(cycle_losses(bare, bare, ("eyelids", "jaw"))) == {"jaw"}
    assert cycle_loss(PREDICTED, TARGET, {"expression": 0.0}) == 0


def test_gradient_flows_into_predictions_alone() -> None:
    read = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    known = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    base = TARGET.to(torch.float64)
    assert torch.autograd.gradcheck(
        lambda jaw: cycle_loss(base.replace(jaw=jaw), base, GAINS, spec=HEAD.spec), read
    )
    cycle_loss(base.replace(jaw=read), base.replace(jaw=known), GAINS).backward()
    assert read.grad is not None
    assert known.grad is None


def test_sizes_must_agree() -> None:
    with pytest.raises(ShapeError, match="expression"):
        cycle_loss(TARGET, tiny_head("named").neutral(2), GAINS)
