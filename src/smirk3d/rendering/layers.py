"""One surface drawn smooth-edged on a transparent picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.geometry.meshes import area_vectors, smoothed, unit, vertex_normals
from smirk3d.rasterization.base import seen_faces
from smirk3d.rasterization.samples import Samples, pixel_samples
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Complexion
from smirk3d.rendering.folds import Slopes, folded, posed_slopes
from smirk3d.rendering.hair_layer import draw_hair
from smirk3d.rendering.light_visibility import Occlusion
from smirk3d.rendering.materials import (
    DEFAULT_LIGHTING,
    Lighting,
    albedo,
    illuminate,
    linear_to_srgb,
    srgb_to_linear,
)
from smirk3d.rendering.photo_colours import PhotoSkin
from smirk3d.rendering.picture_surface import SKIN, PictureSurface, eyeballs

Picture = NDArray[np.uint8]
Values = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a surface is drawn.

    Attributes:
        opacity: opacity of the surface, in [0, 1].
        wireframe: draw the triangles' edges too.
        surface: draw the surface; without it the wireframe alone.
        shadows: number of directions from which shadows are cast, even; 0 draws none, which is many
            times as fast. With 48 pixels differ from those with 384 by less than 1/255 in the mean.
        supersample: rays a pixel and axis; the picture is smoothed by as much. Those
            of a pixel that see skin are shaded once.
        refinements: how often triangles are split in four for smooth outlines; 0 for a wireframe,
            which would show the pieces.
        line_width: width of the wireframe's lines, in pixels.
        line_opacity: opacity of the wireframe's lines, in [0, 1].
        complexion: colours of the person; None takes irises and brows from the photo that a head is
            drawn over, and the usual ones where there is none.
    """

    opacity: float = 1.0
    wireframe: bool = False
    surface: bool = True
    shadows: int = 48
    supersample: int = 2
    refinements: int = 1
    line_width: float = 0.9
    line_opacity: float = 0.55
    complexion: Complexion | None = None


CLAY = Style()
WIREFRAME = Style(wireframe=True, refinements=0, opacity=0.75)
FAST = Style(shadows=0, supersample=2, refinements=0)
"""For video: no shadows."""

PHOTO_LIGHT = 0.6
"""How much of the light on skin in a photo's colours is the photo's."""
_LINE_COLOUR = (0.10, 0.16, 0.24)
"""sRGB of a wireframe's lines; set by eye."""
_SPARSE = 9.0
"""Height of a triangle, in pixels, from which its edges are drawn in full."""


def draw_layer(
    surface: PictureSurface,
    vertices: Values,
    place: Callable[[Values], Values],
    size: tuple[int, int],
    style: Style = CLAY,
    photo: PhotoSkin | None = None,
    slopes: Slopes | None = None,
    occlusion: Occlusion | None = None,
) -> Values:
    """Return a picture ``[4, H, W]`` of a surface: sRGB and opacity, in [0, 1].

    Args:
        surface: the surface to draw.
        vertices: ``[V, 3]`` in metres in the viewer's frame (+x right, +y up, +z to the viewer),
            which light and shadows use.
        place: returns where points ``[N, 3]`` of that frame lie in the picture: x and y in pixels,
            a third axis that grows away from the viewer.
        size: height and width in pixels.
        style: how to draw.
        photo: whose colours the skin takes, with their light and hairs; the look's complexion by
            default.
        slopes: the gradient of the skin's folds (:mod:`~smirk3d.rendering.folds`); smooth by
            default.
        occlusion: what light reaches the vertices, where it was computed before.

    Raises:
        ShapeError: if a shape differs.
    """
    height, width = size
    points = surface.refine(vertices)
    ndc = place(points) * np.array([2 / width, 2 / height, 1], np.float32)
    ndc[:, :2] -= 1
    fine = style.supersample
    seen = seen_faces(
        ndc[None], surface.faces, height * fine, width * fine, cull_backfaces=surface.fades
    )[0]
    # lines need all rays, and what is small and glossy
    alone = (surface.face_part != SKIN) | style.wireframe
    samples = pixel_samples(ndc, surface.faces, seen, fine, alone)
    alpha = np.ones(len(samples.face), np.float32)
    if surface.fades:
        alpha = samples.at(surface.alpha[:, None])[0].clip(0, 1)
    colour, coverage = np.zeros((3, len(alpha)), np.float32), np.zeros_like(alpha)
    if style.surface:
        posed = _Posed(surface, vertices, points, ndc, samples)
        colour = _shaded(posed, style, photo, slopes, occlusion)
        coverage = alpha * np.float32(style.opacity)
    if style.wireframe:
        line = _line(samples, ndc, surface.faces, size, style) * alpha
        rest = coverage * (1 - line)
        ink = np.array(_LINE_COLOUR, np.float32)[:, None]
        coverage = rest + line
        colour = (colour * rest + ink * line) / coverage.clip(1e-6)
    layer = samples.averaged(np.concatenate([colour * coverage, coverage[None]]), size)
    if style.surface and len(surface.hair_faces) and photo is None:
        hair = draw_hair(surface, points, ndc, seen, fine, style.complexion or CLAY_COMPLEXION)
        layer = hair * style.opacity + layer * (1 - hair[3] * style.opacity)
    layer[:3] /= layer[3].clip(1e-6)
    return layer


@dataclass(frozen=True, eq=False)
class _Posed:
    """A surface in a picture.

    Attributes:
        surface: the surface.
        vertices: its original vertices ``[V, 3]`` in the viewer's frame.
        points: the copies' positions ``[V', 3]`` there.
        ndc: where the copies are seen ``[V', 3]``, in device coordinates.
        samples: where it is shaded.
    """

    surface: PictureSurface
    vertices: Values
    points: Values
    ndc: Values
    samples: Samples


def _shaded(
    posed: _Posed,
    style: Style,
    photo: PhotoSkin | None,
    slopes: Slopes | None,
    occlusion: Occlusion | None,
) -> Values:
    """Return the sRGB ``[3, N]`` of a surface at its samples."""
    surface, points, samples = posed.surface, posed.points, posed.samples
    part = surface.face_part[samples.face]
    normals = vertex_normals(points[None], surface.faces)[0]
    seen = samples.at(np.column_stack([points, normals, surface.lips]))
    received = np.ones((len(DEFAULT_LIGHTING.lamps) + 1, len(part)), np.float32)
    if style.shadows and len(part):
        if occlusion is None:
            occlusion = Occlusion.of(posed.vertices, surface.base_faces, style.shadows)
        received = samples.at(_received(surface, occlusion, DEFAULT_LIGHTING))
    normal = unit(seen[3:6], axis=0)
    if slopes is not None:
        normal = _with_folds(normal, slopes, samples, surface, points, part == SKIN)
    normal = normal * _facing(posed.ndc, surface.faces)[samples.face]
    colour = albedo(
        part, seen[:3], eyeballs(surface, posed.vertices), lips=seen[6],
        complexion=style.complexion or CLAY_COMPLEXION, through_cornea=True,
    )  # fmt: skip
    if photo is not None:
        attributes = samples.at(surface.interpolate(photo.attributes()))
        held = srgb_to_linear(photo.colours(attributes).clip(0, 1))
        colour = np.where(part == SKIN, held, colour)
    lit = illuminate(normal, colour, part, received)
    if photo is not None:
        lit = np.where(part == SKIN, lit + PHOTO_LIGHT * (colour - lit), lit)
    srgb: Values = linear_to_srgb(lit.clip(0, 1))
    return srgb


def _facing(ndc: Values, faces: Ids) -> Values:
    """Return 1 for triangles that face the viewer and -1 for the others, ``[F]``."""
    return np.where(area_vectors(ndc[None], faces)[0, :, 2] <= 0, np.float32(1), np.float32(-1))


def _with_folds(
    normal: Values,
    slopes: Slopes,
    samples: Samples,
    surface: PictureSurface,
    points: Values,
    skin: NDArray[np.bool_],
) -> Values:
    """Return the normals ``[3, N]`` of samples with the folds of the skin."""
    rest = surface.refine(surface.rest)
    where = np.flatnonzero(skin & slopes.reach(rest, surface.faces)[samples.face])
    gradient = slopes(samples.only(where).at(rest).T)
    moved = np.flatnonzero((gradient != 0).T.any(0))
    where = where[moved]
    corners = samples.corners[:, where].T
    posed = posed_slopes(gradient[moved], rest[corners], points[corners])
    result = normal.copy()
    result[:, where] = folded(normal[:, where], posed)
    return result


def _received(surface: PictureSurface, occlusion: Occlusion, lighting: Lighting) -> Values:
    """Return the fraction of each lamp, then of the light from all sides, at each copy ``[V', K]``.

    Measured at the original vertices and smoothed over neighbours, which hides the steps of the
    shadow maps.
    """
    lobes = [
        (occlusion.directions @ unit(np.array(lamp.direction, np.float32))).clip(0) ** lamp.focus
        for lamp in lighting.lamps
    ]
    received = occlusion.received(np.stack([*lobes, np.ones_like(lobes[0])]))
    return surface.interpolate(smoothed(received, surface.base_faces, rounds=2))


def _line(samples: Samples, ndc: Values, faces: Ids, size: tuple[int, int], style: Style) -> Values:
    """Return how much of the nearest edge each sample sees, ``[N]``."""
    height, width = size
    corners = (ndc[:, :2] * np.array([width / 2, height / 2], np.float32))[faces]
    opposite = np.roll(corners, -1, axis=1) - np.roll(corners, -2, axis=1)
    (ux, uy), (vx, vy) = (np.moveaxis(opposite[:, side], 1, 0) for side in (0, 1))
    area = np.abs(ux * vy - uy * vx)
    heights = area[:, None] / np.linalg.norm(opposite, axis=2).clip(1e-6)
    distance = (samples.weights.T * heights[samples.face]).min(axis=1, initial=np.inf)
    # where triangles are small, fainter lines keep the shading visible
    strength = (heights.min(axis=1, initial=np.inf) / _SPARSE).clip(0.1, 1)
    strength = strength * (_facing(ndc, faces) > 0)
    line: Values = (
        (style.line_width - distance).clip(0, 1) * style.line_opacity * strength[samples.face]
    )
    return line


def composite(picture: Values, layer: Values) -> Values:
    """Return a picture ``[3, H, W]`` with a layer ``[4, H, W]`` laid over it."""
    return picture + layer[3] * (layer[:3] - picture)


def to_uint8(picture: Values) -> Picture:
    """Return uint8 ``[H, W, C]`` of a picture ``[C, H, W]`` in [0, 1]."""
    pixels = np.empty((*picture.shape[1:], len(picture)), np.uint8)
    # one channel after another, in one array: three times as fast as the whole picture at once
    rounded = np.empty(picture.shape[1:], picture.dtype)
    for number, channel in enumerate(picture):
        np.multiply(channel, 255, out=rounded)
        rounded += 0.5
        np.clip(rounded, 0.5, 255.5, out=rounded)
        pixels[..., number] = rounded
    return pixels


def from_uint8(picture: Picture) -> Values:
    """Return a picture ``[C, H, W]`` in [0, 1] of uint8 ``[H, W, C]``."""
    values: Values = picture.transpose(2, 0, 1).astype(np.float32)
    values /= 255
    return values
