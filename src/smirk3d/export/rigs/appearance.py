"""Plain colours of a head's parts, and pictures of eyes, lips and hairs, for every format."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Literal

import numpy as np
from PIL import Image

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.geometry.meshes import unit
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import Fragments, rasterize
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Complexion
from smirk3d.rendering.folds import Slopes
from smirk3d.rendering.hair_layer import hair_alpha
from smirk3d.rendering.materials import albedo, linear_to_srgb
from smirk3d.rendering.photo_colours import PhotoSkin
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
    "gums": 0.45,
    "brows": 0.8,
}
"""Roughness of physically based materials, by part."""

_PICTURE_SIZE = 256
"""Side in texels of the picture of a small part, such as an eye; a choice by eye."""
_SKIN_PICTURE_SIZE = 1024
"""Side in texels of the skin's picture, a choice by eye: lips and brows have edges."""
_FINE_PICTURE_SIZE = 2048
"""Likewise, of a skin in the colours of a photo whose square has :data:`_FINE_CROP` pixels a side
or more."""
_FINE_CROP = 400
"""Pixels above which the coarser picture would lose some: the face has about as many in it."""
_QUALITY = 90
"""Of JPEG; chosen by eye."""


_MOUTH_LIGHT = {"teethU": 0.92, "teethL": 0.7, "tongue": 0.75, "cavity": 0.6, "gums": 0.8}
"""Fraction of the light that reaches the front of the mouth's parts past the lips; set by eye, for
formats whose viewers cast no shadows."""
_DEEPEST_LIGHT = 0.3
"""Fraction of that which still reaches the back of the mouth; set by eye."""
_LIGHT_DEPTH = 0.018
"""Metres behind the front teeth over which light falls by a factor of e; set by eye."""


def mouth_light(head: HeadModel) -> Tensor:
    """Return the fraction ``[V]`` of the light that reaches each vertex: 1 outside the mouth."""
    part, z = head.part.long().cpu(), head.v_template[:, 2].cpu()
    front = torch.tensor([_MOUTH_LIGHT.get(name, 1.0) for name in PARTS])[part]
    teeth = part == PARTS.index("teethU")
    if not teeth.any():
        return front
    depth = (z[teeth].amax() - z).clamp(min=0)
    fall = _DEEPEST_LIGHT + (1 - _DEEPEST_LIGHT) * torch.exp(-depth / _LIGHT_DEPTH)
    inside = torch.tensor([name in _MOUTH_LIGHT for name in PARTS])[part]
    # the sockets behind the eyes are cavity too, and lie above the teeth
    inside &= head.v_template[:, 1].cpu() < 0
    return torch.where(inside, front * fall, front)


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


def vertex_colours(
    part: str, points: Tensor, eye: Eyeball | None, complexion: Complexion = CLAY_COMPLEXION
) -> Tensor:
    """Return the linear RGB ``[U, 3]`` of a part's vertices ``[U, 3]`` at rest.

    Args:
        part: its name.
        points: positions without expression, which place the iris.
        eye: the part's eyeball, if it is one.
        complexion: of the person.
    """
    eyes = {PARTS.index(part): eye} if eye is not None else {}
    numbers = _numbers(part, len(points))
    return albedo(numbers, points.cpu().T.contiguous(), eyes, complexion=complexion).T


def unit_square(uv: Tensor) -> Tensor:
    """Return texture coordinates ``[U, 2]`` stretched over the unit square with a small margin."""
    low, high = uv.amin(0), uv.amax(0)
    return (uv - low) / (high - low).clamp(min=1e-9) * 0.96 + 0.02


def eye_picture(
    part: str, points: Tensor, uv: Tensor, faces: Tensor, eye: Eyeball, complexion: Complexion
) -> bytes:
    """Return a PNG of an eyeball with its iris, to wrap around it.

    Args:
        part: ``eyeL`` or ``eyeR``.
        points: positions without expression ``[U, 3]``.
        uv: ``[U, 2]`` in the unit square, v upwards.
        faces: ``[F, 3]``.
        eye: the eyeball.
        complexion: of the person.
    """
    fragments = _unwrapped(uv, faces)
    drawn = fragments.at_pixels(points.cpu()[None])
    eyes = {PARTS.index(part): eye}
    colour = albedo(_numbers(part, drawn.shape[1]), drawn, eyes, complexion=complexion)
    return _png(fragments, colour, part_colour(part))


def skin_picture(lips: Tensor, uv: Tensor, faces: Tensor) -> bytes:
    """Return a PNG of the skin with its lips, to wrap around a head.

    Args:
        lips: fraction of each vertex that is lip ``[U]``.
        uv: ``[U, 2]``, v upwards; triangles outside the unit square are left out.
        faces: ``[F, 3]``.
    """
    fragments = _unwrapped(uv, faces, _SKIN_PICTURE_SIZE)
    drawn = fragments.at_pixels(lips.cpu()[None, :, None])[0]
    none = torch.zeros(3, len(drawn))
    colour = albedo(_numbers("skin", len(drawn)), none, {}, lips=drawn)
    return _png(fragments, colour, part_colour("skin"))


def photo_skin_picture(photo: PhotoSkin, vertex_ids: Tensor, uv: Tensor, faces: Tensor) -> bytes:
    """Return a JPEG of the skin in a photo's colours, to wrap around a head.

    It is finer where the photo is: a face takes about a third of the picture's side.

    Args:
        photo: the photo on the head.
        vertex_ids: the head's vertex behind each of the skin's ``[U]``.
        uv: ``[U, 2]``, v upwards.
        faces: ``[F, 3]`` of the skin's vertices.
    """
    fine = photo.crop.shape[-1] >= _FINE_CROP
    fragments = _unwrapped(uv, faces, _FINE_PICTURE_SIZE if fine else _SKIN_PICTURE_SIZE)
    drawn = photo.colours(fragments.at_pixels(photo.attributes()[vertex_ids.cpu()][None]))
    mean = drawn.mean(1)[None, :, None, None]
    picture = fragments.scatter(drawn) + mean * ~fragments.mask[:, None]
    return _encoded(picture[0], "JPEG")


def fold_picture(
    slopes: Slopes, rest: Tensor, normals: Tensor, tangents: Tensor, uv: Tensor, faces: Tensor
) -> bytes:
    """Return a PNG of the skin's folds as normals in tangent space, to wrap around a head.

    Args:
        slopes: gradient of the skin's height at points of the template.
        rest: the template at the skin's vertices ``[U, 3]``.
        normals: of the template ``[U, 3]``.
        tangents: glTF's ``[U, 4]``.
        uv: ``[U, 2]``, v upwards.
        faces: ``[F, 3]``.
    """
    fragments = _unwrapped(uv, faces, _SKIN_PICTURE_SIZE)
    drawn = fragments.at_pixels(torch.cat([rest, normals, tangents], 1)[None].cpu())
    place, normal, tangent, sign = drawn.split([3, 3, 3, 1])
    normal, tangent = unit(normal, dim=0), unit(tangent, dim=0)
    upwards = torch.linalg.cross(normal, tangent, dim=0) * sign
    gradient = slopes(place.T).T
    along, up = (gradient * tangent).sum(0), (gradient * upwards).sum(0)
    bent = unit(torch.stack([-along, -up, torch.ones_like(along)]), dim=0)
    flat = torch.tensor([0.0, 0.0, 1.0])[None, :, None, None] * ~fragments.mask[:, None]
    return _encoded((0.5 + 0.5 * (fragments.scatter(bent) + flat))[0])


def hair_picture(part: str, complexion: Complexion) -> bytes:
    """Return a PNG of a strip's hairs, transparent between them."""
    alpha = hair_alpha(PARTS.index(part), complexion)
    colour = linear_to_srgb(torch.tensor(part_colour(part)))[:, None, None]
    pixels = torch.cat([colour.expand(-1, *alpha.shape), alpha[None]])
    return _encoded(pixels)


def _unwrapped(uv: Tensor, faces: Tensor, size: int = _PICTURE_SIZE) -> Fragments:
    """Return the fragments of triangles that are laid out by their texture coordinates."""
    flat = torch.cat([uv * 2 - 1, torch.zeros_like(uv[:, :1])], 1).cpu()
    flat[:, 1] *= -1
    return rasterize(flat[None], faces.cpu(), size, size)


def _png(fragments: Fragments, colour: Tensor, background: list[float]) -> bytes:
    around = torch.tensor(background)[None, :, None, None] * ~fragments.mask[:, None]
    return _encoded(linear_to_srgb(fragments.scatter(colour) + around)[0])


def _encoded(picture: Tensor, kind: Literal["PNG", "JPEG"] = "PNG") -> bytes:
    """Return a picture ``[C, H, W]`` in [0, 1] as a file."""
    pixels = (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, optimize=True, quality=_QUALITY)
    return buffer.getvalue()


def _numbers(part: str, count: int) -> Tensor:
    return torch.full((count,), PARTS.index(part))
