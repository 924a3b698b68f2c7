"""Masks of the pixels that the neural renderer may see: all but the face.

Lengths in pixels are of a 224 crop and scale with the picture, so that a training at 112 hides the
same fraction of the face.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import check_shape


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Return masks ``[B, 1, H, W]`` grown by a square of ``2 radius + 1`` pixels.

    Args:
        mask: ``[B, 1, H, W]``, 0 or 1.
        radius: in pixels of this picture.
    """
    if radius <= 0:
        return mask
    padded = F.pad(mask, (radius,) * 4)
    return _running_maximum(_running_maximum(padded, 2 * radius + 1, 2), 2 * radius + 1, 3)


def _running_maximum(values: Tensor, length: int, dim: int) -> Tensor:
    """Return the maximum over each window of a length along a dimension, which loses length - 1.

    Windows double until two of them cover the length: a few passes instead of one a pixel.
    """
    window = 1
    while window < length:
        step = min(window, length - window)
        count = values.shape[dim] - step
        values = torch.maximum(values.narrow(dim, 0, count), values.narrow(dim, step, count))
        window += step
    return values


def surroundings(hull: Tensor, rendered: Tensor, *, dilation: float) -> Tensor:
    """Return masks ``[B, 1, H, W]`` that are 1 outside the face, without gradient.

    The grown hull of the photo's landmarks and the pixels of the rendering are hidden.

    Args:
        hull: ``[B, 1, H, W]``, 1 within the landmarks' convex hull.
        rendered: ``[B, 1, H, W]``, 1 where the rendering shows the mesh; of a changed face, where
            the changed mesh is.
        dilation: how far the hull grows, in pixels of a 224 crop.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(hull, "B 1 H W", "hull")
    check_shape(rendered, "B 1 H W", "rendered", **sizes)
    radius = round(dilation * sizes["H"] / CROP_SIZE)
    with torch.no_grad():
        return (1 - dilate(hull, radius)) * (1 - rendered)


def random_holes(
    like: Tensor, *, fraction: float, side: int, generator: torch.Generator | None = None
) -> Tensor:
    """Return masks ``[B, 1, H, W]`` that are 0 in random squares, which may overlap, and 1 else.

    Args:
        like: tensor ``[B, ..., H, W]`` that gives batch, size, device and dtype.
        fraction: fraction of a 224 crop's pixels that are centres of a square; 0.01 hides about
            70 %.
        side: side of a square, in pixels of a 224 crop; odd there and here.
        generator: source of randomness; torch's own by default.
    """
    height, width = like.shape[-2:]
    if fraction <= 0:
        return like.new_ones(len(like), 1, height, width)
    scale = height / CROP_SIZE
    radius = round((side - 1) / 2 * scale)
    # as many square widths of holes to a picture, whatever its size and the rounding of the side
    area = ((2 * radius + 1) / side) ** 2
    drawn = torch.rand(
        len(like), 1, height, width, generator=generator, device=like.device, dtype=like.dtype
    )
    return 1 - dilate((drawn < fraction / area).to(like.dtype), radius)
