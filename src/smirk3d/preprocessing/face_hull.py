"""Masks of faces: the convex hull of landmarks."""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.errors import check_shape

_DIRECTIONS = 360
"""Directions in which the outermost landmark is taken; on a face of 150 pixels the hull of these
is within a fifth of a pixel of the hull of all."""


def hull_mask(landmarks: Tensor, height: int, width: int) -> Tensor:
    """Return masks ``[B, 1, height, width]``: 1 where a pixel's centre lies in the convex hull.

    No gradient flows. Landmarks may lie outside the picture.

    Args:
        landmarks: ``[B, L, 2]`` or more columns, of which x and y are read; pixels, centres at
            +0.5.
        height: of the mask in pixels.
        width: of the mask in pixels.

    Raises:
        ShapeError: if the landmarks have another shape.
    """
    check_shape(landmarks, "B L D", "landmarks")
    corners = _outline(landmarks.detach()[..., :2])
    start, step = corners, corners.roll(-1, dims=1) - corners
    rows = torch.arange(height, device=landmarks.device, dtype=landmarks.dtype) + 0.5
    # Where each edge of the outline crosses each row's centre line: [B, K, H].
    along = (rows - start[..., 1:]) / step[..., 1:]
    crossed = (along >= 0) & (along <= 1)
    crossing = start[..., :1] + along * step[..., :1]
    left = torch.where(crossed, crossing, torch.inf).amin(1)
    right = torch.where(crossed, crossing, -torch.inf).amax(1)
    columns = torch.arange(width, device=landmarks.device, dtype=landmarks.dtype) + 0.5
    inside = (columns >= left[..., None]) & (columns <= right[..., None])
    return inside[:, None].to(landmarks.dtype)


def _outline(points: Tensor) -> Tensor:
    """Return corners ``[B, K, 2]`` of the convex hull in order, some of them repeated.

    The point farthest in a direction is a corner, and corners follow each other as the direction
    turns.
    """
    angles = torch.arange(_DIRECTIONS, device=points.device, dtype=points.dtype)
    angles = angles * (2 * torch.pi / _DIRECTIONS)
    directions = torch.stack([angles.cos(), angles.sin()])
    farthest = (points @ directions).argmax(1)
    return points.gather(1, farthest[..., None].expand(-1, -1, 2))
