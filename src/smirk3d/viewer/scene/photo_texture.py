"""The skin in the photo's colours: projected where seen, mirrored where hidden.

Towards the face's edge and on all that the photo does not show, the colours fade into the skin's:
hair, collars and what stands behind a head would be painted on its skin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.array_interface.torch_names import functional as F
from smirk3d.export.rigs.surface import Primitive, primitives
from smirk3d.geometry.meshes import mirrored_vertices, smoothed, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import rasterize
from smirk3d.rendering.picture_surface import soft_region

Picture = NDArray[np.uint8]

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
    mirror: Tensor
    faces: Tensor
    face: Tensor


def skin_map(head: HeadModel) -> SkinMap:
    """Return the map of a head; its sides are matched on the template."""
    skin = next(part for part in primitives(head) if part.part == "skin")
    rest = head.v_template.cpu()
    ids = (head.part == PARTS.index("skin")).nonzero()[:, 0].cpu()
    mirror = torch.arange(len(rest))
    mirror[ids] = ids[mirrored_vertices(rest[ids])]
    uv = torch.stack([_evened(skin.uv[:, axis].cpu()) for axis in (0, 1)], 1)
    faces, face = head.faces.cpu(), torch.ones(len(rest))
    if "face" in head.regions:
        face = soft_region(faces, head.regions["face"].cpu(), _FADE_RINGS)
    return SkinMap(replace(skin, uv=uv), mirror, faces, face)


def _evened(values: Tensor) -> Tensor:
    """Return coordinates ``[U]`` moved, in their order, to where they are spaced more evenly.

    Heads spend their vertices on the face and their texture on the scalp.
    """
    _, where = values.unique(return_inverse=True)
    counts = torch.bincount(where).double()
    rank = (counts.cumsum(0) - counts / 2) / counts.sum()
    return (_MARGIN + (1 - 2 * _MARGIN) * rank)[where].float()


@torch.no_grad()
def skin_texture(parts: SkinMap, positions: Tensor, picture: Picture) -> Picture:
    """Return the skin's texture uint8 ``[1024, 1024, 3]``, v upwards.

    Surface that the picture shows takes its colours; surface that faces away or is hidden takes the
    other side's; what neither side shows takes those of the nearest surface that is seen.

    Args:
        parts: the head's map.
        positions: ``[V, 3]`` in the picture's pixels, z away from the viewer.
        picture: ``[H, W, 3]``.
    """
    height, width = picture.shape[:2]
    colours = torch.from_numpy(picture).permute(2, 0, 1).float()[None] / 255
    seen = _seen(parts, positions, width, height)
    plane = positions[:, :2] * torch.tensor([2 / width, 2 / height]) - 1
    diffused = _diffused_colours(parts, plane, seen, colours)
    ids = parts.skin.vertex_ids.cpu()
    other = parts.mirror[ids]
    uv = parts.skin.uv.cpu()
    flat = torch.stack([uv[:, 0] * 2 - 1, 1 - uv[:, 1] * 2, torch.zeros(len(uv))], 1)
    fragments = rasterize(flat[None], parts.skin.faces.cpu(), _SIDE, _SIDE)
    attributes = torch.cat(
        [plane[ids], plane[other], seen[ids, None], seen[other, None], diffused[ids]], 1
    )
    texel = fragments.at_pixels(attributes[None])
    here, there = _sampled(colours, texel[:2].T), _sampled(colours, texel[2:4].T)
    own, mirrored = texel[4], (1 - texel[4]) * texel[5]
    rest = 1 - own - mirrored
    colour = own * here + mirrored * there + rest * texel[6:9]
    texture = _widened(fragments.scatter(colour)[0], fragments.mask[0])
    return (texture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()


def _seen(parts: SkinMap, positions: Tensor, width: int, height: int) -> Tensor:
    """Return how far the picture shows each vertex, ``[V]`` from 0 to 1."""
    towards = positions * torch.tensor([1.0, -1.0, -1.0])
    facing = vertex_normals(towards[None], parts.faces)[0, :, 2]
    low, high = _FACING
    weight = ((facing - low) / (high - low)).clamp(0, 1)
    corner, size = positions[:, :2].amin(0), float((positions.amax(0) - positions.amin(0)).max())
    local = torch.cat([(positions[:, :2] - corner) * (2 / size) - 1, positions[:, 2:]], 1)
    depth = rasterize(local[None], parts.faces, _DEPTH_SIDE, _DEPTH_SIDE).depth[0]
    pixel = ((local[:, :2] + 1) * (_DEPTH_SIDE / 2)).long().clamp(0, _DEPTH_SIDE - 1)
    nearest = depth[pixel[:, 1], pixel[:, 0]]
    clear = positions[:, 2] < nearest + _NEARER * size
    inside = ((positions[:, :2] > 1) & (positions[:, :2] < torch.tensor([width, height]) - 1)).all(
        1
    )
    weight = weight * (clear & inside)
    soft = smoothed(weight[:, None], parts.faces, rounds=_EDGE_ROUNDS)[:, 0]
    # the edge softens inwards, so that hidden surface stays hidden
    return torch.minimum(weight, soft * soft * (3 - 2 * soft)) * parts.face


def _diffused_colours(parts: SkinMap, plane: Tensor, seen: Tensor, colours: Tensor) -> Tensor:
    """Return colours ``[V, 3]`` that diffuse from the surface that is seen over all of it."""
    weight = torch.maximum(seen, seen[parts.mirror])[:, None]
    shown = _sampled(colours, plane).T
    there = _sampled(colours, plane[parts.mirror]).T
    colour = torch.where((seen >= seen[parts.mirror])[:, None], shown, there)
    diffused = smoothed(torch.cat([colour * weight, weight], 1), parts.faces, _DIFFUSION_ROUNDS)
    fraction = (diffused[:, 3:] / 1e-3).clamp(0, 1)
    mean = (colour * weight).sum(0) / weight.sum().clamp(min=1e-6)
    return fraction * diffused[:, :3] / diffused[:, 3:].clamp(min=1e-6) + (1 - fraction) * mean


def _sampled(colours: Tensor, plane: Tensor) -> Tensor:
    """Return the picture's colours ``[3, N]`` at device coordinates ``[N, 2]``."""
    grid = plane[None, None].float()
    return F.grid_sample(colours, grid, padding_mode="border", align_corners=False)[0, :, 0]


def _widened(texture: Tensor, mask: Tensor) -> Tensor:
    """Return the texture with its islands widened by some texels, for filters at their edges."""
    inside = mask[None, None].float()
    picture = texture[None]
    for _ in range(8):
        weight = F.avg_pool2d(inside, 3, stride=1, padding=1)
        mean = F.avg_pool2d(picture * inside, 3, stride=1, padding=1) / weight.clamp(min=1e-6)
        picture = torch.where(inside > 0, picture, mean)
        inside = (weight > 0).float()
    return picture[0]
