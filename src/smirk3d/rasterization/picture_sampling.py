"""Values of pictures between their pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, array_namespace, counted, portions

Values = NDArray[np.float32]


def sampled(picture: Values, places: Values) -> Values:
    """Return a picture's values ``[C, N]`` at places, mixed from the four pixels around each.

    Args:
        picture: ``[C, H, W]``.
        places: ``[N, 2]`` in device coordinates: x right, y down, -1 to 1 over the picture; those
            outside have the nearest pixel of its edge.
    """
    values = np.empty((len(picture), len(places)), picture.dtype)
    for some in portions(len(places)):
        _sample(picture, places[some], values[:, some])
    return values


def _sample(picture: Values, places: Values, values: Values) -> None:
    """Write a picture's values at places ``[N, 2]`` into an array ``[C, N]``."""
    height, width = picture.shape[1:]
    x = ((places[:, 0] + 1) * (width / 2) - 0.5).clip(0, width - 1)
    y = ((places[:, 1] + 1) * (height / 2) - 0.5).clip(0, height - 1)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    along, down = (x - left).astype(picture.dtype), (y - top).astype(picture.dtype)
    above, under = (row * width for row in (top, below))
    corners = above + left, above + right, under + left, under + right
    # one channel after another, by flat indices: several times as fast as two indices at once
    for channel, sampled_values in zip(picture.reshape(len(picture), -1), values, strict=True):
        a, b, c, d = (channel.take(corner) for corner in corners)
        upper, lower = a * (1 - along) + b * along, c * (1 - along) + d * along
        sampled_values[:] = upper * (1 - down) + lower * down


def nearest_pixels(pictures: Array, places: Array) -> Array:
    """Return the values ``[B, N]`` of the pixels ``[B, H, W]`` that places lie in, 0 outside.

    Args:
        pictures: ``[B, H, W]``.
        places: ``[B, N, 2]`` in device coordinates, as :func:`sampled` takes them.
    """
    xp = array_namespace(pictures)
    batch, height, width = pictures.shape
    column = xp.round((places[..., 0] + 1) * (width / 2) - 0.5)
    row = xp.round((places[..., 1] + 1) * (height / 2) - 0.5)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    row, column = (xp.astype(xp.where(inside, at, 0.0), xp.int64) for at in (row, column))
    image = counted(batch, row)[:, None]
    return pictures[image, row, column] * inside
