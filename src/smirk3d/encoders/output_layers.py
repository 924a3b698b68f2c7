"""From features to parameter groups: sizes, ranges and starting values from the head's spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import ParameterGroup

_FIRST_LOG_STD = -1.0
"""Logarithm of the standard deviation, in a component's scale, from which training starts; chosen
by hand, training moves it within some hundred steps."""
_ACTIVITY_SLOPE, _FIRST_ACTIVITY = 8.0, -1.0
"""The activity's logit is at first 8 times the value less 1, so that values above 0.3 count as
there; chosen by hand for values that shipped weights give, training changes both."""


_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


def in_single_precision(method: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """Decorate a layer's method so that autocast is off in it, and tensors given are in single.

    Half precision cannot resolve half a pixel of a face's position. Where autocast is off the
    method is called with what is given. The device is that of the first tensor given.
    """

    @wraps(method)
    def computed(*args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        device = next(value.device.type for value in args if isinstance(value, Tensor))
        if not torch.is_autocast_enabled(device):
            return method(*args, **kwargs)
        with torch.autocast(device, enabled=False):
            return method(*map(_single, args), **{k: _single(v) for k, v in kwargs.items()})  # type: ignore[arg-type]

    return computed


def _single(value: object) -> object:
    """Return tensors, and those of a list or tuple, in single precision; all else as it is."""
    if isinstance(value, Tensor):
        return value.float()
    if isinstance(value, list | tuple):
        return [_single(item) for item in value]
    return value


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


@dataclass(frozen=True, eq=False)
class OutputDetails:
    """Everything that an output layer predicts of B faces, all groups' components in one row.

    Attributes:
        mean: the estimates ``[B, D]``: value times activity where an action is sparse.
        value: size of each component ``[B, D]``, for sparse actions if they are there.
        activity: logits ``[B, S]`` of the probability that each sparse action is there.
        log_std: logarithm ``[B, D]`` of the standard deviation of the estimates' errors, in each
            component's scale.
    """

    mean: Tensor
    value: Tensor
    activity: Tensor
    log_std: Tensor


@torch.no_grad()
def renormalize(
    layer: nn.Linear, old_mean: Tensor, old_std: Tensor, mean: Tensor, std: Tensor
) -> None:
    """Change a layer on normalized features so that it acts alike on otherwise normalized ones.

    Args:
        layer: layer that sees the first of the features, or all.
        old_mean: mean ``[C]`` by which its features were normalized.
        old_std: standard deviation ``[C]`` by which they were normalized.
        mean: mean ``[C]`` by which they will be.
        std: standard deviation ``[C]`` by which they will be.
    """
    count = layer.in_features
    plain = layer.weight / old_std[:count]
    bias = layer.bias - plain @ old_mean[:count]
    layer.weight.copy_(plain * std[:count])
    layer.bias.copy_(bias + plain @ mean[:count])


def gated(value: Tensor, probability: Tensor, low: Tensor, high: Tensor, gain: Tensor) -> Tensor:
    """Return estimates ``[B, S]`` of sparse actions.

    Args:
        value: values ``[B, S]`` of the actions, if they are there.
        probability: probabilities ``[B, S]`` that they are there.
        low: probability ``[S]`` up to which an action counts as absent.
        high: probability ``[S]`` from which its value counts in full.
        gain: factor ``[S]`` on the values, which stay below 1.
    """
    return (gain * value).clamp(max=1) * ((probability - low) / (high - low)).clamp(0, 1)


class GroupOutputs(nn.Module):
    """One linear layer whose outputs are some parameter groups.

    ``value = clamp(default + scale * (W z + b), lo, hi)``; groups follow each other in the
    layer's rows in the order given. ``z`` are the features, or with ``normalized`` the
    features minus their mean, divided by their standard deviation, both measured before training.
    The layer represents the same functions either way, but Adam needs far fewer steps with
    normalized features, because the features' common part no longer moves every output.

    With ``uncertain_from`` there are two more layers. One predicts the standard deviation of each
    estimate from the global features. The other predicts for each sparse action (0 at rest, 1 at
    most) the probability that it is there at all, from the global features or from all, and the
    estimate is that probability times the value: most actions of a face are exactly zero, and a
    value alone would report a little of each.

    Attributes:
        groups: name and size of each group.
        sparse: numbers ``[S]`` of the components that are sparse actions.
        gate_low, gate_high: probabilities ``[S]`` below which a sparse action counts as absent, and
            from which its value counts in full. At 0 and 1 the estimate is the expected value.
        gain: factor ``[S]`` on the values of sparse actions. Gates and gains are measured after
            training (:mod:`smirk3d.training.calibration`).
    """

    lo: Tensor
    hi: Tensor
    default: Tensor
    scale: Tensor
    feature_mean: Tensor
    feature_std: Tensor
    sparse: Tensor
    gate_low: Tensor
    gate_high: Tensor
    gain: Tensor

    def __init__(
        self,
        num_features: int,
        groups: Sequence[ParameterGroup],
        *,
        weight_gain: float,
        scaled: bool,
        normalized: bool = False,
        uncertain_from: int = 0,
        local_activity: bool = False,
    ) -> None:
        """Build the layer.

        Args:
            num_features: number of features.
            groups: parameter groups; groups of size zero have no outputs.
            weight_gain: factor on the linear layer's usual initial weights; biases start at zero.
            scaled: multiply outputs by each component's standard deviation; else by 1, as
                SMIRK's layers.
            normalized: normalize the features by a mean and standard deviation.
            uncertain_from: number of first features from which uncertainty is predicted; 0 predicts
                none.
            local_activity: predict from all features whether a sparse action is there.
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
        self.uncertain_from = uncertain_from
        if uncertain_from:
            self._add_uncertainty(flat("lo"), flat("hi"), flat("default"), local_activity)

    def _add_uncertainty(self, lo: Tensor, hi: Tensor, default: Tensor, local: bool) -> None:
        sparse = ((lo == 0) & (hi == 1) & (default == 0)).nonzero()[:, 0]
        self.register_buffer("sparse", sparse, persistent=False)
        self.std_layer = nn.Linear(self.uncertain_from, len(lo))
        # without sparse actions the layer keeps one output that nothing reads
        seen = self.linear.in_features if local and len(sparse) else self.uncertain_from
        self.activity_layer = nn.Linear(seen, max(len(sparse), 1))
        self.activity_slope = nn.Parameter(torch.full((len(sparse),), _ACTIVITY_SLOPE))
        self.register_buffer("gate_low", torch.zeros(len(sparse)))
        self.register_buffer("gate_high", torch.ones(len(sparse)))
        self.register_buffer("gain", torch.ones(len(sparse)))
        with torch.no_grad():
            for layer in (self.std_layer, self.activity_layer):
                layer.weight.zero_()
            self.std_layer.bias.fill_(_FIRST_LOG_STD)
            self.activity_layer.bias.fill_(_FIRST_ACTIVITY)

    @torch.no_grad()
    def open_gates(self) -> None:
        """Let estimates of sparse actions be expected values again, as training needs them."""
        if self.uncertain_from:
            self.gate_low.zero_()
            self.gate_high.fill_(1.0)
            self.gain.fill_(1.0)

    @torch.no_grad()
    def normalize_features(self, mean: Tensor, std: Tensor) -> None:
        """Set the features' mean and standard deviation ``[C]`` without changing the outputs.

        Raises:
            ValueError: if the layer is not ``normalized``.
        """
        if not self.normalized:
            raise ValueError("this layer takes features as they are")
        layers = [self.linear]
        if self.uncertain_from:
            layers += [self.std_layer, self.activity_layer]
        for layer in layers:
            renormalize(layer, self.feature_mean, self.feature_std, mean, std)
        self.feature_mean.copy_(mean)
        self.feature_std.copy_(std)

    def normalized_features(self, features: Tensor) -> Tensor:
        """Return the linear layer's input ``[B, C]`` for features ``[B, C]``."""
        return (features - self.feature_mean) / self.feature_std if self.normalized else features

    @in_single_precision
    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Return the groups ``[B, D]`` by name for features ``[B, C]``."""
        if self.uncertain_from:
            return self.by_group(self.details(features).mean)
        return self.by_group(self._plain(self.normalized_features(features)))

    def _plain(self, features: Tensor, change: Tensor | None = None) -> Tensor:
        outputs = self.linear(features)
        if change is not None:
            outputs = outputs + change
        return inward_clamp(self.default + self.scale * outputs, self.lo, self.hi)

    @in_single_precision
    def details(
        self, features: Tensor, changes: tuple[Tensor, Tensor] | None = None
    ) -> OutputDetails:
        """Return estimates and their uncertainty for features ``[B, C]``.

        Args:
            features: features of B faces.
            changes: what is added to the linear layer's outputs ``[B, D]``, and to the activity's
                logits ``[B, S]``, see :class:`~smirk3d.encoders.point_outputs.PointFeatures`.

        Raises:
            ValueError: if the layer predicts no uncertainty.
        """
        if not self.uncertain_from:
            raise ValueError("this layer predicts no uncertainty")
        features = self.normalized_features(features)
        value = self._plain(features, None if changes is None else changes[0])
        common = features[:, : self.uncertain_from]
        seen = features[:, : self.activity_layer.in_features]
        activity = self.activity_layer(seen)[:, : len(self.sparse)]
        if changes is not None:
            activity = activity + changes[1]
        activity = activity + self.activity_slope * value[:, self.sparse]
        mean = value.index_copy(
            1,
            self.sparse,
            gated(
                value[:, self.sparse], activity.sigmoid(), self.gate_low, self.gate_high, self.gain
            ),
        )
        return OutputDetails(mean, value, activity, self.std_layer(common))

    def row(self, parameters: FaceParameters) -> Tensor:
        """Return the layer's groups ``[B, D]`` of parameters, as :meth:`by_group` takes them."""
        return torch.cat([getattr(parameters, name) for name, _ in self.groups], 1)

    def by_group(self, values: Tensor) -> dict[str, Tensor]:
        """Return values ``[B, D]`` as the groups ``[B, D']`` by name."""
        parts = values.split([dim for _, dim in self.groups], 1)
        return {name: part for (name, _), part in zip(self.groups, parts, strict=True)}
