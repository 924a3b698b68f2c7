"""What the actions of a head do to each other: opposites, gates, correctives, a face's size.

A channel is a row of offsets beside the identity's: expression, jaw to positive and to negative
values, eyelids, eyelids that follow the gaze, in this order. Its weight comes from the parameters
and takes effect in four steps: what opposes it is taken off, gates multiply it, correctives follow
as products of two channels, and the person's size scales all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Arrays = Mapping[str, NDArray[Any]]

SCALED = ("expression", "jaw", "eyelids", "gaze")
"""The rows of a head file's ``action_scale``."""

RULE_BUFFERS = (
    "opposed", "gated", "gate_base", "gate_slope", "gate_high", "corrective_pair", "action_scale",
    "channel_kind",
)  # fmt: skip
"""What :func:`rule_buffers` returns, by name."""

_LEAST_SCALE, _LARGEST_SCALE = 0.5, 1.6


@dataclass(frozen=True)
class Gate:
    """The factor of a named action: ``min(max(base + slopes . weights, 0), high)``.

    Attributes:
        base: the factor while all others rest.
        slopes: change of the factor by the weight of another action, by name.
        high: its largest value; none where it has no bound.
    """

    base: float
    slopes: dict[str, float]
    high: float | None


def linear_bases(arrays: Arrays, eyelids: NDArray[Any]) -> tuple[NDArray[Any], list[int]]:
    """Return all linear offsets of a head file and what its channels are.

    Args:
        arrays: of the head file.
        eyelids: the eyelids' offsets, of those that are channels.

    Returns:
        Identity, channels and correctives ``[K, 3 V]``; and for each channel ``[C]`` its place in
        :data:`SCALED`.
    """
    blocks = [(0, arrays["expr_basis"])]
    if "jaw_basis" in arrays:
        jaw = arrays["jaw_basis"]
        blocks += [(1, jaw), (1, arrays.get("jaw_basis_neg", -jaw))]
    blocks += [(2, eyelids), (3, arrays.get("gaze_basis", eyelids[:0]))]
    correctives = arrays.get("corrective_basis", eyelids[:0])
    bases = [arrays["shape_basis"], *(block for _, block in blocks), correctives]
    size = arrays["v_template"].size
    flat = [basis.astype(np.float32).reshape(len(basis), size) for basis in bases]
    return np.concatenate(flat), [kind for kind, block in blocks for _ in block]


def rule_buffers(arrays: Arrays, kinds: list[int]) -> dict[str, Tensor]:
    """Return the rules of a head file as tensors, by the names of :data:`RULE_BUFFERS`.

    The older ``gate`` (an expression multiplied by a component of the jaw) is one of the gates.

    Args:
        arrays: of the head file.
        kinds: for each channel ``[C]`` its place in :data:`SCALED`.
    """
    count = len(kinds)
    pairs = arrays.get("gate", np.zeros((0, 2), np.int32)).astype(np.int64)
    by_jaw = np.zeros((len(pairs), count), np.float32)
    jaw = kinds.index(1) if len(pairs) else 0
    for row, (_, component) in enumerate(pairs):
        by_jaw[row, jaw + component], by_jaw[row, jaw + 3 + component] = 1, -1
    channels = arrays.get("gate_channel", np.zeros(0, np.int32)).astype(np.int64)
    slopes = arrays.get("gate_slope", np.zeros((0, count), np.float32))
    correctives = arrays.get("corrective_pair", np.zeros((0, 2), np.int32)).astype(np.int64)
    all_kinds = [*kinds, *(kinds[first] for first in correctives[:, 0])]
    num_shape = len(arrays["shape_basis"])
    return {
        "opposed": torch.as_tensor(arrays.get("opposed", np.zeros((0, 2))).astype(np.int64)),
        "gated": torch.as_tensor(np.concatenate([pairs[:, 0], channels])),
        "gate_base": torch.as_tensor(
            np.concatenate([np.zeros(len(pairs)), arrays.get("gate_base", np.zeros(0))])
        ).float(),
        "gate_slope": torch.as_tensor(np.concatenate([by_jaw, slopes]).T.copy()).float(),
        "gate_high": torch.tensor([torch.inf] * len(pairs) + [1.0] * len(channels)),
        "corrective_pair": torch.as_tensor(correctives),
        "action_scale": torch.as_tensor(
            arrays.get("action_scale", np.zeros((0, num_shape)))
        ).float(),
        "channel_kind": torch.tensor(all_kinds, dtype=torch.int64),
    }


@dataclass(frozen=True)
class ActionRules:
    """The rules of a head on whatever device and in whatever precision its tensors are.

    Attributes:
        opposed: pairs of channels of which only the difference acts ``[O, 2]``.
        gated: channels with a gate ``[R]``; gate_base, gate_high: ``[R]``.
        gate_slope: ``[C, R]``.
        corrective_pair: channels whose product weighs each corrective ``[N, 2]``.
        action_scale: change of each of :data:`SCALED` by the identity ``[4 or 0, S]``.
        channel_kind: place in :data:`SCALED` of each channel and corrective ``[C + N]``.
    """

    opposed: Tensor
    gated: Tensor
    gate_base: Tensor
    gate_slope: Tensor
    gate_high: Tensor
    corrective_pair: Tensor
    action_scale: Tensor
    channel_kind: Tensor

    def effective(self, weights: Tensor) -> Tensor:
        """Return channel weights ``[B, C]`` after opposites and gates."""
        net = self.net(weights)
        if not len(self.gated):
            return net
        factors = self._factors(net)
        return net.index_copy(1, self.gated, net[:, self.gated] * factors)

    def with_correctives(self, effective: Tensor) -> Tensor:
        """Return effective weights ``[B, C]`` followed by those of the correctives, ``[B, C+N]``.

        Products of weights below zero count as zero.
        """
        if not len(self.corrective_pair):
            return effective
        first, second = self.corrective_pair.unbind(1)
        product = effective[:, first].clamp(min=0) * effective[:, second].clamp(min=0)
        return torch.cat([effective, product], 1)

    def slopes(self, weights: Tensor) -> Tensor:
        """Return by how much each effective weight rises with its own weight ``[B, C]``."""
        slopes = torch.ones_like(weights)
        for first, second in self.opposed.tolist():
            ahead = weights[:, first] >= weights[:, second]
            behind = weights[:, second] >= weights[:, first]
            slopes[:, first], slopes[:, second] = ahead.to(weights), behind.to(weights)
        if not len(self.gated):
            return slopes
        factors = self._factors(self.net(weights))
        return slopes.index_copy(1, self.gated, slopes[:, self.gated] * factors)

    def scales(self, shape: Tensor) -> Tensor | None:
        """Return the size ``[B, C + N]`` of a person's offsets, none where all are 1."""
        if not len(self.action_scale):
            return None
        if not self.action_scale.shape[1]:
            return None
        sizes = 1 + shape @ self.action_scale.T
        return sizes.clamp(_LEAST_SCALE, _LARGEST_SCALE)[:, self.channel_kind]

    def net(self, weights: Tensor) -> Tensor:
        """Return channel weights ``[B, C]`` of which of two opposites at most one is not zero."""
        if not len(self.opposed):
            return weights
        first, second = self.opposed.unbind(1)
        shared = torch.minimum(weights[:, first], weights[:, second]).clamp(min=0)
        both = torch.cat([weights[:, first] - shared, weights[:, second] - shared], 1)
        return weights.index_copy(1, torch.cat([first, second]), both)

    def _factors(self, weights: Tensor) -> Tensor:
        factors = self.gate_base + weights @ self.gate_slope
        return torch.minimum(factors.clamp(min=0), self.gate_high)

    def named_gates(self, names: list[str]) -> dict[str, Gate]:
        """Return the gates by the names ``[C]`` of the channels; an empty name is left out."""
        found = {}
        for row, channel in enumerate(self.gated.tolist()):
            slopes, high = self.gate_slope[:, row].tolist(), float(self.gate_high[row])
            found[names[channel]] = Gate(
                round(float(self.gate_base[row]), 6),
                {n: round(s, 6) for n, s in zip(names, slopes, strict=True) if n and s},
                high if math.isfinite(high) else None,
            )
        return found
