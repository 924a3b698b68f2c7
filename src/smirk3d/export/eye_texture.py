"""A plain picture of an eye for the eyeball's texture."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from smirk3d.rasterization import rasterize

_SIZE = 256
_SCLERA = (0.93, 0.90, 0.88)
_IRIS = (0.33, 0.24, 0.17)
_LIMBUS = (0.12, 0.09, 0.07)
_PUPIL = (0.02, 0.02, 0.02)
# visible radii in millimetres over an eyeball's 12: iris 5.9, pupil 1.9
_IRIS_ANGLE, _PUPIL_ANGLE = 0.51, 0.16


def unit_square(uv: Tensor) -> Tensor:
    """Return texture coordinates ``[U, 2]`` stretched over the unit square with a small margin."""
    low, high = uv.amin(0), uv.amax(0)
    return (uv - low) / (high - low).clamp(min=1e-9) * 0.96 + 0.02


def eye_texture(outward: Tensor, uv: Tensor, faces: Tensor) -> bytes:
    """Return a PNG, painted by the angle between the surface's direction and the eye's axis.

    Args:
        outward: from the eye's centre to each vertex ``[U, 3]``; +z is where the eye looks.
        uv: ``[U, 2]`` in the unit square, v upwards.
        faces: ``[F, 3]``.
    """
    flat = torch.cat([uv * 2 - 1, torch.zeros_like(uv[:, :1])], 1)
    flat[:, 1] *= -1
    fragments = rasterize(flat[None], faces, _SIZE, _SIZE)
    direction = F.normalize(fragments.at_pixels(outward[None]), dim=0)
    angle = torch.acos(direction[2].clamp(-1, 1))
    colour = torch.tensor(_SCLERA)[:, None].repeat(1, len(angle))
    for inner, outer, paint in (
        (0.0, _IRIS_ANGLE, _LIMBUS), (0.0, _IRIS_ANGLE * 0.9, _IRIS), (0.0, _PUPIL_ANGLE, _PUPIL),
    ):  # fmt: skip
        inside = ((outer - angle) / 0.03).clamp(0, 1) * (angle >= inner)
        colour = torch.lerp(colour, torch.tensor(paint)[:, None], inside)
    painted = fragments.scatter(colour)
    background = torch.tensor(_SCLERA)[None, :, None, None] * ~fragments.mask[:, None]
    picture = ((painted + background)[0].permute(1, 2, 0).clamp(0, 1) * 255).round()
    buffer = io.BytesIO()
    Image.fromarray(picture.numpy().astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
