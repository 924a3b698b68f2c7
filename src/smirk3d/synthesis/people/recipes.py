"""What people and pictures of them are made of, in names and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smirk3d.parameters.face_parameters import FaceParameters

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class SkinRecipe:
    """A skin.

    Attributes:
        maps: names of the two maps that are mixed.
        mirrored: whether each map is looked up with left and right exchanged.
        fraction: fraction of the second map in the mixture, 0 to 1.
        gain: factor of each colour channel, of linear light.
        contrast: of what differs from the map's mean colour.
        bump: height of pores and wrinkles, 1 as in life.
        freckles: fraction of the skin's spots that are drawn, 0 to 1.
        blotches: strength of smooth changes of colour.
        stubble: darkness of a shaved or short beard, 0 to 1.
        beard_length: where the beard's edge lies, 0 chin only to 1 cheeks.
        lip_colour: factor of each channel on the lips; lip_gloss: added gloss.
        eye_shadow: strength of make-up on the eyelids.
        gloss: strength of the skin's shine, 1 as in life.
        seed: of freckles and blotches.
    """

    maps: tuple[str, str]
    mirrored: tuple[bool, bool] = (False, False)
    fraction: float = 0.0
    gain: Colour = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    bump: float = 1.0
    freckles: float = 0.0
    blotches: float = 0.0
    stubble: float = 0.0
    beard_length: float = 0.5
    lip_colour: Colour = (1.0, 1.0, 1.0)
    lip_gloss: float = 0.0
    eye_shadow: float = 0.0
    gloss: float = 1.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class PersonRecipe:
    """A person.

    Attributes:
        seed: that the person was drawn from.
        head: name of the head.
        shape: its identity coefficients ``[S]``.
        action_variation: how much the person's actions differ from the head's, see
            :func:`~smirk3d.synthesis.people.action_variation.vary_actions`.
        skin: of the person.
        hair: name of the hair, empty if bald.
        hair_colour: linear RGB that the hair's picture is brought to.
        brows: name of the brows; brow_colour: linear RGB.
        lashes: name of the lashes; lash_alpha: their strength, 0 to 1.
        iris: name of the irises; iris_gain: factor of each channel; pupil: fraction of it.
        sclera: linear RGB of the white of the eyes.
        teeth: linear RGB.
        glasses, hat, clothes: names, empty for none; with a linear RGB each.
    """

    seed: int
    head: str
    shape: NDArray[np.float32]
    skin: SkinRecipe
    action_variation: float = 0.0
    hair: str = ""
    hair_colour: Colour = (0.05, 0.03, 0.02)
    brows: str = "natural"
    brow_colour: Colour = (0.03, 0.02, 0.015)
    lashes: str = "plain"
    lash_alpha: float = 1.0
    iris: str = "brown"
    iris_gain: Colour = (1.0, 1.0, 1.0)
    pupil: float = 0.32
    sclera: Colour = (0.72, 0.68, 0.64)
    teeth: Colour = (0.72, 0.66, 0.55)
    glasses: str = ""
    glasses_colour: Colour = (0.02, 0.02, 0.02)
    hat: str = ""
    hat_colour: Colour = (0.1, 0.1, 0.15)
    clothes: str = ""
    clothes_colour: Colour = (0.2, 0.2, 0.3)


@dataclass(frozen=True, kw_only=True)
class LightRecipe:
    """Light from all sides, and one lamp that throws shadows.

    Attributes:
        probe: name of the light probe; turn: its rotation about the vertical axis, in radians.
        ambient: factor of the probe's light.
        key: towards the lamp, unit, in the viewer's frame; key_colour: linear RGB with strength.
        key_softness: of its shadows, in shadow map pixels.
    """

    probe: str
    turn: float = 0.0
    ambient: float = 1.0
    key: Colour = (-0.5, 0.6, 0.62)
    key_colour: Colour = (1.0, 0.97, 0.92)
    key_softness: float = 1.5


@dataclass(frozen=True, kw_only=True)
class CameraRecipe:
    """The camera that takes a picture, and what it does to it.

    Attributes:
        distance: from the camera to the head's origin, in metres.
        framing: side of the picture as a multiple of the landmarks' box.
        shift: of the box's centre in the picture ``(x, y)``, in sides of the picture.
        exposure: factor of light before the tone curve.
        balance: factor of each channel.
        contrast: of the tone curve, 1 that of sRGB.
        saturation: of the colours.
        focus_blur: standard deviation in pixels of a 224-pixel picture.
        motion_blur: length in such pixels; motion_angle: its direction in radians.
        reduced: factor of resolution that is thrown away, 1 for none.
        grain: standard deviation of noise at mid grey, of values 0 to 1.
        jpeg: quality of compression, 0 for none.
        vignette: darkening of the corners, 0 to 1.
    """

    distance: float = 0.75
    framing: float = 1.5
    shift: tuple[float, float] = (0.0, 0.0)
    exposure: float = 1.0
    balance: Colour = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    saturation: float = 1.0
    focus_blur: float = 0.0
    motion_blur: float = 0.0
    motion_angle: float = 0.0
    reduced: float = 1.0
    grain: float = 0.0
    jpeg: int = 0
    vignette: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SceneRecipe:
    """A moment of a person before a camera.

    Attributes:
        seed: that the scene was drawn from; background, occluders and noise are drawn from it.
        face: expression, jaw, eyelids, eyes and head pose of the person's head, without batch
            dimension; its shape and camera are not read.
        light: that falls on the person.
        camera: that takes the picture.
        background: kind of background: ``probe``, ``plain``, ``shapes``, ``bokeh``.
        occluders: number of things before the face.
        pair: number of the pair, -1 if none; relation: one of ``labels.RELATIONS``.
    """

    seed: int
    face: FaceParameters
    light: LightRecipe
    camera: CameraRecipe = field(default_factory=CameraRecipe)
    background: str = "probe"
    occluders: int = 0
    pair: int = -1
    relation: str = ""
