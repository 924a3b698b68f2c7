"""Under autocast the layers after the backbone compute in single precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from smirk3d.encoders.output_layers import GroupOutputs, in_single_precision
from smirk3d.encoders.point_outputs import PointFeatures, PointOutputs
from smirk3d.heads.tiny import tiny_head


def _layer(*, uncertain: bool) -> GroupOutputs:
    return GroupOutputs(
        12, tiny_head("named").spec, weight_gain=1.0, scaled=True, normalized=True,
        uncertain_from=8 if uncertain else 0,
    )  # fmt: skip


def _with_changes() -> Callable[[Tensor], Any]:
    layer = _layer(uncertain=True)
    changes = torch.randn(10, layer.linear.out_features), torch.randn(10, len(layer.sparse))
    return lambda features: layer.details(features, changes)


def _at_points() -> Callable[[Tensor], Any]:
    layer = PointFeatures((2, 1), 4, 5, 1)
    torch.nn.init.normal_(layer.value.weight)
    torch.nn.init.normal_(layer.activity.weight)

    def run(features: Tensor) -> Any:
        maps = features.reshape(10, 3, 2, 2)
        return layer([maps[:, :2], maps[:, 2:]], features[:, :8].reshape(10, 4, 2))

    return run


def _points_with_offsets() -> Callable[[Tensor], Any]:
    layer = PointOutputs(12, 8, 5, (2, 1))
    assert layer.offsets is not None
    torch.nn.init.normal_(layer.offsets.offset.weight)

    def run(features: Tensor) -> Any:
        maps = features.reshape(10, 3, 2, 2)
        return layer(features, [maps[:, :2], maps[:, 2:]])

    return run


LAYERS: dict[str, Callable[[], Callable[[Tensor], Any]]] = {
    "outputs": lambda: _layer(uncertain=True),
    "plain outputs": lambda: _layer(uncertain=False),
    "details": lambda: _layer(uncertain=True).details,
    "details with changes": _with_changes,
    "points": lambda: PointOutputs(12, 8, 5),
    "points with offsets": _points_with_offsets,
    "at points": _at_points,
}


def _tensors(outcome: Any) -> list[Tensor]:
    if isinstance(outcome, dict):
        return list(outcome.values())
    if isinstance(outcome, tuple):
        return list(outcome)
    return [getattr(outcome, field.name) for field in fields(outcome)]


@pytest.mark.parametrize("name", LAYERS)
def test_autocast_changes_no_digit(name: str) -> None:
    torch.manual_seed(0)
    run = LAYERS[name]()
    features = torch.randn(10, 12).bfloat16()
    wanted = _tensors(run(features.float()))
    with torch.autocast("cpu", torch.bfloat16):
        found = _tensors(run(features))
    assert len(found) == len(wanted) > 1
    for tensor, exact in zip(found, wanted, strict=True):
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, exact)


def test_without_autocast_a_method_gets_what_is_given() -> None:
    given = in_single_precision(lambda features, *, other: (features, other))
    features = torch.zeros(2, dtype=torch.bfloat16)
    assert given(features, other=features) == (features, features)
    with torch.autocast("cpu", torch.bfloat16):
        inside = given(features, other=[features])
        assert torch.is_autocast_enabled("cpu")
    assert inside[0].dtype == inside[1][0].dtype == torch.float32
