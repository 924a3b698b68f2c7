"""A perspective camera around the scaled-orthographic one of fits.

A camera at distance d along the ray to the head's origin shows a posed point ``p`` at
``scale * p_xy / (1 - p_z / d) + shift``; ``1 / d``, the nearness, is 0 for a scaled-orthographic
camera.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEARNESS_MEAN, NEARNESS_STD = 1.3, 0.83
"""Of 1 / d in 1/m for distances drawn evenly in their logarithm from 0.3 to 3 m."""
NEAREST = 4.0
"""Largest nearness in 1/m: a camera at 0.25 m."""


def perspective(posed: Tensor, view: Tensor, nearness: Tensor) -> tuple[Tensor, Tensor]:
    """Return points in ndc with y up, and the enlargement of each by its depth.

    Args:
        posed: points ``[B, P, 3]`` in metres, rotated.
        view: scale and the origin's place ``[B, 3]`` (``FitState.view``).
        nearness: ``[B, 1]`` in 1/m.
    """
    enlarged = 1 / (1 - nearness[:, :, None] * posed[..., 2:]).clamp(min=0.2)
    return view[:, None, :1] * posed[..., :2] * enlarged + view[:, None, 1:], enlarged


def nearest_view(posed: Tensor, seen: Tensor) -> Tensor:
    """Return the scaled-orthographic view ``[B, 3]`` with least squared distance.

    Args:
        posed: points ``[B, P, 3]`` in metres, rotated.
        seen: where they are seen ``[B, P, 2]`` in ndc with y up.
    """
    flat = posed[..., :2]
    middle, mean = flat.mean(1, keepdim=True), seen.mean(1, keepdim=True)
    centred = flat - middle
    scale = (centred * (seen - mean)).sum((1, 2)) / centred.square().sum((1, 2))
    shift = mean[:, 0] - scale[:, None] * middle[:, 0]
    return torch.cat([scale[:, None], shift], 1)


def perspective_view(posed: Tensor, view: Tensor, nearness: Tensor) -> Tensor:
    """Return the perspective view ``[B, 3]`` that shows points most like an orthographic one."""
    enlarged = 1 / (1 - nearness[:, :, None] * posed[..., 2:]).clamp(min=0.2)
    seen = view[:, None, :1] * posed[..., :2] + view[:, None, 1:]
    return nearest_view(torch.cat([posed[..., :2] * enlarged, posed[..., 2:]], -1), seen)
