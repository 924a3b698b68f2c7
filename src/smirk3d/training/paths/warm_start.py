"""Distance of predictions to fitted parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.encoders.face_encoder import VIEW_GROUPS
from smirk3d.face_parameters import FaceParameters, ParameterGroup
from smirk3d.training.config import WarmStartConfig

_SMALLEST_SPREAD = 1e-6


def warm_start_loss(
    predicted: FaceParameters,
    target: FaceParameters,
    exact: Tensor,
    spec: Sequence[ParameterGroup],
    config: WarmStartConfig,
) -> Tensor:
    """Return the weighted sum over groups of the mean smooth L1 distance, a scalar.

    Components that are fixed (an eye's roll) do not count, nor targets that are NaN: not known.

    Args:
        predicted: B faces.
        target: B faces in the same frame.
        exact: ``[B]`` bool, whether the target is known exactly; see ``WarmStartConfig``.
        spec: the head's groups.
        config: weights.
    """
    total = predicted.camera.new_zeros(())
    for group in (*spec, *VIEW_GROUPS):
        gain = config.gains.get(group.name, 0.0)
        free = [i for i in range(group.dim) if group.lo[i] < group.hi[i]]
        if not gain or not free or not group.observable:
            continue
        units = [
            config.amount_unit if high == 1 else spread
            for high, spread in zip(group.hi, group.prior_std, strict=True)
        ]
        unit = predicted.camera.new_tensor(units).clamp(min=_SMALLEST_SPREAD)
        ours, theirs = getattr(predicted, group.name), getattr(target, group.name)
        theirs = torch.where(theirs.isnan(), ours.detach(), theirs)
        distance = F.smooth_l1_loss(ours / unit, theirs / unit, reduction="none", beta=config.beta)
        if group.name == "expression":
            unseen = [name in config.unseen for name in group.names]
            photo = torch.where(
                torch.tensor(unseen, device=distance.device), config.unseen_weight, 1.0
            )
            distance = distance * torch.where(exact[:, None], config.exact, photo)
        total = total + gain * distance[:, free].mean()
    return total
