"""Head pose and camera of a rigid head, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor


def initial_view(points: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rotation and camera that best map rigid points to targets.

    Solves the affine camera by weighted least squares and takes the nearest scaled rotation, the
    classic start of scaled-orthographic pose estimation (DeMenthon and Davis 1995, POS).

    Args:
        points: landmarks ``[B, L, 3]`` in metres, head axes, without head pose.
        targets: observed landmarks ``[B, L, 2]`` in ndc.
        weights: weight of each landmark ``[B, L]``, not negative.

    Returns:
        Rotation matrices ``[B, 3, 3]``, and cameras ``[B, 3]`` (scale, tx, ty).
    """
    total = weights.sum(1, keepdim=True)
    fraction = (weights / total)[..., None]
    mean_point = (points * fraction).sum(1, keepdim=True)
    mean_target = (targets * fraction).sum(1, keepdim=True)
    # y is flipped here, so that both frames have y up
    seen = (targets - mean_target) * targets.new_tensor([1.0, -1.0])
    centred = points - mean_point
    covariance = (centred * fraction).transpose(1, 2) @ centred
    ridge = 1e-6 * covariance.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
    covariance = covariance + ridge * torch.eye(3, device=points.device, dtype=points.dtype)
    affine = torch.linalg.solve(covariance, (centred * fraction).transpose(1, 2) @ seen)
    left, stretch, right = torch.linalg.svd(affine.transpose(1, 2), full_matrices=False)
    rows = left @ right
    third = torch.linalg.cross(rows[:, 0], rows[:, 1])
    rotation = torch.cat([rows, third[:, None]], 1)
    scale = stretch.mean(1).clamp(min=1e-3)
    origin = (rotation @ mean_point.transpose(1, 2))[:, :2, 0]
    shift = mean_target[:, 0] * targets.new_tensor([1.0, -1.0]) / scale[:, None] - origin
    return rotation, torch.cat([scale[:, None], shift], 1)
