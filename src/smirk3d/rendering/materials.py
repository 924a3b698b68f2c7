"""Clay and light for pictures that people look at.

Colours are linear RGB while light is added, sRGB when the picture is done. Directions are in the
viewer's frame: +x right, +y up, +z towards the viewer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, array_namespace, to_numpy
from smirk3d.geometry.meshes import unit
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Colour, Complexion
from smirk3d.rendering.picture_surface import (
    BROWS,
    CAVITY,
    EYE_LEFT,
    EYE_RIGHT,
    GUMS,
    LASHES,
    SKIN,
    TEETH_LOWER,
    TEETH_UPPER,
    TONGUE,
    Eyeball,
)

Values = NDArray[np.float32]

_IRIS_RADIUS = 0.0059
"""Metres; that of grown people differs by a few per cent only."""
_SMALLEST_IRIS, _LARGEST_IRIS = math.radians(15), math.radians(36)
"""Angles in radians between which an iris's rim lies on eyeballs of any size; set by eye."""
PUPIL_FRACTION = 0.32
"""Pupil against iris: 3.8 mm across, as in a lit room."""
_SOFT = math.radians(1.2)
"""Radians over which the rims of iris and pupil fade; set by eye."""
_CATCHLIGHT = (-0.16, 0.10, 1.0)
"""Normal at which an eye mirrors the key lamp, kept clear of the upper eyelid."""


@dataclass(frozen=True, kw_only=True)
class Light:
    """A broad light at infinity.

    Attributes:
        direction: towards it.
        colour: linear RGB, its strength included.
        wrap: how far its light reaches around the surface, 0 to 1.
        focus: how narrow its shadows are; the exponent of its cosine lobe.
    """

    direction: Colour
    colour: Colour
    wrap: float = 0.0
    focus: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """The lights of a picture: lamps, and light from all sides that differs from top to bottom."""

    lamps: tuple[Light, ...]
    sky: Colour
    ground: Colour


DEFAULT_LIGHTING = Lighting(
    lamps=(
        Light(direction=(-0.50, 0.62, 0.72), colour=(1.14, 1.07, 0.98), wrap=0.18),
        Light(direction=(0.85, 0.05, 0.55), colour=(0.22, 0.26, 0.31), wrap=0.35, focus=4.0),
        Light(direction=(0.62, 0.45, -0.62), colour=(0.62, 0.60, 0.58)),
    ),
    sky=(0.25, 0.26, 0.28),
    ground=(0.12, 0.10, 0.09),
)
"""A warm key from the upper left, a cool fill from the right, a rim from behind."""


def srgb_to_linear(colour: Array) -> Array:
    """Return linear values of sRGB values in [0, 1] (IEC 61966-2-1)."""
    xp = array_namespace(colour)
    return xp.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(colour: Array) -> Array:
    """Return sRGB values of linear values, both in [0, 1] (IEC 61966-2-1)."""
    xp = array_namespace(colour)
    curve = 1.055 * colour.clip(0.0031308, None) ** (1 / 2.4) - 0.055
    return xp.where(colour <= 0.0031308, colour * 12.92, curve)


_SRGB_OF_PART: dict[int, Colour] = {
    EYE_LEFT: (0.93, 0.91, 0.89),
    EYE_RIGHT: (0.93, 0.91, 0.89),
    TEETH_UPPER: (0.93, 0.90, 0.83),
    TEETH_LOWER: (0.93, 0.90, 0.83),
    TONGUE: (0.66, 0.36, 0.34),
    CAVITY: (0.38, 0.15, 0.14),
    GUMS: (0.72, 0.42, 0.40),
}
"""sRGB of the parts whose colours are the same for all people; set by eye."""
_GLOSS_OF_PART: dict[int, tuple[float, float]] = {
    SKIN: (0.05, 18.0),
    EYE_LEFT: (0.8, 420.0),
    EYE_RIGHT: (0.8, 420.0),
    TEETH_UPPER: (0.16, 60.0),
    TEETH_LOWER: (0.16, 60.0),
    TONGUE: (0.08, 30.0),
    CAVITY: (0.02, 10.0),
    LASHES: (0.0, 1.0),
    GUMS: (0.12, 40.0),
    BROWS: (0.0, 1.0),
}
"""Strength and sharpness of the highlight of each part; set by eye."""
_LEAST_LIGHT_OF_PART: dict[int, float] = {
    EYE_LEFT: 0.55,
    EYE_RIGHT: 0.55,
    TEETH_UPPER: 0.75,
    TEETH_LOWER: 0.55,
    TONGUE: 0.4,
    GUMS: 0.5,
    CAVITY: 0.25,
}
"""Fraction of light that always arrives: full shadow would hide teeth and make eyes look dirty."""
_RIM_SHADE = 0.34
"""The rim of an iris against its middle."""
_PUPIL_SRGB: Colour = (0.02, 0.02, 0.02)
"""sRGB of the pupil: nearly black; set by eye."""


def albedo(
    part: NDArray[np.integer],
    points: Values,
    eyes: Mapping[int, Eyeball],
    *,
    lips: Values | None = None,
    complexion: Complexion = CLAY_COMPLEXION,
    through_cornea: bool = False,
) -> Values:
    """Return the linear colour ``[3, N]`` of surface points.

    Args:
        part: ``[N]``, the part that each point belongs to.
        points: ``[3, N]`` in the frame of the eyeballs; they place irises and pupils.
        eyes: the eyeballs by part.
        lips: how much of each point is lip ``[N]``; none by default.
        complexion: of the person.
        through_cornea: the frame is a viewer's, who looks along -z through the corneas onto flat
            irises behind them.
    """
    srgb = {
        **_SRGB_OF_PART, SKIN: complexion.skin, LASHES: complexion.lashes, BROWS: complexion.brows,
    }  # fmt: skip
    colour = np.take(_linear([srgb[p] for p in sorted(srgb)]).T, part, axis=1)
    if lips is not None:
        colour += lips * (part == SKIN) * (_column(complexion.lips) - colour)
    for number, eye in eyes.items():
        where = np.flatnonzero(part == number)
        size = iris_angle(eye)
        arm = points[:, where] - eye.centre[:, None]
        if through_cornea:
            arm = _behind_cornea(arm, eye, size)
        angle = np.arccos((eye.gaze @ unit(arm, axis=0)).clip(-1, 1))
        colour[:, where] = _iris(angle, size, colour[:, where], complexion.iris)
    return colour


def _linear(srgb: Sequence[Colour]) -> Values:
    """Return colours ``[N, 3]`` as linear RGB."""
    linear: Values = srgb_to_linear(np.array(srgb, np.float32))
    return linear


def _column(srgb: Colour) -> Values:
    """Return a colour ``[3, 1]`` as linear RGB."""
    return _linear([srgb]).T


def iris_angle(eye: Eyeball) -> float:
    """Return the angle in radians between an eye's gaze and the rim of its iris."""
    size = math.asin(min(_IRIS_RADIUS / max(eye.radius, _IRIS_RADIUS), 1.0))
    return min(max(size, _SMALLEST_IRIS), _LARGEST_IRIS)


def _behind_cornea(arm: Values, eye: Eyeball, size: float) -> Values:
    """Return points of an eye ``[3, N]``, about its centre, moved back to the iris's plane."""
    plane = eye.radius * math.cos(size)
    depth = eye.gaze @ arm - plane
    moved = arm.copy()
    moved[2] -= depth.clip(0) / max(float(eye.gaze[2]), 0.3)
    return moved


def _iris(angle: Values, size: float, sclera: Values, srgb: Colour) -> Values:
    """Return the colour ``[3, N]`` of an eye at angles ``[N]`` from its gaze, iris of a size."""
    iris, pupil = _column(srgb), _column(_PUPIL_SRGB)
    # lightest midway between pupil and rim
    middle = ((angle / size - PUPIL_FRACTION) / (1 - PUPIL_FRACTION)).clip(0, 1)
    colour = iris * (0.8 + 1.6 * middle * (1 - middle))
    colour += _rise(angle, 0.9 * size, 0.25 * size) * (_RIM_SHADE * iris - colour)
    colour = pupil + _rise(angle, PUPIL_FRACTION * size, _SOFT) * (colour - pupil)
    return colour + _rise(angle, size, 2 * _SOFT) * (sclera - colour)


def _rise(value: Values, edge: float, width: float) -> Values:
    """Return 0 below an edge and 1 above it, smooth over a width."""
    ramp = ((value - edge) / width + 0.5).clip(0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def illuminate(
    normals: Values,
    colour: Values,
    part: NDArray[np.integer],
    received: Values,
    lighting: Lighting = DEFAULT_LIGHTING,
) -> Values:
    """Return the linear RGB ``[3, N]`` that surface points send to the viewer.

    Args:
        normals: unit ``[3, N]``, in the viewer's frame.
        colour: linear albedo ``[3, N]``.
        part: ``[N]``, which decides the gloss.
        received: share ``[K + 1, N]`` of each lamp's light that arrives; the last row is that of
            the light from all sides.
        lighting: the lights.
    """
    gloss, sharpness = np.array([_GLOSS_OF_PART[p] for p in sorted(_GLOSS_OF_PART)], np.float32).T
    gloss, sharpness = gloss[part], sharpness[part]
    eye = (part == EYE_LEFT) | (part == EYE_RIGHT)
    least = np.array([_LEAST_LIGHT_OF_PART.get(p, 0.0) for p in sorted(_GLOSS_OF_PART)], np.float32)
    received = np.maximum(received, least[part])
    sky, ground = np.array([lighting.sky, lighting.ground], np.float32)[:, :, None]
    around = ground + (0.5 + 0.5 * normals[1]) * (sky - ground)
    total = colour * around * received[-1]
    for lamp, arrives in zip(lighting.lamps, received, strict=False):
        direction = unit(np.array(lamp.direction, np.float32))
        strength = np.array(lamp.colour, np.float32)[:, None]
        cosine = direction @ normals
        diffuse = ((cosine + lamp.wrap) / (1 + lamp.wrap)).clip(0) * arrives
        halfway = unit(direction + np.array([0, 0, 1], np.float32))
        mirror = (halfway @ normals).clip(0) ** sharpness * gloss
        total = total + strength * (colour * diffuse + mirror * (arrives * (cosine > 0) * ~eye))
    catchlight = (unit(np.array(_CATCHLIGHT, np.float32)) @ normals).clip(0) ** sharpness
    strength = np.array(lighting.lamps[0].colour, np.float32)[:, None]
    return np.asarray(total + strength * (catchlight * gloss * eye))


def rest_eyeballs(head: HeadModel, vertices: Array, joints: Array) -> dict[str, Eyeball]:
    """Return the eyeballs by part, looking along +z, of a head whose eyes have joints.

    Args:
        head: the head.
        vertices: a person without expression ``[V, 3]``.
        joints: this person's ``[J, 3]``.
    """
    vertices, joints = to_numpy(vertices), to_numpy(joints)
    found: dict[str, Eyeball] = {}
    for part in ("eyeL", "eyeR"):
        ball = vertices[to_numpy(head.part) == PARTS.index(part)]
        if part in head.joint_names and len(ball):
            centre = joints[head.joint_names.index(part)]
            radius = float(np.median(np.linalg.norm(ball - centre, axis=1)))
            found[part] = Eyeball(centre, radius, np.array([0, 0, 1], np.float32))
    return found
