"""The check of images before networks take them."""

from __future__ import annotations

from smirk3d.array_interface import Array, is_floating, is_torch
from smirk3d.errors import UsageError

_SLACK = 0.5
"""Distance from [0, 1] that values may have: resampling overshoots by less, and 0 to 255 or
normalized pictures exceed it."""


def check_images(images: Array, *, values: bool = True) -> None:
    """Refuse images that are not floating-point numbers in [0, 1].

    Args:
        images: pictures of any shape.
        values: whether the values are checked too; that waits for the device.

    Raises:
        UsageError: if the images hold integers, not-a-number, or values far outside [0, 1].
    """
    if not is_floating(images):
        raise UsageError(
            f"images must be floating-point numbers in [0, 1], got {images.dtype}: "
            "divide uint8 pictures by 255"
        )
    if not values or not all(images.shape) or (is_torch(images) and images.is_meta):
        return
    low, high = float(images.min()), float(images.max())
    if not -_SLACK <= low <= high <= 1 + _SLACK:
        raise UsageError(f"images must lie in [0, 1], got values from {low:.4g} to {high:.4g}")
