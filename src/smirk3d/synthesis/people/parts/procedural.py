"""Skins, irises, hair and light that need no assets, and the noise that all skins share."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.rendering.complexion import EYE_COLOURS
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.kernels.records import EYELIDS, LIPS, RED
from smirk3d.synthesis.people.labels import Segment
from smirk3d.synthesis.people.parts.assets import HairAsset, PeopleAssets
from smirk3d.synthesis.people.parts.brows import OWN_BROWS, own_brows
from smirk3d.synthesis.skin_tones import SKIN_TONES

Array = NDArray[np.float32]

_SEED = 20
"""Any number does; another gives other noise, and so other pictures."""
_NOISE = 256
"""Side of the noise in texels, chosen by eye."""
_TONES = tuple(SKIN_TONES[i] for i in (1, 2, 4, 5))
"""sRGB of procedural skins, light to dark."""
_MAP = (640, 300)
"""Rows and columns of a procedural skin, chosen by eye."""
_SCALP = 0.25
"""Fraction of a vertex that must be scalp for hair to grow there."""
_SHELLS = {"shells-1": (0.004, 4), "shells-2": (0.009, 6), "shells-3": (0.026, 10)}
"""Length in metres and number of shells of procedural hair."""


def smooth_noise(rng: np.random.Generator, size: int, waves: float) -> Array:
    """Return tileable noise ``[size, size]`` of mean 0 and standard deviation 1."""
    spectrum = np.fft.fft2(rng.standard_normal((size, size)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size))) * size
    field = np.fft.ifft2(spectrum * np.exp(-((frequency / waves) ** 2))).real
    noise: Array = (field / field.std()).astype(np.float32)
    return noise


@cache
def skin_noise() -> Array:
    """Return smooth noise, single hairs and spots ``[3, N, N]`` for skins."""
    rng = np.random.default_rng(_SEED)
    hairs = cv2.GaussianBlur(rng.random((_NOISE, _NOISE)).astype(np.float32), (0, 0), 0.6)
    hairs = np.clip((hairs - 0.5) * 3 + 0.5, 0, 1)
    spots = np.zeros((_NOISE, _NOISE), np.float32)
    for _ in range(420):
        x, y = rng.integers(4, _NOISE - 4, 2)
        radius, depth = rng.uniform(0.8, 2.2), rng.uniform(0.3, 1.0)
        grid = np.mgrid[y - 4 : y + 5, x - 4 : x + 5].astype(np.float32)
        blob = depth * np.exp(-((grid[0] - y) ** 2 + (grid[1] - x) ** 2) / radius**2)
        part = spots[y - 4 : y + 5, x - 4 : x + 5]
        np.maximum(part, blob.astype(np.float32), out=part)
    return np.stack([smooth_noise(rng, _NOISE, 6.0), hairs, spots]).astype(np.float32)


def procedural_assets(surface: HeadSurface) -> PeopleAssets:
    """Return what people can be made of without a folder of assets."""
    rng = np.random.default_rng(_SEED)
    window = _window(surface)
    return PeopleAssets(
        skins={
            f"procedural-{i}": _skin(surface, window, tone, rng) for i, tone in enumerate(_TONES)
        },
        window=window,
        brows={shape: own_brows(surface, shape) for shape in OWN_BROWS},
        hair={name: _shells(surface, *kind, rng) for name, kind in _shells_on(surface)},
        irises={name: _iris(colour, rng) for name, colour in EYE_COLOURS.items()},
        probes={f"procedural-{i}": _probe(rng) for i in range(6)},
    )


def _shells_on(surface: HeadSurface) -> list[tuple[str, tuple[float, int]]]:
    """Return the kinds of hair that a head can have: none without a scalp."""
    return list(_SHELLS.items()) if (surface.scalp > _SCALP).any() else []


def _window(surface: HeadSurface) -> tuple[float, float, float, float]:
    """Return the part of the UV square that the skin before the neck's cap covers."""
    place = surface.uv[(surface.segment == Segment.SKIN) | (surface.segment == Segment.EARS)]
    low, high = place.reshape(-1, 2).min(0), place.reshape(-1, 2).max(0)
    return float(low[0]), float(high[0]), float(high[1]), float(low[1])


def _skin(
    surface: HeadSurface,
    window: tuple[float, float, float, float],
    tone: tuple[float, float, float],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Return a map with lips, eyelids and ruddy places painted by the head's masks."""
    height, width = _MAP
    picture = np.ones((height, width, 3), np.float32) * np.array(tone, np.float32)
    paint = np.zeros((height, width, 3), np.float32)
    left, right, top, bottom = window
    skin = surface.material == 0
    place = surface.uv[skin] * np.array([1, -1]) + np.array([-left, top])
    place = place / np.array([right - left, top - bottom]) * np.array([width, height])
    fractions = surface.masks[surface.faces[skin]].mean(1)[:, [LIPS, EYELIDS, RED]]
    for triangle, fraction in zip(place, fractions, strict=True):
        if fraction.max() > 0.02:
            cv2.fillConvexPoly(paint, np.round(triangle).astype(np.int32), fraction.tolist())
    paint = np.asarray(cv2.GaussianBlur(paint, (0, 0), 1.6), np.float32)
    lips, eyelids, red = (paint[..., i : i + 1] for i in range(3))
    picture *= 1 - lips * np.array([0.16, 0.42, 0.38])
    picture *= 1 - red * np.array([0.0, 0.07, 0.07])
    picture *= 1 - eyelids * np.array([0.06, 0.12, 0.10])
    tile = np.tile(smooth_noise(rng, _NOISE, 50.0), (3, 2))[:height, :width, None]
    broad = np.tile(smooth_noise(rng, _NOISE, 6.0), (3, 2))[:height, :width, None]
    picture *= 1 + 0.025 * tile + 0.02 * broad * np.array([0.4, 1.0, 1.2])
    return np.asarray((picture * 255).clip(0, 255), np.uint8)


def _iris(colour: tuple[float, float, float], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return an iris of radial fibres ``[R, A, 3]``."""
    rows, columns = 32, 128
    fibres = cv2.resize(rng.random((4, columns)).astype(np.float32), (columns, rows))
    radius = np.linspace(0, 1, rows)[:, None]
    light = (0.75 + 0.5 * fibres) * (1.25 - 0.5 * radius)
    picture = light[..., None] * np.array(colour)
    return np.asarray((picture * 255).clip(0, 255), np.uint8)


def _probe(rng: np.random.Generator) -> Array:
    """Return a sky, a ground and a few broad lamps or windows ``[32, 64, 3]``."""
    rows, columns = 32, 64
    height = np.cos((np.arange(rows) + 0.5) / rows * np.pi)[:, None, None]
    sky, ground = rng.uniform(0.3, 1.0, 3), rng.uniform(0.1, 0.5, 3)
    sky = sky.mean() * 0.7 + 0.3 * sky
    probe = np.where(height > 0, sky * (0.6 + 0.4 * height), ground.mean() * 0.6 + 0.4 * ground)
    probe = np.repeat(probe, columns, 1)
    for _ in range(rng.integers(1, 4)):
        y, x = rng.integers(4, 16), rng.integers(0, columns)
        tall, wide = rng.integers(2, 7), rng.integers(2, 9)
        colour = rng.uniform(3, 12) * (1 + rng.uniform(-0.15, 0.15) * np.array([1, 0, -1]))
        for column in range(x, x + wide):
            probe[y : y + tall, column % columns] = colour
    noise = smooth_noise(rng, columns, 10.0)[:rows, :, None]
    return np.asarray(probe * np.exp(0.25 * noise), np.float32)


def _shells(surface: HeadSurface, length: float, count: int, rng: np.random.Generator) -> HairAsset:
    """Return hair as shells over the scalp, each with fewer strands than the one below."""
    ids = np.flatnonzero((surface.scalp > _SCALP) & (surface.part == 0))
    new = np.full(len(surface.part), -1)
    new[ids] = np.arange(len(ids))
    skin = surface.faces[surface.material == 0]
    faces = new[skin[(new[skin] >= 0).all(1)]]
    points = surface.template[ids]
    along = (points[:, 1] - points[:, 1].min()) / np.ptp(points[:, 1])
    across = (points[:, 0] - points[:, 0].min()) / np.ptp(points[:, 0]) * 0.5 + 0.5 * (
        (points[:, 2] - points[:, 2].min()) / np.ptp(points[:, 2])
    )
    fade = np.clip((surface.scalp[ids] - _SCALP) * 3, 0.15, 1)[:, None]
    strands = smooth_noise(rng, _NOISE, 70.0)
    band = 160
    texture = np.zeros((band * count, _NOISE, 2), np.float32)
    offsets, places = [], []
    for shell in range(count):
        fraction = (shell + 1) / count
        lift = surface.normals[ids] * length * fraction * fade
        lift[:, 1] -= 0.15 * length * fraction**2
        offsets.append(lift)
        places.append(np.stack([across, (shell + 0.02 + 0.96 * along) / count], 1))
        rows = slice(shell * band, (shell + 1) * band)
        over = strands[:band] - (2.2 * shell / count - 1.3)
        texture[rows, :, 1] = np.clip(over * 1.6, 0, 1) * 255
        texture[rows, :, 0] = 96 * (0.75 + 0.25 * fraction + 0.15 * strands[:band])
    return HairAsset(
        corners=np.tile(np.repeat(ids[:, None], 3, 1), (count, 1)).astype(np.int32),
        bary=np.tile(np.array([1, 0, 0], np.float32), (len(ids) * count, 1)),
        offset=np.concatenate(offsets).astype(np.float32),
        faces=np.concatenate([faces + i * len(ids) for i in range(count)]).astype(np.int32),
        uv=np.concatenate(places).astype(np.float32),
        texture=texture.clip(0, 255).astype(np.uint8),
        shade=np.repeat(np.linspace(0.4, 0.9, count), len(ids)).astype(np.float32),
    )
