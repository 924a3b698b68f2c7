"""A perspective camera around the scaled-orthographic one of fits.

A camera at distance d along the ray to the head's origin shows a posed point ``p`` at
``scale * p_xy / (1 - p_z / d) + shift``; ``1 / d``, the nearness, is 0 for a scaled-orthographic
camera.
"""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace

NEARNESS_MEAN, NEARNESS_STD = 1.3, 0.83
"""Of 1 / d in 1/m for distances drawn evenly in their logarithm from 0.3 to 3 m."""
NEAREST = 4.0
"""Largest nearness in 1/m: a camera at 0.25 m."""


def perspective(posed: Array, view: Array, nearness: Array) -> tuple[Array, Array]:
    """Return points in ndc with y up, and the enlargement of each by its depth.

    Args:
        posed: points ``[B, P, 3]`` in metres, rotated.
        view: scale and the origin's place ``[B, 3]`` (``FitState.view``).
        nearness: ``[B, 1]`` in 1/m.
    """
    enlarged = 1 / (1 - nearness[:, :, None] * posed[..., 2:]).clip(0.2, None)
    return view[:, None, :1] * posed[..., :2] * enlarged + view[:, None, 1:], enlarged


def nearest_view(posed: Array, seen: Array) -> Array:
    """Return the scaled-orthographic view ``[B, 3]`` with least squared distance.

    Args:
        posed: points ``[B, P, 3]`` in metres, rotated.
        seen: where they are seen ``[B, P, 2]`` in ndc with y up.
    """
    flat = posed[..., :2]
    middle, mean = flat.mean(1), seen.mean(1)
    centred = flat - middle[:, None]
    scale = (centred * (seen - mean[:, None])).sum((1, 2)) / (centred * centred).sum((1, 2))
    shift = mean - scale[:, None] * middle
    return array_namespace(shift).concat([scale[:, None], shift], axis=1)


def perspective_view(posed: Array, view: Array, nearness: Array) -> Array:
    """Return the perspective view ``[B, 3]`` that shows points most like an orthographic one."""
    enlarged = 1 / (1 - nearness[:, :, None] * posed[..., 2:]).clip(0.2, None)
    seen = view[:, None, :1] * posed[..., :2] + view[:, None, 1:]
    near = [posed[..., :2] * enlarged, posed[..., 2:]]
    return nearest_view(array_namespace(posed).concat(near, axis=-1), seen)
