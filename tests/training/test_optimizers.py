from __future__ import annotations

import pytest
import torch

from smirk3d.training.optimizer_config import OptimizerConfig
from smirk3d.training.optimizers import AveragedState, Optimizers, clip_gradients, rate_factor
from tests.training.small_runs import small_config, small_trainer


def test_rates_rise_then_fall_along_a_cosine() -> None:
    config = OptimizerConfig(warmup_steps=10, last_rate=0.01)
    assert rate_factor(0, 0.0, 0, config) == pytest.approx(0.1)
    assert rate_factor(9, 0.0, 0, config) == pytest.approx(1.0)
    assert rate_factor(50, 0.5, 0, config) == pytest.approx(0.505)
    assert rate_factor(99, 1.0, 0, config) == pytest.approx(0.01)
    assert rate_factor(99, 1.3, 0, config) == pytest.approx(0.01)


def test_cosine_starts_anew_with_each_cycle_of_samples() -> None:
    config = OptimizerConfig(cycle_samples=1000)
    assert rate_factor(0, 0.9, 999, config) < 0.02
    assert rate_factor(0, 0.9, 1000, config) == pytest.approx(1.0)


def test_output_layers_learn_at_their_share_of_the_rate() -> None:
    trainer, _ = small_trainer(small_config())
    networks = trainer.networks
    optimizers = Optimizers(networks, OptimizerConfig(encoder_rate=1.0, output_rate_factor=0.25))
    optimizers.set_rates(0.5)
    output = networks.encoder.shape_encoder.output.linear.weight
    rates = {
        id(parameter): group["lr"]
        for group in optimizers.by_name["encoder"].param_groups
        for parameter in group["params"]
    }
    assert rates.pop(id(output)) == 0.125
    assert set(rates.values()) == {0.5, 0.125}
    assert len(rates) + 1 == len(list(networks.encoder.parameters()))


def test_average_follows_weights_and_copies_counts() -> None:
    module = torch.nn.BatchNorm1d(2)
    average = AveragedState(module, 0.5)
    with torch.no_grad():
        module.weight.fill_(3.0)
    module.num_batches_tracked.fill_(7)
    average.update(module, step=1000)
    assert average.state["weight"].tolist() == [2.0, 2.0]
    assert average.state["num_batches_tracked"] == 7


def test_gradients_are_cut_to_the_largest_norm() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients([parameter], 0.0) is None
    assert parameter.grad.tolist() == [3.0, 4.0]
    clip_gradients([parameter], 1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([0.6, 0.8]))
