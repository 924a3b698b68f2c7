from __future__ import annotations

import math

import pytest
import torch

from smirk3d.encoders.output_layers import GroupOutputs, inward_clamp
from smirk3d.parameters.groups import ParameterGroup

BOUNDED = ParameterGroup(
    name="eyelids", names=("left", "right"), lo=(0.0, 0.0), hi=(1.0, 1.0),
    prior_std=(0.5, 0.25), default=(0.0, 0.5),
)  # fmt: skip
FREE = ParameterGroup(
    name="shape", names=("a",), lo=(-math.inf,), hi=(math.inf,), prior_std=(2.0,), default=(3.0,)
)
EMPTY = ParameterGroup(name="jaw", names=(), lo=(), hi=(), prior_std=(), default=())


def test_clamp_passes_gradients_that_lead_back_and_stops_those_that_lead_away() -> None:
    values = torch.tensor([-1.0, 0.0, 0.4, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    lo, hi = torch.zeros(5, dtype=torch.float64), torch.ones(5, dtype=torch.float64)
    clamped = inward_clamp(values, lo, hi)
    assert clamped.tolist() == [0.0, 0.0, 0.4, 1.0, 1.0]
    # descent raises values where the gradient is negative
    (gradient,) = torch.autograd.grad(clamped.sum(), values, retain_graph=True)
    assert gradient.tolist() == [0.0, 1.0, 1.0, 1.0, 1.0]
    (gradient,) = torch.autograd.grad(-clamped.sum(), values)
    assert gradient.tolist() == [-1.0, -1.0, -1.0, -1.0, 0.0]


def test_clamp_inside_its_range_has_the_exact_gradient() -> None:
    values = (torch.rand(4, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    lo, hi = torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: inward_clamp(v, lo, hi) ** 2, values)


@pytest.mark.parametrize("start", [-0.3, 1.3])
def test_a_value_that_left_its_range_returns(start: float) -> None:
    value = torch.tensor([start], requires_grad=True)
    optimizer = torch.optim.SGD([value], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        clamped = inward_clamp(value, torch.zeros(1), torch.ones(1))
        ((clamped - 0.5) ** 2).sum().backward()
        optimizer.step()
    assert abs(value.item() - 0.5) < 0.01


def test_outputs_start_at_the_defaults_and_in_units_of_spread() -> None:
    layer = GroupOutputs(4, (FREE, EMPTY, BOUNDED), weight_gain=0.0, scaled=True)
    out = layer(torch.randn(2, 4))
    assert list(out) == ["shape", "eyelids"]
    assert out["shape"].tolist() == [[3.0], [3.0]]
    assert out["eyelids"].tolist() == [[0.0, 0.5]] * 2
    layer.linear.bias.data = torch.tensor([1.0, -1.0, 1.0])
    out = layer(torch.randn(1, 4))
    assert out["shape"].item() == 5.0
    assert out["eyelids"].tolist() == [[0.0, 0.75]]


def test_unscaled_outputs_are_in_the_units_of_the_head() -> None:
    layer = GroupOutputs(4, (FREE,), weight_gain=1.0, scaled=False)
    layer.linear.bias.data.fill_(1.0)
    layer.linear.weight.data.fill_(0.5)
    assert layer(torch.ones(1, 4))["shape"].item() == 3 + 1 + 4 * 0.5


def test_starting_weights_follow_the_gain() -> None:
    torch.manual_seed(1)
    full = GroupOutputs(8, (FREE, BOUNDED), weight_gain=1.0, scaled=True)
    torch.manual_seed(1)
    tenth = GroupOutputs(8, (FREE, BOUNDED), weight_gain=0.1, scaled=True)
    torch.testing.assert_close(tenth.linear.weight, 0.1 * full.linear.weight)
    assert not tenth.linear.bias.any()


def test_bounds_are_no_part_of_the_state() -> None:
    layer = GroupOutputs(4, (FREE, BOUNDED), weight_gain=1.0, scaled=True)
    assert set(layer.state_dict()) == {"linear.weight", "linear.bias"}


def uncertain_layer() -> GroupOutputs:
    torch.manual_seed(0)
    return GroupOutputs(
        6, (BOUNDED, FREE), weight_gain=1.0, scaled=True, normalized=True, uncertain_from=4
    )


def test_a_sparse_action_is_its_value_times_its_probability() -> None:
    layer = uncertain_layer()
    # of the two eyelids of BOUNDED the second has no rest at 0, and FREE no range
    assert layer.sparse.tolist() == [0]
    features = torch.randn(5, 6)
    details = layer.details(features)
    expected = details.value[:, 0] * details.activity[:, 0].sigmoid()
    torch.testing.assert_close(details.mean[:, 0], expected)
    torch.testing.assert_close(details.mean[:, 1:], details.value[:, 1:])
    groups = layer(features)
    torch.testing.assert_close(groups["eyelids"], details.mean[:, :2])


def test_gates_make_unlikely_actions_zero_and_likely_ones_whole() -> None:
    layer = uncertain_layer()
    layer.gate_low.fill_(0.4)
    layer.gate_high.fill_(0.6)
    with torch.no_grad():
        layer.activity_layer.weight[0] = torch.tensor([1.0, 0, 0, 0])
        layer.activity_slope.zero_()
        layer.activity_layer.bias.zero_()
        layer.linear.weight.zero_()
        layer.linear.bias.fill_(1.0)
    sides = torch.tensor([[-3.0, 0, 0, 0, 0, 0], [0.0, 0, 0, 0, 0, 0], [3.0, 0, 0, 0, 0, 0]])
    torch.testing.assert_close(layer(sides)["eyelids"][:, 0], torch.tensor([0.0, 0.25, 0.5]))


def test_normalizing_features_changes_no_output() -> None:
    layer = uncertain_layer()
    torch.nn.init.normal_(layer.std_layer.weight)
    torch.nn.init.normal_(layer.activity_layer.weight)
    features = torch.randn(4, 6) * 3 + 1
    before = layer.details(features)
    layer.normalize_features(features.mean(0), features.std(0))
    after = layer.details(features)
    for name in ("mean", "value", "activity", "log_std"):
        torch.testing.assert_close(getattr(after, name), getattr(before, name))


def test_a_layer_without_uncertainty_says_so() -> None:
    layer = GroupOutputs(6, (BOUNDED,), weight_gain=1.0, scaled=True)
    with pytest.raises(ValueError, match="predicts no uncertainty"):
        layer.details(torch.zeros(1, 6))
