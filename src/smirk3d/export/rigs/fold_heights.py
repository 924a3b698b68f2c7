"""The folds of a head's skin as one picture of heights, seen from the front.

Whoever draws it can bend normals while actions change: heights add up by how whole each fold is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.array_interface.torch_names import functional as F
from smirk3d.geometry.meshes import faces_within, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import rasterize
from smirk3d.rendering.folds import Relief, folds_of, has_folds

SIDE = 512
"""Texels of a side: the narrowest fold, of 1 mm, has three across."""
_CHANNELS = 3
"""Of a picture: red, green and blue are heights of three reliefs."""
_MARGIN = 0.01
"""Metres around all folds, beyond which none changes the skin."""


@dataclass(frozen=True)
class FoldHeights:
    """Heights of all folds.

    Attributes:
        picture: a PNG of squares one above the other, each with three reliefs.
        reliefs: each with the metres between the values 0 and 255 of its channel.
        place: where each vertex lies in the square ``[V, 3]``: to the right and downwards, as
            fractions, and 1 where it can have folds, else 0.
    """

    picture: bytes
    reliefs: tuple[tuple[Relief, float], ...]
    place: Tensor


def fold_heights(head: HeadModel) -> FoldHeights | None:
    """Return the heights of a head's folds, None on a head without them."""
    reliefs = folds_of(head).reliefs() if has_folds(head) else ()
    if not reliefs:
        return None
    rest, on_skin = head.v_template.cpu(), head.part.cpu() == PARTS.index("skin")
    skin = head.faces[faces_within(head.faces, on_skin)].cpu()
    lines = torch.cat([line for relief in reliefs for _, line in relief.grooves])[:, :2]
    low, high = lines.amin(0) - _MARGIN, lines.amax(0) + _MARGIN
    side = float((high - low).max())
    across = ((rest[:, :2] - (low + high) / 2) / side) * torch.tensor([1.0, -1.0])
    fragments = rasterize(torch.cat([2 * across, -rest[:, 2:]], 1)[None], skin, SIDE, SIDE)
    points = fragments.at_pixels(rest[None]).T
    heights = torch.stack([relief.heights(points) for relief in reliefs])
    least, most = heights.amin(1, keepdim=True), heights.amax(1, keepdim=True)
    # flat where nothing is drawn
    picture = fragments.scatter(heights)[0]
    steps = (picture - least[..., None]) / (most - least)[..., None]
    facing = on_skin & (vertex_normals(rest[None], head.faces.cpu())[0, :, 2] > 0)
    metres = ((most - least)[:, 0] * torch.tensor([relief.depth for relief in reliefs])).tolist()
    return FoldHeights(
        _png(steps),
        tuple(zip(reliefs, metres, strict=True)),
        torch.cat([across + 0.5, facing[:, None].float()], 1),
    )


def _png(channels: Tensor) -> bytes:
    """Return channels ``[K, S, S]`` in [0, 1] as squares of three, one above the other."""
    padded = F.pad(channels, (0, 0, 0, 0, 0, -len(channels) % _CHANNELS))
    squares = padded.reshape(-1, _CHANNELS, *channels.shape[1:]).permute(0, 2, 3, 1)
    pixels = (squares.flatten(0, 1).clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
