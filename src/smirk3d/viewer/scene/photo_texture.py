"""The skin in the photo's colours: projected where seen, mirrored where hidden.

Towards the face's edge and on all that the photo does not show, the colours fade into the skin's:
hair, collars and what stands behind a head would be painted on its skin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.export.rigs.surface import Primitive, primitives
from smirk3d.geometry.meshes import mirrored_vertices, smoothed, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import rasterize
from smirk3d.rasterization.picture_sampling import sampled
from smirk3d.rendering.layers import from_uint8, to_uint8
from smirk3d.rendering.picture_surface import soft_region

Picture = NDArray[np.uint8]
Values = NDArray[np.float32]
Ids = NDArray[np.int64]

_SIDE = 1024
"""Side of the skin's texture; a choice, about what a photo shows of a face."""
_MARGIN = 0.01
"""Texture left free at the border, against colours of the far edge."""
_DEPTH_SIDE = 384
"""Side of the depth picture; set by hand together with :data:`_NEARER`."""
_FACING = (0.15, 0.45)
"""Cosine to the viewer from which a surface counts as seen, and at which it counts fully."""
_NEARER = 0.03
"""Depth, as a fraction of the head's height, by which something else must be nearer to hide."""
_DIFFUSION_ROUNDS = 400
"""Rounds over neighbours. The farthest skin of the default head lies 15 edges from the face; the
many rounds make its colours even. Set by eye."""
_FADE_RINGS = 4
"""Rows of triangles over which the photo fades at the face's edge; set by eye."""
FACE_EDGE = 0.6
"""Fraction within the face at which it is cut out over its photo, and from which it has the photo's
colours alone: a face that fades farther in would show its outline. Set by eye."""
_OWN_COLOURS = 4
"""Power of the visibility by which skin is cut out: it then has 0.88 of the photo's colours at
:data:`FACE_EDGE`, little enough of the skin's to be seen; set by eye."""
_WIDENED = 8
"""Texels by which the texture's islands are widened; smoothed pictures look no farther."""
_EDGE_ROUNDS = 3
"""Rounds that soften the edge of what the photo shows; set by eye."""


@dataclass(frozen=True, eq=False)
class SkinMap:
    """The parts of a head that texturing uses.

    Attributes:
        skin: its vertices, triangles and texture coordinates, the latter spaced evenly.
        mirror: the head's vertex on the other side, for each ``[V]``.
        faces: triangles of all parts ``[F, 3]``, which hide each other.
        face: how far each vertex is within the face ``[V]``, from 0 to 1; 1 on heads that do not
            say where it is.
    """

    skin: Primitive
    mirror: Ids
    faces: Ids
    face: Values


def skin_map(head: HeadModel) -> SkinMap:
    """Return the map of a head; its sides are matched on the template."""
    head = head.to_numpy()
    skin = next(part for part in primitives(head) if part.part == "skin")
    rest = head.v_template
    ids = np.flatnonzero(head.part == PARTS.index("skin"))
    mirror = np.arange(len(rest))
    mirror[ids] = ids[mirrored_vertices(rest[ids])]
    uv = np.stack([_evened(skin.uv[:, axis]) for axis in (0, 1)], 1)
    face = np.ones(len(rest), np.float32)
    if "face" in head.regions:
        face = soft_region(head.faces, head.regions["face"], _FADE_RINGS)
    return SkinMap(replace(skin, uv=uv), mirror, head.faces, face)


def _evened(values: Values) -> Values:
    """Return coordinates ``[U]`` moved, in their order, to where they are spaced more evenly.

    Heads spend their vertices on the face and their texture on the scalp.
    """
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = (counts.cumsum() - counts / 2) / counts.sum()
    evened: Values = (_MARGIN + (1 - 2 * _MARGIN) * rank)[where].astype(np.float32)
    return evened


def skin_texture(parts: SkinMap, positions: Values, picture: Picture) -> tuple[Picture, Values]:
    """Return the skin's texture, and how far the skin is within what is laid over the photo.

    The texture is uint8 ``[1024, 1024, 3]``, v upwards.

    Surface that the picture shows takes its colours; surface that faces away or is hidden takes the
    other side's; what neither side shows takes those of the nearest surface that is seen.

    Args:
        parts: the head's map.
        positions: ``[V, 3]`` in the picture's pixels, z away from the viewer.
        picture: ``[H, W, 3]``.

    Returns:
        The texture, and the fraction ``[U]`` of each of the skin's vertices by which the face is
        cut out.
    """
    height, width = picture.shape[:2]
    colours = from_uint8(picture)
    seen = _seen(parts, positions, width, height)
    plane = positions[:, :2] * np.array([2 / width, 2 / height], np.float32) - 1
    diffused = _diffused_colours(parts, plane, seen, colours)
    ids, uv = parts.skin.vertex_ids, parts.skin.uv
    other = parts.mirror[ids]
    flat = np.stack([uv[:, 0] * 2 - 1, 1 - uv[:, 1] * 2, np.zeros_like(uv[:, 0])], 1)
    fragments = rasterize(flat[None], parts.skin.faces, _SIDE, _SIDE)
    attributes = np.column_stack([plane[ids], plane[other], seen[ids], seen[other], diffused[ids]])
    texel = fragments.at_pixels(attributes[None])
    here, there = sampled(colours, texel[:2].T), sampled(colours, texel[2:4].T)
    own, mirrored = texel[4], (1 - texel[4]) * texel[5]
    rest = 1 - own - mirrored
    colour = own * here + mirrored * there + rest * texel[6:9]
    # browsers average over ever larger squares of texels, beyond any margin of the islands
    mean = colour.mean(1)[:, None, None]
    texture, covered = _widened(fragments.scatter(colour)[0], fragments.mask[0])
    return to_uint8(texture + mean * ~covered), _cut_out(parts, seen)


def _cut_out(parts: SkinMap, seen: Values) -> Values:
    """Return how far each of the skin's vertices is within what is laid over the photo ``[U]``.

    It is the face, without places at its edge that the photo hides or shows edge-on: they have the
    skin's colour, and would be seen beside the photo's.
    """
    shown = seen**_OWN_COLOURS
    within = np.where(parts.face < 1, np.minimum(parts.face, shown), parts.face)
    return within[parts.skin.vertex_ids]


def _seen(parts: SkinMap, positions: Values, width: int, height: int) -> Values:
    """Return how far the picture shows each vertex, ``[V]`` from 0 to 1."""
    towards = positions * np.array([1, -1, -1], np.float32)
    facing = vertex_normals(towards[None], parts.faces)[0, :, 2]
    low, high = _FACING
    weight = ((facing - low) / (high - low)).clip(0, 1)
    corner, size = positions[:, :2].min(axis=0), float(np.ptp(positions, axis=0).max())
    local = np.column_stack([(positions[:, :2] - corner) * (2 / size) - 1, positions[:, 2]])
    depth = rasterize(local[None], parts.faces, _DEPTH_SIDE, _DEPTH_SIDE).depth[0]
    pixel = ((local[:, :2] + 1) * (_DEPTH_SIDE / 2)).astype(np.int64).clip(0, _DEPTH_SIDE - 1)
    nearest = depth[pixel[:, 1], pixel[:, 0]]
    clear = positions[:, 2] < nearest + _NEARER * size
    shown = (positions[:, :2] > 1) & (positions[:, :2] < np.array([width - 1, height - 1]))
    weight = weight * (clear & shown.all(1))
    soft = smoothed(weight[:, None], parts.faces, rounds=_EDGE_ROUNDS)[:, 0]
    # the edge softens inwards, so that hidden surface stays hidden
    whole = (parts.face / FACE_EDGE).clip(0, 1)
    return np.minimum(weight, soft * soft * (3 - 2 * soft)) * whole


def _diffused_colours(parts: SkinMap, plane: Values, seen: Values, colours: Values) -> Values:
    """Return colours ``[V, 3]`` that diffuse from the surface that is seen over all of it."""
    weight = np.maximum(seen, seen[parts.mirror])[:, None]
    shown, there = sampled(colours, plane).T, sampled(colours, plane[parts.mirror]).T
    colour = np.where((seen >= seen[parts.mirror])[:, None], shown, there)
    both = np.concatenate([colour * weight, weight], 1)
    diffused: Values = smoothed(both, parts.faces, _DIFFUSION_ROUNDS)
    fraction = (diffused[:, 3:] / 1e-3).clip(0, 1)
    mean = (colour * weight).sum(0) / max(float(weight.sum()), 1e-6)
    return fraction * diffused[:, :3] / diffused[:, 3:].clip(1e-6) + (1 - fraction) * mean


def _widened(texture: Values, mask: NDArray[np.bool_]) -> tuple[Values, NDArray[np.bool_]]:
    """Return the texture with its islands widened by some texels, and where it has a colour then.

    Smoothing pictures reaches over the edges of islands.
    """
    inside = mask.astype(np.float32)
    picture = texture.transpose(1, 2, 0)
    for _ in range(_WIDENED):
        weight, total = (_around(values) for values in (inside, picture * inside[..., None]))
        mean = total / weight.clip(1e-6)[..., None]
        picture = np.where(inside[..., None] > 0, picture, mean)
        inside = (weight > 0).astype(np.float32)
    return picture.transpose(2, 0, 1), inside > 0


def _around(values: Values) -> Values:
    """Return the sums ``[H, W, ...]`` of each texel's square of nine; there is none outside."""
    sums = cv2.boxFilter(values, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)
