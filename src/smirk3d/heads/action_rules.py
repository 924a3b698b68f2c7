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
from numpy.typing import NDArray

from smirk3d.array_interface import (
    Array,
    array_namespace,
    in_precision,
    set_columns,
)
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
"""Names of the arrays that :func:`rule_buffers` returns."""

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


def rule_buffers(arrays: Arrays, rows: BasisRows) -> dict[str, NDArray[Any]]:
    """Return the rules of a head file, by the names of :data:`RULE_BUFFERS`.

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
    high = [math.inf] * len(pairs) + [1.0] * len(channels)
    return {
        "opposed": arrays.get("opposed", np.zeros((0, 2))).astype(np.int64),
        "gated": np.concatenate([pairs[:, 0], channels]),
        "gate_base": np.concatenate(
            [np.zeros(len(pairs)), arrays.get("gate_base", np.zeros(0))]
        ).astype(np.float32),
        "gate_slope": np.concatenate([by_jaw, slopes]).T.astype(np.float32, order="C"),
        "gate_high": np.array(high, np.float32),
        "corrective_pair": correctives,
        "action_scale": arrays.get("action_scale", np.zeros((0, rows.shape))).astype(np.float32),
        "channel_kind": np.array(all_kinds, np.int64),
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

    opposed: Array
    gated: Array
    gate_base: Array
    gate_slope: Array
    gate_high: Array
    corrective_pair: Array
    action_scale: Array
    channel_kind: Array

    def effective(self, weights: Array) -> Array:
        """Return channel weights ``[B, C]`` after opposites and gates."""
        net = self.net(weights)
        if not len(self.gated):
            return net
        factors = self._factors(net)
        return set_columns(net, self.gated, net[:, self.gated] * factors)

    def with_correctives(self, effective: Array) -> Array:
        """Return effective weights ``[B, C]`` followed by the correctives' weights, ``[B, C + N]``.

        Products of weights below zero count as zero.
        """
        if not len(self.corrective_pair):
            return effective
        xp = array_namespace(effective)
        first, second = self.corrective_pair[:, 0], self.corrective_pair[:, 1]
        product = effective[:, first].clip(0, None) * effective[:, second].clip(0, None)
        return xp.concat([effective, product], axis=1)

    def slopes(self, weights: Array) -> Array:
        """Return the derivative ``[B, C]`` of each effective weight by its own weight."""
        slopes = array_namespace(weights).ones_like(weights)
        for first, second in self.opposed.tolist():
            ahead = weights[:, first] >= weights[:, second]
            behind = weights[:, second] >= weights[:, first]
            slopes[:, first] = in_precision(ahead, weights)
            slopes[:, second] = in_precision(behind, weights)
        if not len(self.gated):
            return slopes
        factors = self._factors(self.net(weights))
        return set_columns(slopes, self.gated, slopes[:, self.gated] * factors)

    def scales(self, shape: Array) -> Array | None:
        """Return the factor ``[B, C + N]`` of each person's offsets; None where all are 1."""
        if not len(self.action_scale):
            return None
        if not self.action_scale.shape[1]:
            return None
        sizes = 1 + shape @ self.action_scale.T
        return sizes.clip(_LEAST_SCALE, _LARGEST_SCALE)[:, self.channel_kind]

    def net(self, weights: Array) -> Array:
        """Return channel weights ``[B, C]`` after opposites cancel: one of each pair is zero."""
        if not len(self.opposed):
            return weights
        xp = array_namespace(weights)
        first, second = self.opposed[:, 0], self.opposed[:, 1]
        shared = xp.minimum(weights[:, first], weights[:, second]).clip(0, None)
        both = xp.concat([weights[:, first] - shared, weights[:, second] - shared], axis=1)
        return set_columns(weights, xp.concat([first, second]), both)

    def _factors(self, weights: Array) -> Array:
        factors = self.gate_base + weights @ self.gate_slope
        return array_namespace(factors).minimum(factors.clip(0, None), self.gate_high)

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
