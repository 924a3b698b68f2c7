"""The page's world: metres, +x right, +y up, +z to the viewer; the photo lies in a plane of it.

A scaled orthographic camera moves, scales and flips but does not distort, so every face of a photo
has its place in one world, where a viewer far in front sees what the camera saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SIZE

Array = NDArray[np.floating]

PHOTO_FOV = math.radians(0.2)
"""Vertical field of view that stands for an orthographic camera.

What lies 15 cm before the photo's plane is off by 0.1 % of a picture that is 25 cm wide."""
FREE_FOV = math.radians(28)
"""Vertical field of view in radians of heads without a photo: a portrait lens; chosen by eye."""
_MARGIN = 1.04
"""Room around a picture that is looked at; set by eye."""
_DEPTH = 2.0
"""Metres of depth around the looked-at point that are drawn."""


@dataclass(frozen=True)
class Stage:
    """The plane of a picture in the world, its middle at the origin.

    Attributes:
        image_size: width and height in pixels.
        metres_per_pixel: size of a pixel in the world.
    """

    image_size: tuple[int, int]
    metres_per_pixel: float

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height in metres."""
        width, height = self.image_size
        return width * self.metres_per_pixel, height * self.metres_per_pixel

    def placement(
        self, camera: Array, T_crop_image: Array
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return matrix ``[3, 3]`` and shift ``[3]`` from head space to where the picture shows it.

        Args:
            camera: scale, tx, ty ``[3]`` of the crop's scaled orthographic camera.
            T_crop_image: ``[3, 3]``, picture pixels to crop pixels.
        """
        scale, tx, ty = (float(value) for value in camera)
        half = CROP_SIZE / 2
        T_image_crop = np.linalg.inv(np.asarray(T_crop_image, np.float64))
        to_crop = np.array([[half * scale, 0.0], [0.0, -half * scale]])
        start = np.array([half * (scale * tx + 1), half * (1 - scale * ty)])
        linear = T_image_crop[:2, :2] @ to_crop
        origin = T_image_crop[:2, :2] @ start + T_image_crop[:2, 2]
        flip = np.array([1.0, -1.0])
        matrix, shift = np.zeros((3, 3)), np.zeros(3)
        matrix[:2, :2] = flip[:, None] * linear
        matrix[2, 2] = math.sqrt(abs(np.linalg.det(linear)))
        shift[:2] = flip * (origin - np.array(self.image_size) / 2)
        return (
            (matrix * self.metres_per_pixel).astype(np.float32),
            (shift * self.metres_per_pixel).astype(np.float32),
        )


def metres_per_pixel(camera: Array, T_crop_image: Array) -> float:
    """Return the size in metres of a picture's pixel at a face, by its camera and crop."""
    zoom = math.sqrt(abs(float(np.linalg.det(np.asarray(T_crop_image)[:2, :2]))))
    return zoom / (0.5 * abs(float(camera[0])) * CROP_SIZE)


@dataclass(frozen=True)
class Viewpoint:
    """A camera of the page.

    Attributes:
        position: its position ``[3]`` in metres.
        look_at: the point ``[3]`` in its middle, in metres.
        fov: vertical field of view in radians.
    """

    position: tuple[float, float, float]
    look_at: tuple[float, float, float]
    fov: float

    @property
    def near(self) -> float:
        """Distance from which it draws: depth far away has no precision to give away."""
        distance = math.dist(self.position, self.look_at)
        return max(distance - _DEPTH, 0.05 * distance)


def fitting_view(
    centre: Array, extent: tuple[float, float], aspect: float, fov: float
) -> Viewpoint:
    """Return the viewpoint straight in front of a rectangle that shows all of it.

    Args:
        centre: of the rectangle ``[3]``.
        extent: its width and height in metres.
        aspect: width over height of the page's canvas.
        fov: vertical field of view in radians.
    """
    visible = max(extent[1], extent[0] / aspect) * _MARGIN
    distance = visible / 2 / math.tan(fov / 2)
    x, y, z = (float(value) for value in centre)
    return Viewpoint((x, y, z + distance), (x, y, z), fov)
