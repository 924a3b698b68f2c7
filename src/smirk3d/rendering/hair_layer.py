"""Strips of hair drawn over a picture of what carries them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.geometry.meshes import vertex_normals
from smirk3d.rasterization.base import Fragments, rasterize
from smirk3d.rasterization.picture_sampling import sampled
from smirk3d.rasterization.samples import points_seen
from smirk3d.rendering.complexion import Complexion
from smirk3d.rendering.hair_pictures import brow_alpha, lash_alpha
from smirk3d.rendering.materials import linear_to_srgb, srgb_to_linear
from smirk3d.rendering.picture_surface import BROWS, LASHES, PictureSurface

Values = NDArray[np.float32]
Ids = NDArray[np.int64]

_LIGHT_FROM_ABOVE = 0.45
"""How much darker hairs are on a strip that faces down."""


def hair_alpha(part: int, complexion: Complexion) -> Values:
    """Return the picture of hairs ``[H, W]`` in [0, 1] that strips of a part carry."""
    return brow_alpha(complexion.brow_shape) if part == BROWS else lash_alpha()


def draw_hair(
    surface: PictureSurface,
    points: Values,
    ndc: Values,
    seen: Ids,
    fine: int,
    complexion: Complexion,
) -> Values:
    """Return strips of hair as a picture ``[4, H, W]``, sRGB times alpha and alpha.

    Rows of strips that may lie before each other are drawn one by one: between the hairs of a
    strip the one behind it is seen.

    Args:
        surface: whose strips.
        points: the copies' positions ``[V', 3]`` in the viewer's frame.
        ndc: where they are seen ``[V', 3]``.
        seen: triangle of the surface that each ray sees ``[H fine, W fine]``, -1 for none.
        fine: rays a pixel and axis.
        complexion: colours and shapes.
    """
    height, width = np.array(seen.shape) // fine
    picture = np.zeros((4, height, width), np.float32)
    window = _window(ndc[surface.hair_faces.reshape(-1)], height, width)
    if window is None:
        return picture
    top, bottom, left, right = window
    # device coordinates of the window
    scale = np.array([width / (right - left), height / (bottom - top), 1], np.float32)
    middle = np.array([(left + right) / width - 1, (top + bottom) / height - 1, 0], np.float32)
    ndc = (ndc - middle) * scale
    seen = seen[top * fine : bottom * fine, left * fine : right * fine]
    normals = vertex_normals(points[None], surface.hair_faces)[0]
    attributes = np.column_stack([surface.hair_uv, normals, surface.alpha])
    layers, nearest = [], []
    for row in np.unique(surface.hair_row):
        strips = np.flatnonzero(surface.hair_row == row)
        fragments = rasterize(ndc[None], surface.hair_faces[strips], *seen.shape)
        part = surface.hair_part[strips][fragments.face_index.reshape(-1)[fragments.pixel]]
        pictures = {
            number: _reduced(hair_alpha(number, complexion), surface, strips, ndc, fragments)
            for number in (BROWS, LASHES)
        }
        hairs = _hairs(fragments.at_pixels(attributes[None]), part, complexion, pictures)
        layers.append(fragments.scatter(hairs * _clear(fragments, ndc, surface.faces, seen)))
        nearest.append(fragments.depth)
    drawn = _over_each_other(np.stack(layers), np.stack(nearest))[0]
    picture[:, top:bottom, left:right] = _averaged(drawn, fine)
    return picture


def _window(seen: Values, height: int, width: int) -> tuple[int, int, int, int] | None:
    """Return the part of a picture that holds points ``[N, 3]``: top, bottom, left, right.

    None if it holds none; in device coordinates that are not finite.
    """
    seen = seen[np.isfinite(seen).all(1), :2]
    if not len(seen):
        return None
    size = np.array([width, height])
    low = np.floor((seen.min(axis=0) + 1) / 2 * size).clip(0, size).astype(int)
    high = np.ceil((seen.max(axis=0) + 1) / 2 * size).clip(0, size).astype(int)
    if (high <= low).any():
        return None
    return int(low[1]), int(high[1]), int(low[0]), int(high[0])


def _clear(fragments: Fragments, ndc: Values, faces: Ids, seen: Ids) -> NDArray[np.bool_]:
    """Return whether nothing lies before the strips that covered rays meet ``[N]``.

    Args:
        fragments: of the rays.
        ndc: where the surface is seen ``[V', 3]``.
        faces: its triangles ``[F', 3]``.
        seen: the one that each ray of the picture sees ``[H, W]``, -1 for none.
    """
    face = seen.reshape(-1)[fragments.pixel]
    hidden = np.flatnonzero(face >= 0)
    row, column = np.divmod(fragments.pixel[hidden], seen.shape[1])
    behind = points_seen(ndc, faces, face[hidden], row + 0.5, column + 0.5, seen.shape)
    clear = np.ones(len(face), np.bool_)
    clear[hidden] = fragments.pixel_depth[hidden] <= behind.at(ndc[:, 2:])[0]
    return clear


def _averaged(picture: Values, fine: int) -> Values:
    """Return the means ``[C, H, W]`` of ``fine`` times ``fine`` rays of a picture."""
    total = np.zeros_like(picture[:, ::fine, ::fine])
    # sums of whole pictures: a mean over short axes takes ten times as long
    for row in range(fine):
        for column in range(fine):
            total += picture[:, row::fine, column::fine]
    return total / np.float32(fine * fine)


def _reduced(
    picture: Values, surface: PictureSurface, strips: Ids, ndc: Values, fragments: Fragments
) -> Values:
    """Return a picture of hairs with about a texel for each ray that sees it, in either direction.

    Rays that meet one texel of many would see some hairs and miss others: dots in place of lashes.

    Args:
        picture: ``[H, W]``.
        surface: whose strips.
        strips: numbers of its hair faces ``[S]`` that have the picture.
        ndc: where the copies are seen ``[V', 3]``.
        fragments: of the rays.
    """
    faces = surface.hair_faces[strips]
    height, width = fragments.depth.shape[-2:]
    places = ndc[faces, :2] * np.array([width / 2, height / 2], np.float32)
    texels = surface.hair_uv[faces] * np.array(picture.shape[::-1], np.float32)
    sides, steps = places[:, 1:] - places[:, :1], texels[:, 1:] - texels[:, :1]
    (a, b), (c, d) = sides.transpose(1, 2, 0)
    # the inverse of the sides times their determinant, which slivers have too
    inverse = np.array([[d, -b], [-c, a]])
    slopes = np.einsum("xsf,fst->xtf", inverse, steps)
    density = np.linalg.norm(slopes, axis=0).sum(1) / np.abs(a * d - b * c).sum().clip(1e-6)
    columns, rows = np.rint(density).clip(1, picture.shape[::-1]).astype(int).tolist()
    return np.asarray(Image.fromarray(picture).reduce((columns, rows)))


def _hairs(
    seen: Values, part: Ids, complexion: Complexion, pictures: Mapping[int, Values]
) -> Values:
    """Return sRGB times alpha and alpha ``[4, N]`` of strips.

    Args:
        seen: places in the strips' pictures, normals and opacity ``[6, N]``.
        part: of the strips ``[N]``.
        complexion: colours.
        pictures: of the hairs, by part.
    """
    alpha = np.zeros(len(part), np.float32)
    colour = np.zeros((3, len(part)), np.float32)
    for number, srgb in ((BROWS, complexion.brows), (LASHES, complexion.lashes)):
        chosen = np.flatnonzero(part == number)
        u, v = seen[:2, chosen]
        places = np.stack([2 * u - 1, 1 - 2 * v], 1)
        alpha[chosen] = sampled(pictures[number][None], places)[0]
        colour[:, chosen] = srgb_to_linear(np.array(srgb, np.float32))[:, None]
    alpha = alpha * seen[5].clip(0, 1)
    shade = 1 - _LIGHT_FROM_ABOVE * (0.5 - 0.5 * seen[3])
    colour = linear_to_srgb((colour * shade).clip(0, 1))
    return np.concatenate([colour * alpha, alpha[None]])


def _over_each_other(layers: Values, depth: Values) -> Values:
    """Return layers ``[L, 1, 4, H, W]`` laid over each other at each pixel, the nearest on top.

    Args:
        layers: sRGB times alpha and alpha.
        depth: of each ``[L, 1, H, W]``.
    """
    order = np.argsort(-depth, axis=0, kind="stable")[:, :, None]
    farthest, *others = np.take_along_axis(layers, order, axis=0)
    for layer in others:
        farthest = layer + farthest * (1 - layer[:, 3:])
    return np.asarray(farthest)
