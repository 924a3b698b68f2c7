"""Pictures of heads in clay, from any side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from smirk3d.array_interface import Array, to_numpy
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.rendering.folds import Slopes
from smirk3d.rendering.layers import CLAY, Picture, Style, Values, composite, draw_layer, to_uint8
from smirk3d.rendering.light_visibility import Occlusion
from smirk3d.rendering.photo_colours import PhotoSkin
from smirk3d.rendering.picture_surface import (
    SKIN,
    Topology,
    rigid_rotation,
    surface_of,
)

_BACKDROP = ((0.962, 0.964, 0.968), (0.850, 0.857, 0.870))
"""sRGB of the background's top and bottom; chosen by eye."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The viewpoint of a picture of a head, and the head's size in it.

    Attributes:
        yaw: rotation about the vertical axis in radians; positive shows the subject's right side.
        pitch: rotation about the horizontal axis in radians; positive shows the crown.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        fill: fraction of the picture that the head takes, in its tighter direction.
        distance: of the viewer, in metres.
        backdrop: stand before a light backdrop; else transparent.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    height: int = 640
    width: int = 512
    fill: float = 0.86
    distance: float = 1.1
    backdrop: bool = True


FRONT = View()


def clay(
    head: Topology,
    vertices: Array,
    view: View = FRONT,
    style: Style = CLAY,
    photo: PhotoSkin | None = None,
    slopes: Slopes | None = None,
    occlusion: Occlusion | None = None,
) -> Picture:
    """Return a picture of a head in clay, uint8 ``[H, W, 3]``, or ``[H, W, 4]`` if transparent.

    Args:
        head: for faces and parts.
        vertices: ``[V, 3]`` in metres, head axes; without head pose (:func:`facing_viewer`) the
            view's angles are the head's.
        view: the viewpoint.
        style: how to draw.
        photo: whose colours the skin takes, if it shall be drawn in those.
        slopes: of the face's folds (:func:`~smirk3d.rendering.folds.face_slopes`).
        occlusion: what light reaches the vertices, where it was computed before.

    Raises:
        ShapeError: if the vertices are not the head's.
    """
    surface = surface_of(head, None, style.refinements)
    vertices = to_numpy(vertices).astype(np.float32)
    size = (view.height, view.width)
    centre, scale = _frame(surface.refine(vertices), view)
    rotations = axis_angle_to_matrix(np.array([[view.pitch, 0, 0], [0, view.yaw, 0]], np.float32))
    turn = rotations[0] @ rotations[1]
    seen = (vertices - centre) @ turn.T
    place = partial(_perspective, scale=scale, view=view)
    turned = occlusion.turned(turn) if occlusion is not None else None
    layer = draw_layer(
        surface, seen, place, size, style, photo=photo, slopes=slopes, occlusion=turned
    )
    return to_uint8(composite(backdrop_gradient(*size), layer) if view.backdrop else layer)


def turntable(
    head: Topology,
    vertices: Array,
    yaws: Sequence[float],
    view: View = FRONT,
    style: Style = CLAY,
) -> list[Picture]:
    """Return :func:`clay`'s pictures of a head at several yaws, in radians."""
    return [clay(head, vertices, replace(view, yaw=yaw), style) for yaw in yaws]


def facing_viewer(head: Topology, vertices: Array) -> Values:
    """Return posed vertices ``[V, 3]`` rotated so that the head faces the viewer upright."""
    vertices = to_numpy(vertices).astype(np.float32)
    turned: Values = (vertices - vertices.mean(0)) @ facing_rotation(head, vertices).T
    return turned


def facing_rotation(head: Topology, vertices: Array) -> Values:
    """Return the rotation ``[3, 3]`` by which posed vertices ``[V, 3]`` face the viewer upright."""
    skin = to_numpy(head.part) == SKIN
    rest, posed = (to_numpy(v).astype(np.float32)[skin] for v in (head.v_template, vertices))
    return rigid_rotation(rest, posed).T


def _frame(vertices: Values, view: View) -> tuple[Values, float]:
    """Return the point to look at and the pixels to a metre, the same for all yaws."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centre = (low + high) / 2
    around = float(np.linalg.norm((vertices - centre)[:, [0, 2]], axis=1).max())
    above = float((high - low)[1] / 2)
    return centre, min(view.width / around, view.height / above) * view.fill / 2


def _perspective(points: Values, scale: float, view: View) -> Values:
    """Return picture positions ``[N, 3]`` of points in the viewer's frame."""
    factor = view.distance / (view.distance - points[:, 2:]).clip(0.1 * view.distance)
    x, y = (points[:, :2] * factor * scale).T
    return np.stack([view.width / 2 + x, view.height / 2 - y, -factor[:, 0]], 1)


def backdrop_gradient(height: int, width: int) -> Values:
    """Return the light backdrop of clay pictures, ``[3, H, W]`` in [0, 1]."""
    top, bottom = np.array(_BACKDROP, np.float32)[:, :, None, None]
    fade = np.linspace(0, 1, height, dtype=np.float32)[None, :, None]
    return np.repeat(top + fade * (bottom - top), width, axis=2)
