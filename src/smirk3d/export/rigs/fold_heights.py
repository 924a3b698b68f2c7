"""The folds of a head's skin as one picture of heights, seen from the front.

Whoever draws it can bend normals while actions change: heights add up by how whole each fold is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.geometry.meshes import faces_within, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import rasterize
from smirk3d.rendering.folds import Relief, folds_of, has_folds

Values = NDArray[np.float32]

SIDE = 512
"""Texels of a side: the narrowest fold, of 1 mm, has three across."""
_CHANNELS = 3
"""Of a picture: red, green and blue are heights of three reliefs."""
_MARGIN = 0.013
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
    place: Values


def fold_heights(head: HeadModel) -> FoldHeights | None:
    """Return the heights of a head's folds, None on a head without them."""
    reliefs = folds_of(head).reliefs() if has_folds(head) else ()
    if not reliefs:
        return None
    own = head.to_numpy()
    rest, on_skin = own.v_template, own.part == PARTS.index("skin")
    skin = own.faces[faces_within(own.faces, on_skin)]
    lines = np.concatenate([line for relief in reliefs for _, line in relief.grooves])[:, :2]
    low, high = lines.min(axis=0) - _MARGIN, lines.max(axis=0) + _MARGIN
    side = float((high - low).max())
    across = ((rest[:, :2] - (low + high) / 2) / side) * np.array([1, -1], np.float32)
    fragments = rasterize(np.column_stack([2 * across, -rest[:, 2]])[None], skin, SIDE, SIDE)
    points = fragments.at_pixels(rest[None]).T
    heights = np.stack([relief.heights(points) for relief in reliefs])
    least, most = heights.min(axis=1), heights.max(axis=1)
    # flat where nothing is drawn
    picture = fragments.scatter(heights)[0]
    steps = (picture - least[:, None, None]) / (most - least)[:, None, None]
    facing = on_skin & (vertex_normals(rest[None], own.faces)[0, :, 2] > 0)
    metres = [
        float(reach) * relief.depth for relief, reach in zip(reliefs, most - least, strict=True)
    ]
    return FoldHeights(
        _png(steps),
        tuple(zip(reliefs, metres, strict=True)),
        np.column_stack([across + 0.5, facing]).astype(np.float32),
    )


def _png(channels: Values) -> bytes:
    """Return channels ``[K, S, S]`` in [0, 1] as squares of three, one above the other."""
    padded = np.pad(channels, ((0, -len(channels) % _CHANNELS), (0, 0), (0, 0)))
    squares = padded.reshape(-1, _CHANNELS, *channels.shape[1:]).transpose(0, 2, 3, 1)
    pixels = np.round(squares.clip(0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels.reshape(-1, *pixels.shape[2:])).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
