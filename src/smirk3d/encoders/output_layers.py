"""From features to parameter groups: sizes, ranges and starting values from the head's spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from smirk3d.parameters.groups import ParameterGroup


class _InwardClamp(torch.autograd.Function):
    """Clamp whose gradient is cut only where it would push a value further out of its range."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, lo: Tensor, hi: Tensor) -> Tensor:
        ctx.save_for_backward(values < lo, values > hi)
        return torch.minimum(torch.maximum(values, lo), hi)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        below, above = ctx.saved_tensors
        (gradient,) = gradients
        # a step against a positive gradient lowers the value
        outward = (below & (gradient > 0)) | (above & (gradient < 0))
        return gradient.masked_fill(outward, 0.0), None, None


def inward_clamp(values: Tensor, lo: Tensor, hi: Tensor) -> Tensor:
    """Return values ``[..., D]`` clamped to [lo, hi] ``[D]``, with a gradient that leads back in.

    A plain clamp has no gradient outside the range, so that an output beyond it would stay there.
    """
    clamped: Tensor = _InwardClamp.apply(values, lo, hi)  # type: ignore[no-untyped-call]
    return clamped


class GroupOutputs(nn.Module):
    """One linear layer whose outputs are some parameter groups.

    ``value = clamp(default + scale * (W z + b), lo, hi)``; groups follow each other in the
    layer's rows in the order given. ``z`` are the features, or with ``normalized`` the
    features minus their mean, divided by their standard deviation, both measured before training.
    The layer represents the same functions either way, but Adam needs far fewer steps with
    normalized features, because the features' common part no longer moves every output.
    """

    lo: Tensor
    hi: Tensor
    default: Tensor
    scale: Tensor
    feature_mean: Tensor
    feature_std: Tensor

    def __init__(
        self,
        num_features: int,
        groups: Sequence[ParameterGroup],
        *,
        weight_gain: float,
        scaled: bool,
        normalized: bool = False,
    ) -> None:
        """Build the layer.

        Args:
            num_features: number of features.
            groups: parameter groups; groups of size zero have no outputs.
            weight_gain: factor on the linear layer's usual initial weights; biases start at zero.
            scaled: multiply outputs by each component's standard deviation; else by 1, as
                SMIRK's layers.
            normalized: normalize the features by a mean and standard deviation.
        """
        super().__init__()
        self.groups = [(group.name, group.dim) for group in groups if group.dim]
        total = sum(dim for _, dim in self.groups)
        self.linear = nn.Linear(num_features, total)
        with torch.no_grad():
            self.linear.weight.mul_(weight_gain)
            self.linear.bias.zero_()

        def flat(attribute: str) -> Tensor:
            return torch.tensor([x for group in groups for x in getattr(group, attribute)])

        std = flat("prior_std") if scaled else torch.ones(total)
        for name, values in {
            "lo": flat("lo"), "hi": flat("hi"), "default": flat("default"), "scale": std,
        }.items():  # fmt: skip
            self.register_buffer(name, values.float(), persistent=False)

        self.normalized = normalized
        if normalized:
            self.register_buffer("feature_mean", torch.zeros(num_features))
            self.register_buffer("feature_std", torch.ones(num_features))

    @torch.no_grad()
    def normalize_features(self, mean: Tensor, std: Tensor) -> None:
        """Set the features' mean and standard deviation ``[C]`` without changing the outputs.

        Raises:
            ValueError: if the layer is not ``normalized``.
        """
        if not self.normalized:
            raise ValueError("this layer takes features as they are")
        plain = self.linear.weight / self.feature_std
        bias = self.linear.bias - plain @ self.feature_mean
        self.linear.weight.copy_(plain * std)
        self.linear.bias.copy_(bias + plain @ mean)
        self.feature_mean.copy_(mean)
        self.feature_std.copy_(std)

    def normalized_features(self, features: Tensor) -> Tensor:
        """Return the linear layer's input ``[B, C]`` for features ``[B, C]``."""
        return (features - self.feature_mean) / self.feature_std if self.normalized else features

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Return the groups ``[B, D]`` by name for features ``[B, C]``."""
        device = features.device.type
        if torch.is_autocast_enabled(device):
            # bfloat16 cannot resolve half a pixel of a face's position
            with torch.autocast(device, enabled=False):
                return self.forward(features.float())
        values = self.default + self.scale * self.linear(self.normalized_features(features))
        values = inward_clamp(values, self.lo, self.hi)
        parts = values.split([dim for _, dim in self.groups], 1)
        return {name: part for (name, _), part in zip(self.groups, parts, strict=True)}
