"""Plain colours of a head's parts and a picture of an eye, the same in every format."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import rasterize
from smirk3d.rendering.materials import albedo, linear_to_srgb
from smirk3d.rendering.picture_surface import Eyeball

EYE_PARTS = ("eyeL", "eyeR")

ROUGHNESS: Mapping[str, float] = {
    "skin": 0.6,
    "eyeL": 0.15,
    "eyeR": 0.15,
    "teethU": 0.3,
    "teethL": 0.3,
    "tongue": 0.5,
    "cavity": 0.7,
    "lashes": 0.8,
}
"""Of physically based materials, by part."""

_PICTURE_SIZE = 256


def part_colour(part: str) -> list[float]:
    """Return the linear RGB of a part; of an eye, its sclera's."""
    colour: list[float] = albedo(_numbers(part, 1), torch.zeros(3, 1), {})[:, 0].tolist()
    return colour


def rest_eyeballs(head: HeadModel, vertices: Tensor, joints: Tensor) -> dict[str, Eyeball]:
    """Return the eyeballs by part, looking along +z, of a head whose eyes have joints.

    Args:
        head: the head.
        vertices: a person without expression ``[V, 3]``.
        joints: this person's ``[J, 3]``.
    """
    found = {}
    for part in EYE_PARTS:
        ball = vertices[head.part == PARTS.index(part)].cpu()
        if part in head.joint_names and len(ball):
            centre = joints[head.joint_names.index(part)].cpu()
            radius = float((ball - centre).norm(dim=1).median())
            found[part] = Eyeball(centre, radius, torch.tensor([0.0, 0.0, 1.0]))
    return found


def vertex_colours(part: str, points: Tensor, eye: Eyeball | None) -> Tensor:
    """Return the linear RGB ``[U, 3]`` of a part's vertices ``[U, 3]`` at rest.

    Args:
        part: its name.
        points: positions without expression, which place the iris.
        eye: the part's eyeball, if it is one.
    """
    eyes = {PARTS.index(part): eye} if eye is not None else {}
    return albedo(_numbers(part, len(points)), points.cpu().T.contiguous(), eyes).T


def unit_square(uv: Tensor) -> Tensor:
    """Return texture coordinates ``[U, 2]`` stretched over the unit square with a small margin."""
    low, high = uv.amin(0), uv.amax(0)
    return (uv - low) / (high - low).clamp(min=1e-9) * 0.96 + 0.02


def eye_picture(part: str, points: Tensor, uv: Tensor, faces: Tensor, eye: Eyeball) -> bytes:
    """Return a PNG of an eyeball with its iris, to wrap around it.

    Args:
        part: ``eyeL`` or ``eyeR``.
        points: positions without expression ``[U, 3]``.
        uv: ``[U, 2]`` in the unit square, v upwards.
        faces: ``[F, 3]``.
        eye: the eyeball.
    """
    flat = torch.cat([uv * 2 - 1, torch.zeros_like(uv[:, :1])], 1).cpu()
    flat[:, 1] *= -1
    fragments = rasterize(flat[None], faces.cpu(), _PICTURE_SIZE, _PICTURE_SIZE)
    drawn = fragments.at_pixels(points.cpu()[None])
    colour = albedo(_numbers(part, drawn.shape[1]), drawn, {PARTS.index(part): eye})
    background = torch.tensor(part_colour(part))[None, :, None, None] * ~fragments.mask[:, None]
    picture = linear_to_srgb(fragments.scatter(colour) + background)[0].permute(1, 2, 0)
    pixels = (picture.clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _numbers(part: str, count: int) -> Tensor:
    return torch.full((count,), PARTS.index(part))
