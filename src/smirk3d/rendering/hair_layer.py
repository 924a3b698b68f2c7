"""Strips of hair drawn over a picture of what carries them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.geometry.meshes import vertex_normals
from smirk3d.rasterization.base import rasterize
from smirk3d.rasterization.picture_sampling import sampled
from smirk3d.rendering.complexion import Complexion
from smirk3d.rendering.hair_pictures import brow_alpha, lash_alpha
from smirk3d.rendering.materials import linear_to_srgb, srgb_to_linear
from smirk3d.rendering.picture_surface import BROWS, LASHES, PictureSurface

Values = NDArray[np.float32]

_LIGHT_FROM_ABOVE = 0.45
"""How much darker hairs are on a strip that faces down."""


def hair_alpha(part: int, complexion: Complexion) -> Values:
    """Return the picture of hairs ``[H, W]`` in [0, 1] that strips of a part carry."""
    return brow_alpha(complexion.brow_shape) if part == BROWS else lash_alpha()


def draw_hair(
    surface: PictureSurface, points: Values, ndc: Values, depth: Values, complexion: Complexion
) -> Values:
    """Return strips of hair as a picture ``[1, 4, H, W]``, sRGB times alpha and alpha.

    Args:
        surface: whose strips.
        points: the copies' positions ``[V', 3]`` in the viewer's frame.
        ndc: where they are seen ``[V', 3]``.
        depth: of what hides them ``[1, H, W]``, infinite where nothing does.
        complexion: colours and shapes.
    """
    height, width = depth.shape[1:]
    fragments = rasterize(ndc[None], surface.hair_faces, height, width)
    normals = vertex_normals(points[None], surface.hair_faces)[0]
    seen = fragments.at_pixels(np.column_stack([surface.hair_uv, normals, surface.alpha])[None])
    part = surface.hair_part[fragments.face_index.reshape(-1)[fragments.pixel]]
    alpha = np.zeros(len(part), np.float32)
    colour = np.zeros((3, len(part)), np.float32)
    for number, srgb in ((BROWS, complexion.brows), (LASHES, complexion.lashes)):
        chosen = np.flatnonzero(part == number)
        u, v = seen[:2, chosen]
        places = np.stack([2 * u - 1, 1 - 2 * v], 1)
        alpha[chosen] = sampled(hair_alpha(number, complexion)[None], places)[0]
        colour[:, chosen] = srgb_to_linear(np.array(srgb, np.float32))[:, None]
    nearest = (fragments.weights * fragments.corner_depth).sum(0)
    hidden = nearest > depth.reshape(-1)[fragments.pixel]
    alpha = alpha * ~hidden * seen[5].clip(0, 1)
    shade = 1 - _LIGHT_FROM_ABOVE * (0.5 - 0.5 * seen[3])
    colour = linear_to_srgb((colour * shade).clip(0, 1))
    layer: Values = fragments.scatter(np.concatenate([colour * alpha, alpha[None]]))
    return layer
