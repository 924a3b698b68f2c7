from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from smirk3d.feature_networks.vgg import VggFeatures


@pytest.fixture
def vgg_file(tmp_path: Path) -> Path:
    """A file with the names of torchvision's vgg16-397923af.pth and random weights."""
    state = {name: value.half() for name, value in VggFeatures().state_dict().items()}
    for place in (24, 26, 28):
        state |= {
            f"features.{place}.weight": torch.zeros(1),
            f"features.{place}.bias": torch.ones(1),
        }
    state |= {f"classifier.{place}.bias": torch.ones(1) for place in (0, 3, 6)}
    path = tmp_path / "networks" / "vgg16-397923af.pth"
    path.parent.mkdir(exist_ok=True)
    torch.save(state, path)
    return path


@pytest.fixture
def counting_network() -> nn.Module:
    """A network with parameters, batch norm and dropout."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
