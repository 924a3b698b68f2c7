"""Distance of predictions to fitted parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.losses.units import SMALLEST_UNIT, component_units
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import VIEW_SPEC, ParameterGroup
from smirk3d.training.paths.config import PseudoLabelConfig

_CHANGING = ("expression", "eyelids", "jaw", "eyes")


def pseudo_label_loss(
    predicted: FaceParameters,
    target: FaceParameters,
    is_ground_truth: Tensor,
    spec: Sequence[ParameterGroup],
    config: PseudoLabelConfig,
) -> Tensor:
    """Return the weighted sum over groups of the mean distance, a scalar: smooth L1, or squared.

    Components that are fixed (an eye's roll) do not count, nor do unknown targets, which are NaN.

    Args:
        predicted: B faces.
        target: B faces in the same frame.
        is_ground_truth: ``[B]`` bool, whether the target is ground truth rather than a fit.
        spec: the head's groups.
        config: units and weights.
    """
    total = predicted.camera.new_zeros(())
    for group in (*spec, *VIEW_SPEC):
        gain = config.gains.get(group.name, 0.0)
        free = [i for i in range(group.dim) if group.lo[i] < group.hi[i]]
        if not gain or not free or not group.observable:
            continue
        unit = component_units(group, config.unit_interval_std, predicted.camera)
        ours, theirs = getattr(predicted, group.name), getattr(target, group.name)
        theirs = torch.where(theirs.isnan(), ours.detach(), theirs)
        distance = torch.where(
            is_ground_truth[:, None],
            _squared(ours / unit, theirs / unit, config),
            F.smooth_l1_loss(ours / unit, theirs / unit, reduction="none", beta=config.beta),
        )
        if group.name == "expression":
            unseen = [name in config.unseen for name in group.names]
            photo = torch.where(
                torch.tensor(unseen, device=distance.device), config.unseen_weight, 1.0
            )
            distance = distance * torch.where(is_ground_truth[:, None], config.ground_truth, photo)
        distance = distance * torch.where(is_ground_truth, 1.0, config.fits)[:, None]
        total = total + gain * distance[:, free].mean()
    return total


def change_loss(
    predicted: FaceParameters,
    target: FaceParameters,
    pairs: int,
    spec: Sequence[ParameterGroup],
    config: PseudoLabelConfig,
) -> Tensor:
    """Return the mean squared distance of predicted and target changes of expression, a scalar.

    Two pictures of a person differ in the expression alone. Comparing the differences of their
    predictions shows an encoder what to look for much sooner than many pictures of different
    people, who differ in far more than a raised brow.

    Args:
        predicted: B faces.
        target: B faces.
        pairs: number of faces at the start that are shown again in as many rows after them.
        spec: the head's groups.
        config: units and weights.
    """
    distances = []
    for group in spec:
        free = [i for i in range(group.dim) if group.lo[i] < group.hi[i]]
        if group.name not in _CHANGING or not free or not pairs:
            continue
        unit = component_units(group, config.unit_interval_std, predicted.camera)
        ours, theirs = (getattr(faces, group.name) for faces in (predicted, target))
        change, wanted = (x[:pairs] - x[pairs : 2 * pairs] for x in (ours, theirs))
        distance = _squared(change / unit, wanted / unit, config)
        distance = distance * _emphasis(group, wanted, config)
        distances.append(distance[:, free])
    return torch.cat(distances, 1).mean() if distances else predicted.camera.new_zeros(())


def _squared(ours: Tensor, theirs: Tensor, config: PseudoLabelConfig) -> Tensor:
    """Return half squares ``[B, D]`` on the scale of the smooth L1 distance."""
    return (ours - theirs).square() / (2 * config.beta)


def _emphasis(group: ParameterGroup, change: Tensor, config: PseudoLabelConfig) -> Tensor:
    """Return the weight ``[B, D]`` of target changes: 1 without change, rising with the change.

    A change as large as the end of the range, or three standard deviations, has the weight
    ``1 + config.large_changes``.
    """
    ends = [
        max(abs(low), abs(high)) if math.isfinite(high) else 3 * std
        for low, high, std in zip(group.lo, group.hi, group.prior_std, strict=True)
    ]
    reach = change.abs() / change.new_tensor(ends).clamp(min=SMALLEST_UNIT)
    return 1 + config.large_changes * reach.clamp(max=1)
