from __future__ import annotations

import pytest
import torch

from smirk3d.evaluation.protocols.emotion import probe, recall, wilson


def test_a_probe_learns_what_is_linear_and_nothing_else() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (240,), generator=generator)
    x = torch.randn(240, 6, generator=generator) * 0.3
    x[:, :3] += torch.nn.functional.one_hot(y, 3)
    found = probe(x[:160], y[:160], 3, generator)(x[160:])
    assert recall(found, y[160:]) > 0.9
    shuffled = y[torch.randperm(240, generator=generator)]
    blind = probe(x[:160], shuffled[:160], 3, generator)(x[160:])
    assert recall(blind, shuffled[160:]) < 0.5


def test_rare_classes_count_alike() -> None:
    y = torch.tensor([0] * 95 + [1] * 5)
    x = torch.cat([torch.zeros(95, 1), torch.full((5, 1), 0.4)]) + torch.randn(100, 1) * 0.1
    found = probe(x, y, 2, torch.Generator().manual_seed(0))(x)
    assert recall(found, y) > 0.9
    assert recall(torch.zeros_like(y), y) == pytest.approx(0.5)


def test_the_interval_of_a_share() -> None:
    # Wilson's score interval of 8 of 10, from its formula by hand
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
