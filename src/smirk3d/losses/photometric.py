"""Distances between pictures, pixel by pixel."""

from __future__ import annotations

from torch import Tensor

from smirk3d.errors import check_shape


def masked_l1(predicted: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean absolute difference over the masked pixels and channels, a scalar.

    The mean runs over the whole batch by the mask's weight; under an empty mask it is 0.

    Args:
        predicted: ``[B, C, H, W]``.
        target: ``[B, C, H, W]``.
        mask: weights ``[B, 1, H, W]``; all pixels count by default, as in SMIRK.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(predicted, "B C H W", "predicted")
    check_shape(target, "B C H W", "target", **sizes)
    difference = (predicted - target).abs()
    if mask is None:
        return difference.mean()
    check_shape(mask, "B 1 H W", "mask", B=sizes["B"], H=sizes["H"], W=sizes["W"])
    return (difference * mask).sum() / (mask.sum() * sizes["C"]).clamp(min=1e-12)
