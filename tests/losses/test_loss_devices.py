"""Losses on every device and in both precisions, and without data on the meta device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from smirk3d.heads.tiny import tiny_head
from smirk3d.losses.closure import opening_loss
from smirk3d.losses.cycle import cycle_loss
from smirk3d.losses.landmark import landmark_loss
from smirk3d.losses.perceptual import feature_angle_loss, feature_loss, perceptual_loss
from smirk3d.losses.photometric import masked_l1
from smirk3d.losses.regularization import prior_loss, target_loss

HEAD = tiny_head()
Make = Callable[..., Tensor]


def _cycle(make: Make) -> Tensor:
    sizes = HEAD.neutral(2)
    faces = sizes.replace(**{name: make(*tensor.shape) for name, tensor in sizes.items()})
    return cycle_loss(faces, faces, {"expression": 1.0, "jaw": 2.0}, spec=HEAD.spec)


LOSSES: dict[str, Callable[[Make], Tensor]] = {
    "landmarks": lambda make: landmark_loss(
        make(2, 5, 2), make(2, 5, 2), weight=make(5), valid=make(2, 5)
    ),
    "openings": lambda make: opening_loss(
        make(2, 5, 2), make(2, 5, 2), make(3, 2).long(), valid=make(2, 5)
    ),
    "photometric": lambda make: masked_l1(
        make(2, 3, 8, 8), make(2, 3, 8, 8), make(2, 1, 8, 8)
    ),
    "perceptual": lambda make: perceptual_loss(
        make(2, 3, 8, 8), make(2, 3, 8, 8), lambda x: [x, x * 2]
    ),
    "emotion": lambda make: feature_loss(
        make(2, 3, 8, 8), make(2, 3, 8, 8), lambda x: x.flatten(1)
    ),
    "identity": lambda make: feature_angle_loss(
        make(2, 3, 8, 8), make(2, 3, 8, 8), lambda x: x.flatten(1)
    ),
    "prior": lambda make: prior_loss(make(2, 3), HEAD.group("jaw")),
    "target": lambda make: target_loss(make(2, 3), make(2, 3), make(2)),
    "cycle": _cycle,
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_stay_on_their_device_and_in_their_precision(
    name: str, device: torch.device, dtype: torch.dtype, explicit_devices: None
) -> None:
    loss = LOSSES[name](lambda *shape: torch.rand(*shape, device=device, dtype=dtype))
    assert (loss.shape, loss.device.type, loss.dtype) == ((), device.type, dtype)
    assert loss.isfinite()


@pytest.mark.parametrize("name", LOSSES)
def test_losses_make_nothing_on_the_cpu(name: str) -> None:
    loss = LOSSES[name](lambda *shape: torch.empty(*shape, device="meta"))
    assert loss.device.type == "meta"
