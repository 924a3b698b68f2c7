from __future__ import annotations

import torch
from torch import nn

from smirk3d.feature_networks.frozen import Frozen


def test_a_frozen_network_stays_as_it_is(counting_network: nn.Module) -> None:
    frozen = Frozen(counting_network)
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    model = nn.Sequential(nn.Conv2d(3, 3, 1), frozen).train()
    assert not any(module.training for module in frozen.modules())
    images = torch.rand(2, 3, 8, 8)
    out = model(images)
    assert torch.equal(out, model(images))
    out.sum().backward()
    torch.optim.SGD([p for p in model.parameters() if p.grad is not None], lr=1.0).step()
    assert all(torch.equal(value, before[name]) for name, value in frozen.state_dict().items())


def test_gradients_reach_the_picture(counting_network: nn.Module) -> None:
    images = torch.rand(1, 3, 8, 8, requires_grad=True)
    Frozen(counting_network)(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(p.grad is None for p in counting_network.parameters())
