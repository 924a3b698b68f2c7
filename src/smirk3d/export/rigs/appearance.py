"""Plain colours of a head's parts, and pictures of eyes, lips and hairs, for every format."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.array_interface import to_numpy
from smirk3d.geometry.meshes import unit
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import Fragments, rasterize
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Complexion
from smirk3d.rendering.folds import Slopes
from smirk3d.rendering.hair_layer import hair_alpha
from smirk3d.rendering.layers import to_uint8
from smirk3d.rendering.materials import albedo, linear_to_srgb
from smirk3d.rendering.photo_colours import PhotoSkin
from smirk3d.rendering.picture_surface import Eyeball

Values = NDArray[np.float32]
Ids = NDArray[np.int64]

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
"""Side in texels of the picture of a skin in the colours of a photo whose square has
:data:`_FINE_CROP` pixels a side or more: the next power of two above the coarser one."""
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


def mouth_light(head: HeadModel) -> Values:
    """Return the fraction ``[V]`` of the light that reaches each vertex: 1 outside the mouth."""
    part, template = to_numpy(head.part), to_numpy(head.v_template)
    front = np.array([_MOUTH_LIGHT.get(name, 1.0) for name in PARTS], np.float32)[part]
    teeth = part == PARTS.index("teethU")
    if not teeth.any():
        return front
    z = template[:, 2]
    depth = (z[teeth].max() - z).clip(0)
    fall = _DEEPEST_LIGHT + (1 - _DEEPEST_LIGHT) * np.exp(-depth / _LIGHT_DEPTH)
    inside = np.array([name in _MOUTH_LIGHT for name in PARTS])[part]
    # the sockets behind the eyes are cavity too, and lie above the teeth
    inside &= template[:, 1] < 0
    return np.where(inside, front * fall, front)


def part_colour(part: str) -> list[float]:
    """Return the linear RGB of a part; of an eye, its sclera's."""
    colour: list[float] = albedo(_numbers(part, 1), np.zeros((3, 1), np.float32), {})[:, 0].tolist()
    return colour


def vertex_colours(
    part: str, points: Values, eye: Eyeball | None, complexion: Complexion = CLAY_COMPLEXION
) -> Values:
    """Return the linear RGB ``[U, 3]`` of a part's vertices ``[U, 3]`` at rest.

    Args:
        part: its name.
        points: positions without expression, which place the iris.
        eye: the part's eyeball, if it is one.
        complexion: of the person.
    """
    eyes = {PARTS.index(part): eye} if eye is not None else {}
    numbers = _numbers(part, len(points))
    return albedo(numbers, points.T, eyes, complexion=complexion).T


def unit_square(uv: Values) -> Values:
    """Return texture coordinates ``[U, 2]`` stretched over the unit square with a small margin."""
    low, high = uv.min(axis=0), uv.max(axis=0)
    return (uv - low) / (high - low).clip(1e-9) * 0.96 + 0.02


def eye_picture(
    part: str, points: Values, uv: Values, faces: Ids, eye: Eyeball, complexion: Complexion
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
    drawn = fragments.at_pixels(points[None])
    eyes = {PARTS.index(part): eye}
    colour = albedo(_numbers(part, drawn.shape[1]), drawn, eyes, complexion=complexion)
    return _png(fragments, colour, part_colour(part))


def skin_picture(lips: Values, uv: Values, faces: Ids) -> bytes:
    """Return a PNG of the skin with its lips, to wrap around a head.

    Args:
        lips: fraction of each vertex that is lip ``[U]``.
        uv: ``[U, 2]``, v upwards; triangles outside the unit square are left out.
        faces: ``[F, 3]``.
    """
    fragments = _unwrapped(uv, faces, _SKIN_PICTURE_SIZE)
    drawn = fragments.at_pixels(lips[None, :, None])[0]
    none = np.zeros((3, len(drawn)), np.float32)
    colour = albedo(_numbers("skin", len(drawn)), none, {}, lips=drawn)
    return _png(fragments, colour, part_colour("skin"))


def photo_skin_picture(photo: PhotoSkin, vertex_ids: Ids, uv: Values, faces: Ids) -> bytes:
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
    drawn = photo.colours(fragments.at_pixels(photo.attributes()[vertex_ids][None]))
    return _encoded(_on_ground(fragments, drawn, drawn.mean(1)), "JPEG")


def fold_picture(
    slopes: Slopes, rest: Values, normals: Values, tangents: Values, uv: Values, faces: Ids
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
    size = _SKIN_PICTURE_SIZE
    fragments = _unwrapped(uv, faces[slopes.reach(rest, faces)], size)
    gradient = slopes(fragments.at_pixels(rest[None]).T).T
    moved = np.flatnonzero((gradient != 0).any(0))
    folded, gradient = fragments.only(moved), gradient[:, moved]
    normal, tangent, sign = np.split(
        folded.at_pixels(np.concatenate([normals, tangents], 1)[None]), [3, 6]
    )
    normal, tangent = unit(normal, axis=0), unit(tangent, axis=0)
    upwards = np.cross(normal, tangent, axis=0) * sign
    along, up = (gradient * tangent).sum(0), (gradient * upwards).sum(0)
    bent = unit(np.stack([-along, -up, np.ones_like(along)]), axis=0)
    flat = np.zeros((3, size * size), np.float32)
    flat[2] = 1
    flat[:, folded.pixel] = bent
    return _encoded((0.5 + 0.5 * flat).reshape(3, size, size))


def hair_picture(part: str, complexion: Complexion) -> bytes:
    """Return a PNG of a strip's hairs, transparent between them."""
    alpha = hair_alpha(PARTS.index(part), complexion)
    colour = linear_to_srgb(np.array(part_colour(part), np.float32))[:, None, None]
    pixels = [np.broadcast_to(colour, (3, *alpha.shape)), alpha[None]]
    return _encoded(np.concatenate(pixels))


def _unwrapped(uv: Values, faces: Ids, size: int = _PICTURE_SIZE) -> Fragments:
    """Return the fragments of triangles that are laid out by their texture coordinates."""
    flat = np.column_stack([uv * 2 - 1, np.zeros_like(uv[:, 0])])
    flat[:, 1] *= -1
    return rasterize(flat[None], faces, size, size)


def _png(fragments: Fragments, colour: Values, background: list[float]) -> bytes:
    ground = linear_to_srgb(np.array(background, np.float32))
    return _encoded(_on_ground(fragments, linear_to_srgb(colour), ground))


def _on_ground(fragments: Fragments, drawn: Values, ground: Values) -> Values:
    """Return colours ``[3, N]`` of a picture's fragments on a colour ``[3]``, ``[3, H, W]``."""
    size = fragments.face_index.shape[1:]
    picture = np.empty((3, size[0] * size[1]), np.float32)
    for channel, colour, around in zip(picture, drawn, ground, strict=True):
        channel[:] = around
        channel[fragments.pixel] = colour
    return picture.reshape(3, *size)


def _encoded(picture: Values, kind: Literal["PNG", "JPEG"] = "PNG") -> bytes:
    """Return a picture ``[C, H, W]`` in [0, 1] as a file."""
    # a PNG's search for the smallest file would save a twelfth and take six times as long
    how: dict[str, int | bool] = {"optimize": True, "quality": _QUALITY} if kind == "JPEG" else {}
    buffer = io.BytesIO()
    Image.fromarray(to_uint8(picture)).save(buffer, kind, **how)
    return buffer.getvalue()


def _numbers(part: str, count: int) -> Ids:
    return np.full(count, PARTS.index(part))
