"""A head and what people are made of, prepared once for all pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import AssetError
from smirk3d.rendering.hair_pictures import lash_alpha
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.kernels import records
from smirk3d.synthesis.people.drawing.lighting import Surroundings, surroundings
from smirk3d.synthesis.people.labels import Segment
from smirk3d.synthesis.people.parts.assets import HairAsset, PeopleAssets
from smirk3d.synthesis.people.parts.procedural import skin_noise
from smirk3d.synthesis.people.recipes import PersonRecipe

Array = NDArray[np.float32]

_IRIS_RADIUS = 0.0059
"""Of people's irises in metres; nearly the same in all."""
_MEAN_LIGHTNESS = 96
"""As ``HairAsset.texture`` has it."""
_LARGE = 320
"""Side in pixels up to which pictures show hair in half the textures' size."""


class RenderResources:
    """What drawing needs beside a person and a scene.

    Attributes:
        surface: the head.
        assets: what people are made of.
        size: side of the pictures in pixels.
        noise: that skins share ``[3, N, N]``.
        linear: linear value of each sRGB byte ``[256]``.
        texels: place of each triangle's corners in the skin maps, in texels ``[F, 3, 2]``.
        lash_texture: lightness and opacity of lashes ``[R, C, 2]``.
        eye_joints: numbers of the left and right eye's joints.
    """

    def __init__(self, surface: HeadSurface, assets: PeopleAssets, size: int) -> None:
        """Measure maps against the head."""
        self.surface, self.assets, self.size = surface, assets, size
        self.noise = skin_noise()
        byte = np.arange(256) / 255
        linear = np.where(byte <= 0.04045, byte / 12.92, ((byte + 0.055) / 1.055) ** 2.4)
        self.linear = linear.astype(np.float32)
        first = next(iter(assets.skins.values()))
        left, right, top, bottom = assets.window
        rows, columns = first.shape[:2]
        window = np.array([columns / (right - left), rows / (top - bottom)], np.float32)
        place = surface.uv * np.array([1, -1]) + np.array([-left, top])
        self.texels = np.ascontiguousarray(place * window - 0.5, np.float32)
        self.centre_row = float((top - surface.middle_v) * window[1] - 0.5)
        joints = surface.head.joint_names
        self.eye_joints = [joints.index(name) for name in ("eyeL", "eyeR")]
        self._means = {name: self._mean(skin) for name, skin in assets.skins.items()}
        self._around: dict[str, Surroundings] = {}
        alpha = lash_alpha() * 255
        lashes = np.stack([np.full_like(alpha, _MEAN_LIGHTNESS), alpha], -1)
        self.lash_texture = np.ascontiguousarray(lashes.astype(np.uint8))
        self._textures: dict[int, NDArray[np.uint8]] = {}

    def _mean(self, skin: NDArray[np.uint8]) -> Array:
        """Return the mean linear colour ``[3]`` of a map on the face."""
        surface = self.surface
        chosen = surface.segment == Segment.SKIN
        chosen &= surface.head.regions["face"].numpy()[surface.faces].all(1)
        place = np.round(self.texels[chosen].mean(1)).astype(np.int64)
        rows = place[:, 1].clip(0, skin.shape[0] - 1)
        found = skin[rows, place[:, 0].clip(0, skin.shape[1] - 1)]
        mean: Array = self.linear[found].mean(0)
        return mean

    def mean_skin_of(self, maps: tuple[str, str]) -> Array:
        """Return the mean linear colour ``[3]`` of a skin before its gain: of its first map."""
        return self._means[maps[0]]

    def numbers(self, recipe: PersonRecipe) -> Array:
        """Return a person's numbers for the drawing loops."""
        skin = recipe.skin
        rng = np.random.default_rng(skin.seed)
        values = np.zeros(records.NUM_NUMBERS, np.float32)
        values[records.SHARE] = skin.fraction
        values[records.GAIN_R : records.GAIN_B + 1] = skin.gain
        first, second = (self._means[name] for name in skin.maps)
        values[records.LIKE_R : records.LIKE_B + 1] = first / second
        values[records.CONTRAST] = skin.contrast
        values[records.MEAN_R : records.MEAN_B + 1] = self.mean_skin_of(skin.maps)
        values[records.BUMP], values[records.FRECKLES] = skin.bump, skin.freckles
        values[records.BLOTCHES], values[records.STUBBLE] = skin.blotches, skin.stubble
        values[records.LIP_R : records.LIP_B + 1] = skin.lip_colour
        values[records.LIP_GLOSS], values[records.EYE_SHADOW] = skin.lip_gloss, skin.eye_shadow
        values[records.GLOSS] = skin.gloss
        values[records.MIRROR_A], values[records.MIRROR_B] = skin.mirrored
        values[records.CENTRE_ROW] = self.centre_row
        values[records.HAIR_R : records.HAIR_B + 1] = recipe.brow_colour
        values[records.NOISE_X : records.NOISE_Y + 1] = 1000 + rng.random(2) * 1000
        values[records.PUPIL] = recipe.pupil
        values[records.SCLERA_R : records.SCLERA_B + 1] = recipe.sclera
        values[records.IRIS_R : records.IRIS_B + 1] = recipe.iris_gain
        values[records.IRIS_SIZE] = _IRIS_RADIUS
        return values

    def hair_texture(self, hair: HairAsset) -> NDArray[np.uint8]:
        """Return a hairdo's texture, half as fine where pictures are small."""
        if self.size > _LARGE:
            return hair.texture
        key = id(hair)
        if key not in self._textures:
            rows, columns = hair.texture.shape[:2]
            half = (columns // 2, rows // 2)
            self._textures[key] = np.asarray(
                cv2.resize(hair.texture, half, interpolation=cv2.INTER_AREA), np.uint8
            )
        return self._textures[key]

    def around(self, probe: str) -> Surroundings:
        """Return a light probe by name, prepared.

        Raises:
            AssetError: if there is none of the name.
        """
        if probe not in self._around:
            if probe not in self.assets.probes:
                known = ", ".join(self.assets.probes)
                raise AssetError(f"no probe is named {probe!r}: there are {known}")
            self._around[probe] = surroundings(self.assets.probes[probe])
        return self._around[probe]
