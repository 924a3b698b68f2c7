"""The arrays that the compiled loops read and write, and the numbers by which they name things.

Positions and directions are in the viewer's frame (head axes); colours are linear RGB. Screen
points are ``(x, y, q)`` with x and y in pixels, y downwards, pixel centres at +0.5, and q linear on
the screen and larger where nearer: the inverse of depth for a perspective camera.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
F3 = tuple[float, float, float]


class Mesh(NamedTuple):
    """What is drawn: V vertices and F triangles.

    Attributes:
        screen: screen points of the vertices on the rays' grid ``[V, 3]``.
        points: positions of the vertices ``[V, 3]`` in metres.
        normals: unit normals of the vertices ``[V, 3]``.
        light: light from all sides that reaches each vertex ``[V, 3]``.
        mirror: light that a rough surface at each vertex mirrors to the camera ``[V, 3]``.
        open_share: fraction in [0, 1] of the light from all sides that nothing hides ``[V]``.
        faces: vertices of each triangle ``[F, 3]``.
        material: material of each triangle ``[F]``.
        uv: texels of each triangle's corners ``[F, 3, 2]``.
        slope_u: gradient of the first texel coordinate along each triangle ``[F, 3]``, per metre.
        slope_v: gradient of the second texel coordinate along each triangle ``[F, 3]``, per metre.
        masks: weights in [0, 1] of lips, beard, eyelids and red skin at each vertex ``[V, 4]``.
    """

    screen: F32
    points: F32
    normals: F32
    light: F32
    mirror: F32
    open_share: F32
    faces: I32
    material: U8
    uv: F32
    slope_u: F32
    slope_v: F32
    masks: F32


class Paint(NamedTuple):
    """The maps and numbers that give a person's surfaces their colours.

    Attributes:
        skin_a: first map of the skin, sRGB ``[H, W, 3]``.
        skin_b: second map of the skin, sRGB ``[H, W, 3]``.
        iris: map of the iris by radius and angle, sRGB ``[R, A, 3]``.
        linear: linear value of each sRGB byte ``[256]``.
        noise: smooth noise, fine noise and spots ``[3, N, N]``; N is a power of two.
        numbers: the person's numbers ``[NUM_NUMBERS]``.
        colours: linear RGB of each material ``[M, 3]``.
        gloss: reflectance at normal incidence and roughness of each material ``[M, 2]``.
        eyes: of both eyes the centre, then right, up and gaze as unit vectors ``[2, 4, 3]``.
    """

    skin_a: U8
    skin_b: U8
    iris: U8
    linear: F32
    noise: F32
    numbers: F32
    colours: F32
    gloss: F32
    eyes: F32


class Light(NamedTuple):
    """The light that falls on a person: a lamp's, and a probe's from all sides.

    Attributes:
        key: unit vector towards the lamp ``[3]``.
        key_colour: linear RGB of the lamp's light ``[3]``.
        shadow: depth map of the lamp ``[S, S]``.
        frame: unit vectors right, up and towards the lamp ``[3, 3]``.
        radius: half the side of the square that the depth map shows, in metres.
        soft: width of the shadows' edges, in pixels of the depth map.
        probe: light from all sides, linear RGB ``[H, W, 3]``.
        turn: rotation of the probe about the vertical axis, in radians.
        ambient: factor of the probe's light.
        distance: distance of the camera from the origin on +z, in metres.
    """

    key: F32
    key_colour: F32
    shadow: F32
    frame: F32
    radius: float
    soft: float
    probe: F32
    turn: float
    ambient: float
    distance: float


class Pixels(NamedTuple):
    """The picture of what is solid, as it is drawn.

    Attributes:
        colour: linear RGB times cover ``[H, W, 3]``.
        cover: fraction in [0, 1] of each pixel's rays that see something ``[H, W]``.
        q: mean inverse depth of the rays that see something, 0 where none does ``[H, W]``.
        seen: number of a triangle that a ray of the pixel sees, -1 if none does ``[H, W]``.
    """

    colour: F32
    cover: F32
    q: F32
    seen: I32


class Solid(NamedTuple):
    """The finished picture of what is solid, which hair is laid over.

    Attributes:
        colour: linear RGB times cover ``[H, W, 3]``.
        cover: fraction in [0, 1] of each pixel that something solid covers ``[H, W]``.
        q: inverse depth, 0 where nothing is ``[H, W]``.
        segment: number of the segment that each pixel shows ``[H, W]``.
    """

    colour: F32
    cover: F32
    q: F32
    segment: U8


class Layers(NamedTuple):
    """The translucent things of each pixel, the nearest first; at most K of them one by one.

    Attributes:
        depth: depth of each layer in metres ``[H, W, K]``.
        colour: linear RGB and opacity of each layer ``[H, W, K, 4]``.
        segment: number of each layer's segment ``[H, W, K]``.
        used: number of layers in use ``[H, W]``.
        rest: opacity times RGB, opacity, and transparency of all that lies behind K layers
            ``[H, W, 5]``; the transparency is 1 at first.
    """

    depth: F32
    colour: F32
    segment: U8
    used: U8
    rest: F32


class Cards(NamedTuple):
    """Triangles with a picture of hairs.

    Attributes:
        points: screen points ``[N, 3]``, q the inverse of depth.
        faces: points of each triangle ``[F, 3]``.
        uv: texture coordinates of the points ``[N, 2]``, v downwards.
        colours: linear RGB ``[N, 3]`` that the points have at the texture's mean lightness.
        texture: lightness and opacity uint8 ``[R, C, 2]``.
        opacity: factor of the texture's opacity, in [0, 1].
        segment: number of the segment that the cards belong to.
    """

    points: F32
    faces: I32
    uv: F32
    colours: F32
    texture: U8
    opacity: float
    segment: int


SKIN, EYE_LEFT, EYE_RIGHT, TEETH, GUMS, TONGUE, CAVITY, CLOTH, HAT, FRAME = range(10)
"""Materials, as triangles are numbered."""

LIPS, BEARD, EYELIDS, RED = range(4)
"""Columns of the vertex masks."""

(
    SHARE, GAIN_R, GAIN_G, GAIN_B, CONTRAST, MEAN_R, MEAN_G, MEAN_B, BUMP, FRECKLES, BLOTCHES,
    STUBBLE, LIP_R, LIP_G, LIP_B, LIP_GLOSS, EYE_SHADOW, GLOSS, MIRROR_A, MIRROR_B, CENTRE_ROW,
    HAIR_R, HAIR_G, HAIR_B, NOISE_X, NOISE_Y, PUPIL, SCLERA_R, SCLERA_G, SCLERA_B, IRIS_R, IRIS_G,
    IRIS_B, IRIS_SIZE, LIKE_R, LIKE_G, LIKE_B, NUM_NUMBERS,
) = range(38)  # fmt: skip
"""Places of a person's numbers in the array that the loops read."""
