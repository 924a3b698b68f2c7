"""Strips of hair drawn over a picture of what carries them."""

from __future__ import annotations

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.array_interface.torch_names import functional as F
from smirk3d.geometry.meshes import vertex_normals
from smirk3d.rasterization.base import rasterize
from smirk3d.rendering.complexion import Complexion
from smirk3d.rendering.hair_pictures import brow_alpha, lash_alpha
from smirk3d.rendering.materials import linear_to_srgb, srgb_to_linear
from smirk3d.rendering.picture_surface import BROWS, LASHES, PictureSurface

_LIGHT_FROM_ABOVE = 0.45
"""How much darker hairs are on a strip that faces down."""


def hair_alpha(part: int, complexion: Complexion) -> Tensor:
    """Return the picture of hairs ``[H, W]`` in [0, 1] that strips of a part carry."""
    return brow_alpha(complexion.brow_shape) if part == BROWS else lash_alpha()


def draw_hair(
    surface: PictureSurface, points: Tensor, ndc: Tensor, depth: Tensor, complexion: Complexion
) -> Tensor:
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
    seen = fragments.at_pixels(
        torch.cat([surface.hair_uv, normals, surface.alpha[:, None]], 1)[None]
    )
    part = surface.hair_part[fragments.face_index.view(-1)[fragments.pixel]]
    alpha = torch.zeros(len(part))
    colour = torch.zeros(3, len(part))
    for number, srgb in ((BROWS, complexion.brows), (LASHES, complexion.lashes)):
        chosen = (part == number).nonzero()[:, 0]
        alpha[chosen] = _looked_up(hair_alpha(number, complexion), seen[:2, chosen])
        colour[:, chosen] = srgb_to_linear(torch.tensor(srgb))[:, None]
    nearest = (fragments.weights * fragments.corner_depth).sum(0)
    hidden = nearest > depth.view(-1)[fragments.pixel]
    alpha = alpha * ~hidden * seen[5].clamp(0, 1)
    shade = 1 - _LIGHT_FROM_ABOVE * (0.5 - 0.5 * seen[3])
    colour = linear_to_srgb((colour * shade).clamp(0, 1))
    return fragments.scatter(torch.cat([colour * alpha, alpha[None]]))


def _looked_up(picture: Tensor, uv: Tensor) -> Tensor:
    """Return a picture's values ``[N]`` at places ``[2, N]``, v upwards."""
    grid = torch.stack([2 * uv[0] - 1, 1 - 2 * uv[1]], -1)
    found = F.grid_sample(
        picture[None, None], grid[None, None], padding_mode="border", align_corners=False
    )
    return found[0, 0, 0]
