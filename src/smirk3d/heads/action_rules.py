"""Rules by which a head's actions change each other: opposites, gates, correctives, a face's size.

A channel is a row of the basis that is not identity: one of the blocks
:data:`~smirk3d.parameters.basis_rows.CHANNEL_BLOCKS`. Its weight comes from the parameters
and takes effect in four steps: the weight of its opposite is subtracted, gates multiply it,
correctives are weighted by products of two channels, and the person's size scales all.
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

from smirk3d.parameters.basis_rows import BASIS_BLOCKS, CHANNEL_BLOCKS, BasisRows, Block, Channel

Arrays = Mapping[str, NDArray[Any]]

SCALED = ("expression", "jaw", "eyelids", "gaze")
"""The rows of a head file's ``action_scale``."""

_KIND: dict[Channel, int] = {
    "expression": 0, "jaw_positive": 1, "jaw_negative": 1, "eyelids": 2, "gaze": 3,
}  # fmt: skip
"""Index into :data:`SCALED` of each block of channels."""

RULE_BUFFERS = (
    "opposed", "gated", "gate_base", "gate_slope", "gate_high", "corrective_pair", "action_scale",
    "channel_kind",
)  # fmt: skip
"""Names of the tensors that :func:`rule_buffers` returns."""

_LEAST_SCALE, _LARGEST_SCALE = 0.5, 1.6
"""Bounds of a person's size of actions, so that rare identities stay plausible; chosen by eye."""


@dataclass(frozen=True)
class Gate:
    """The factor of a named action: ``min(max(base + slopes . weights, 0), high)``.

    Attributes:
        base: the factor while the weights of all other actions are 0.
        slopes: change of the factor per unit of another action's weight, by name.
        high: the largest value of the factor; None where it has no bound.
    """

    base: float
    slopes: dict[str, float]
    high: float | None


def basis_rows(arrays: Arrays, *, eyelids_after_pose: bool = False) -> BasisRows:
    """Return how many rows of offsets each block of a head file's basis has.

    Args:
        arrays: arrays of the head file by name.
        eyelids_after_pose: whether the eyelids are added after the pose, outside the basis.
    """
    jaw = len(arrays.get("jaw_basis", ()))
    return BasisRows(
        shape=len(arrays["shape_basis"]),
        expression=len(arrays["expr_names"]),
        jaw_positive=jaw,
        jaw_negative=jaw,
        eyelids=0 if eyelids_after_pose else len(arrays.get("eyelid_basis", ())),
        gaze=len(arrays.get("gaze_basis", ())),
        correctives=len(arrays.get("corrective_basis", ())),
    )


def linear_basis(arrays: Arrays, rows: BasisRows) -> NDArray[np.float32]:
    """Return all linear offsets of a head file ``[K, 3 V]`` in metres.

    Args:
        arrays: arrays of the head file by name.
        rows: sizes of the basis's blocks, from :func:`basis_rows`.
    """
    blocks: dict[Block, NDArray[Any] | None] = {
        "shape": arrays["shape_basis"],
        "expression": arrays["expr_basis"],
        "jaw_positive": arrays.get("jaw_basis"),
        "jaw_negative": arrays.get("jaw_basis_neg"),
        "eyelids": arrays.get("eyelid_basis"),
        "gaze": arrays.get("gaze_basis"),
        "correctives": arrays.get("corrective_basis"),
    }
    if blocks["jaw_negative"] is None and blocks["jaw_positive"] is not None:
        blocks["jaw_negative"] = -blocks["jaw_positive"]
    size = arrays["v_template"].size
    flat = []
    for block in BASIS_BLOCKS:
        offsets = blocks[block]
        if rows.size(block) and offsets is not None:
            flat.append(offsets.astype(np.float32).reshape(-1, size))
    return np.concatenate([np.zeros((0, size), np.float32), *flat])


def rule_buffers(arrays: Arrays, rows: BasisRows) -> dict[str, Tensor]:
    """Return the rules of a head file as tensors, by the names of :data:`RULE_BUFFERS`.

    The older ``gate`` (an expression multiplied by a component of the jaw) is one of the gates.

    Args:
        arrays: arrays of the head file by name.
        rows: sizes of the basis's blocks, from :func:`basis_rows`.
    """
    kinds = [_KIND[block] for block in CHANNEL_BLOCKS for _ in range(rows.size(block))]
    count = rows.num_channels
    pairs = arrays.get("gate", np.zeros((0, 2), np.int32)).astype(np.int64)
    by_jaw = np.zeros((len(pairs), count), np.float32)
    to_positive, to_negative = rows.channels("jaw_positive"), rows.channels("jaw_negative")
    for row, (_, component) in enumerate(pairs):
        by_jaw[row, to_positive.start + component] = 1
        by_jaw[row, to_negative.start + component] = -1
    channels = arrays.get("gate_channel", np.zeros(0, np.int32)).astype(np.int64)
    slopes = arrays.get("gate_slope", np.zeros((0, count), np.float32))
    correctives = arrays.get("corrective_pair", np.zeros((0, 2), np.int32)).astype(np.int64)
    all_kinds = [*kinds, *(kinds[first] for first in correctives[:, 0])]
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
            arrays.get("action_scale", np.zeros((0, rows.shape)))
        ).float(),
        "channel_kind": torch.tensor(all_kinds, dtype=torch.int64),
    }


@dataclass(frozen=True)
class ActionRules:
    """The rules of a head, on its device and in its precision.

    Attributes:
        opposed: pairs of channels ``[O, 2]`` of which only the difference takes effect.
        gated: channels with a gate ``[R]``.
        gate_base: factor of each gate while all other weights are 0 ``[R]``.
        gate_high: largest factor of each gate ``[R]``.
        gate_slope: change of each gate's factor per unit of each channel's weight ``[C, R]``.
        corrective_pair: channels whose product weighs each corrective ``[N, 2]``.
        action_scale: change of the size of each of :data:`SCALED` per unit of each identity
            coefficient ``[4 or 0, S]``.
        channel_kind: index into :data:`SCALED` of each channel and corrective ``[C + N]``.
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
        """Return effective weights ``[B, C]`` followed by the correctives' weights, ``[B, C + N]``.

        Products of weights below zero count as zero.
        """
        if not len(self.corrective_pair):
            return effective
        first, second = self.corrective_pair.unbind(1)
        product = effective[:, first].clamp(min=0) * effective[:, second].clamp(min=0)
        return torch.cat([effective, product], 1)

    def slopes(self, weights: Tensor) -> Tensor:
        """Return the derivative ``[B, C]`` of each effective weight by its own weight."""
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
        """Return the factor ``[B, C + N]`` of each person's offsets; None where all are 1."""
        if not len(self.action_scale):
            return None
        if not self.action_scale.shape[1]:
            return None
        sizes = 1 + shape @ self.action_scale.T
        return sizes.clamp(_LEAST_SCALE, _LARGEST_SCALE)[:, self.channel_kind]

    def net(self, weights: Tensor) -> Tensor:
        """Return channel weights ``[B, C]`` after opposites cancel: one of each pair is zero."""
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
        """Return the gates by the name of their channel.

        Args:
            names: name of each channel ``[C]``; channels with an empty name are left out.
        """
        found = {}
        for row, channel in enumerate(self.gated.tolist()):
            slopes, high = self.gate_slope[:, row].tolist(), float(self.gate_high[row])
            found[names[channel]] = Gate(
                round(float(self.gate_base[row]), 6),
                {n: round(s, 6) for n, s in zip(names, slopes, strict=True) if n and s},
                high if math.isfinite(high) else None,
            )
        return found
