"""Pictures of data sets: the head's masks, and the head before a plain background."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.export.flame.clip import FlameClip
from smirk3d.rasterization.base import rasterize

Mask = NDArray[np.uint8]

TRAIN_FRACTION = 0.7
"""VHAP's: the first part of a clip of one camera is for training, the rest for testing."""
_HAIR_FRACTION = 0.03
"""Of the picture's larger side, by which the rendered head grows: ears and short hair lie within.
Chosen by eye."""


def num_training_frames(count: int) -> int:
    """Return how many of so many frames, the first ones, are for training; at least one."""
    return min(count, max(1, math.ceil(TRAIN_FRACTION * count)))


def head_mask(clip: FlameClip, frame: int) -> Mask:
    """Return 255 where a frame shows the head or what lies close around it, else 0 ``[H, W]``."""
    height, width = clip.image_size
    flat = clip.seen(frame) * np.array([2 / width, 2 / height], np.float32) - 1
    flat = np.pad(flat, ((0, 0), (0, 1)))
    seen = rasterize(flat[None], clip.head.faces, height, width).mask[0]
    grown = 2 * round(_HAIR_FRACTION * max(height, width)) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grown, grown))
    return np.asarray(cv2.dilate(seen.astype(np.uint8) * 255, brush))


def mouth_mask(clip: FlameClip, frame: int) -> Mask:
    """Return 255 within the hull of the lips, else 0 ``[H, W]``."""
    points = clip.seen(frame)[clip.head.regions["lips"]]
    mask = np.zeros(clip.image_size, np.uint8)
    if len(points) >= 3:
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points).astype(np.int32)), 255)
    return mask


def before_white(image: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """Return a picture ``[H, W, 3]`` that is white outside a mask."""
    return np.where(mask[..., None] > 0, image, np.uint8(255))


def save_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write pixels ``[H, W]``, ``[H, W, 3]`` or ``[H, W, 4]``, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    if path.suffix == ".jpg":
        picture.save(path, quality=95)
    else:
        picture.save(path)
