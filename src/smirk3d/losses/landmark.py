"""Distances between landmarks of the mesh and of the photo."""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.errors import check_shape


def landmark_weights(sigma: Tensor, noise: float) -> Tensor:
    """Return the weight of each landmark ``[L]``: 1 if it lies exactly on the mesh, else less.

    ``noise^2 / (sigma^2 + noise^2)``: the inverse variance of a landmark that the detector places
    with ``noise`` on a point that the head's embedding places with ``sigma``.

    Args:
        sigma: standard deviation of the embedding ``[L]``, as ``head.landmark_sigma``.
        noise: standard deviation of the detector, in the same unit (metres).
    """
    return noise**2 / (sigma**2 + noise**2)


def landmark_loss(
    predicted: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    valid: Tensor | None = None,
) -> Tensor:
    """Return the weighted mean squared difference of coordinates, a scalar.

    The mean runs over all coordinates of the batch that are valid, by weight; with neither given it
    is SMIRK's landmark loss. Without any valid landmark it is 0. In device coordinates of a 224
    crop, 1 pixel off in x and y is 8e-5.

    Args:
        predicted: landmarks ``[B, L, D]``, D of 2 or 3.
        target: landmarks ``[B, L, D]`` in the same frame; anything, NaN too, where not valid.
        weight: weights ``[L]``, see :func:`landmark_weights`, times those of regions.
        valid: mask ``[B, L]``, 1 or true where the target is to be trusted.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(predicted, "B L D", "predicted")
    check_shape(target, "B L D", "target", **sizes)
    fraction = predicted.new_ones(sizes["B"], sizes["L"])
    if weight is not None:
        check_shape(weight, "L", "weight", L=sizes["L"])
        fraction = fraction * weight
    if valid is not None:
        check_shape(valid, "B L", "valid", B=sizes["B"], L=sizes["L"])
        fraction = fraction * valid
        target = torch.where(valid.bool()[..., None], target, 0.0)
    squared = (predicted - target).square().mean(-1)
    return (fraction * squared).sum() / fraction.sum().clamp(min=1e-12)
