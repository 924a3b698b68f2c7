"""What stands around a person, and what a camera makes of the light."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.synthesis.people.drawing.lighting import Surroundings, looked_up
from smirk3d.synthesis.people.recipes import CameraRecipe, SceneRecipe

Array = NDArray[np.float32]

_REFERENCE = 224
"""Side of the picture in whose pixels blurs are given."""
_WIDER = 3.5
"""How much more of a probe a background shows than the lens would: at portrait lengths that is a
few texels."""
_SKIN_BRIGHTNESS = 0.30
"""Mean linear green of a light face in a well exposed photo."""


def background(
    scene: SceneRecipe, around: Surroundings, size: int, focal: float, rng: np.random.Generator
) -> Array:
    """Return what lies behind a person, linear RGB ``[S, S, 3]``."""
    grid = (np.arange(size, dtype=np.float32) + 0.5 - size / 2) / focal * _WIDER
    x, y = np.meshgrid(grid, -grid)
    if scene.background == "probe":
        directions = np.stack([x, y, -np.ones_like(x)], -1)
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        picture = looked_up(around.sharp, directions, scene.light.turn).clip(0, 6)
        picture = cv2.GaussianBlur(picture, (0, 0), size * rng.uniform(0.01, 0.05))
        return np.asarray(picture * scene.light.ambient, np.float32)
    base = rng.uniform(0.02, 0.9) * (0.7 + 0.3 * rng.random(3))
    picture = np.ones((size, size, 3), np.float32) * base.astype(np.float32)
    slope = rng.normal(0, 0.35, 2)
    ramp = (
        slope[0] * np.linspace(-1, 1, size)[None, :] + slope[1] * np.linspace(-1, 1, size)[:, None]
    )
    picture *= np.exp(ramp)[..., None].astype(np.float32)
    if scene.background == "shapes":
        for _ in range(rng.integers(2, 9)):
            colour = (rng.uniform(0.01, 1.0) * (0.6 + 0.4 * rng.random(3))).tolist()
            corner = rng.integers(-size // 2, size, 2)
            far = corner + rng.integers(size // 10, size, 2)
            cv2.rectangle(picture, corner.tolist(), far.tolist(), colour, -1)
    if scene.background == "bokeh":
        for _ in range(rng.integers(5, 25)):
            colour = (rng.uniform(0.2, 4.0) * (0.5 + 0.5 * rng.random(3))).tolist()
            radius = int(rng.integers(size // 40 + 1, size // 10))
            cv2.circle(picture, rng.integers(0, size, 2).tolist(), radius, colour, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), size * rng.uniform(0.004, 0.03)))


def occlude(
    picture: Array, count: int, skin: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return a picture with things before the face, and how much they cover ``[S, S]``.

    Args:
        picture: linear RGB ``[S, S, 3]``.
        count: number of things.
        skin: linear RGB of hands.
        rng: that draws them.
    """
    size = picture.shape[0]
    cover = np.zeros((size, size), np.float32)
    for _ in range(count):
        mask = np.zeros((size, size), np.float32)
        colour = rng.uniform(0.02, 0.7) * (0.6 + 0.4 * rng.random(3))
        kind = rng.choice(["hand", "card", "stick", "edge"])
        centre = rng.uniform(0.15, 0.95, 2) * size
        turn = rng.uniform(0, 360)
        if kind == "hand":
            colour = skin.astype(np.float64) * rng.uniform(0.8, 1.2)
            _hand(mask, centre, turn, size * rng.uniform(0.05, 0.09))
        elif kind == "card":
            box = (centre.tolist(), (size * rng.uniform(0.1, 0.4, 2)).tolist(), turn)
            cv2.fillPoly(mask, [cv2.boxPoints(box).astype(np.int32)], 1.0)
        elif kind == "stick":
            end = centre + size * np.array([math.cos(turn), math.sin(turn)])
            width = int(size * rng.uniform(0.02, 0.06)) + 1
            cv2.line(mask, _pixel(centre), _pixel(end), 1.0, width, cv2.LINE_AA)
            cv2.circle(mask, _pixel(centre), width, 1.0, -1, cv2.LINE_AA)
        else:
            side = rng.integers(0, 4)
            place = np.array([(0.0, 0.5), (1.0, 0.5), (0.5, 1.05), (0.5, -0.05)][side]) * size
            axes = size * rng.uniform(0.12, 0.3, 2)
            cv2.ellipse(mask, _pixel(place), _pixel(axes), turn, 0, 360, 1.0, -1, cv2.LINE_AA)
        mask = _float(cv2.GaussianBlur(mask, (0, 0), size * rng.uniform(0.002, 0.012)))
        light = 0.55 + 0.9 * cv2.GaussianBlur(mask, (0, 0), size * 0.04)
        texture = cv2.resize(rng.normal(1, 0.08, (12, 12)).astype(np.float32), (size, size))
        drawn = colour.astype(np.float32) * (light * texture)[..., None]
        picture = _float(picture + mask[..., None] * (drawn - picture))
        cover = np.maximum(cover, mask)
    return picture, cover


def _float(picture: NDArray[np.generic]) -> Array:
    return np.asarray(picture, np.float32)


def _pixel(place: NDArray[np.floating]) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _hand(mask: Array, centre: NDArray[np.float64], turn: float, finger: float) -> None:
    """Draw four fingers and a palm."""
    ahead = np.array([math.cos(math.radians(turn)), math.sin(math.radians(turn))])
    side = np.array([-ahead[1], ahead[0]])
    for number, length in enumerate((2.4, 3.0, 2.8, 2.0)):
        root = centre + side * finger * 1.02 * (number - 1.5)
        tip = root + ahead * finger * length
        cv2.line(mask, _pixel(root), _pixel(tip), 1.0, int(finger) + 1, cv2.LINE_AA)
    palm = centre - ahead * finger * 1.5
    cv2.circle(mask, _pixel(palm), int(finger * 2.2), 1.0, -1, cv2.LINE_AA)


def exposed(picture: Array, skin: NDArray[np.bool_], camera: CameraRecipe, albedo: float) -> Array:
    """Return a picture whose skin is as bright as cameras make it.

    Args:
        picture: linear RGB ``[S, S, 3]``.
        skin: pixels of skin ``[S, S]``.
        camera: whose exposure counts.
        albedo: mean linear green of the skin: dark skin is not lifted to light skin's brightness.
    """
    level = float(np.median(picture[..., 1][skin])) if skin.any() else float(picture.mean())
    wanted = _SKIN_BRIGHTNESS * (albedo / 0.40) ** 0.65
    return picture * np.float32(camera.exposure * wanted / max(level, 1e-4))


def photographed(
    picture: Array, camera: CameraRecipe, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the camera's picture uint8 ``[S, S, 3]`` of linear light ``[S, S, 3]``."""
    size = picture.shape[0]
    unit = size / _REFERENCE
    picture = picture * np.array(camera.balance, np.float32)
    if camera.motion_blur * unit > 1:
        kernel = _streak(camera.motion_blur * unit, camera.motion_angle)
        picture = _float(cv2.filter2D(picture, -1, kernel))
    if camera.focus_blur * unit > 0.2:
        picture = _float(cv2.GaussianBlur(picture, (0, 0), camera.focus_blur * unit))
    if camera.reduced > 1.05:
        small = max(int(size / camera.reduced), 16)
        picture = _float(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA))
        picture = _float(cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC))
    if camera.vignette > 0:
        grid = np.linspace(-1, 1, size, dtype=np.float32) ** 2
        picture = _float(picture * (1 - camera.vignette * (grid[:, None] + grid) / 2)[..., None])
    picture = _toned(picture, camera)
    if camera.grain > 0:
        noise = rng.standard_normal((size, size, 3), dtype=np.float32)
        noise = 0.6 * noise + 0.4 * noise[..., :1]
        picture = picture + camera.grain * noise * (1.15 - 0.6 * picture)
    result = np.asarray((picture * 255 + 0.5).clip(0, 255), np.uint8)
    if camera.jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg]
        result = np.asarray(cv2.imdecode(cv2.imencode(".jpg", result, quality)[1], 1), np.uint8)
    return result


def _toned(picture: Array, camera: CameraRecipe) -> Array:
    """Return display values 0 to 1: highlights roll off, then contrast and saturation."""
    x = picture.clip(0, None)
    # straight below 0.6, then towards 1
    knee = np.float32(0.6)
    over = np.maximum(x - knee, 0)
    x = np.minimum(x, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    x = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(x.clip(1e-6), 1 / 2.4) - 0.055)
    x = 0.45 + (x - 0.45) * camera.contrast
    grey = x @ np.array([0.299, 0.587, 0.114], np.float32)
    toned: Array = (grey[..., None] + (x - grey[..., None]) * camera.saturation).clip(0, 1)
    return toned.astype(np.float32)


def _streak(length: float, angle: float) -> Array:
    half = math.ceil(length / 2)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    step = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    centre = np.array([half, half])
    cv2.line(kernel, _pixel(centre - step + 0.5), _pixel(centre + step + 0.5), 1.0, 1, cv2.LINE_AA)
    return kernel / kernel.sum()
