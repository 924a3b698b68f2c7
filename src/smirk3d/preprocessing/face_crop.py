"""Square face crops: the one place where picture pixels become crop pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SCALE, CROP_SIZE
from smirk3d.errors import check_shape

Array = NDArray[np.floating]


_FOREHEAD, _CHIN = 10, 152
"""MediaPipe's landmarks at the upper and lower end of the face's oval, on its middle.

In the canonical face one lies above the other within 0.7 degrees seen from the side, so that the
line between them keeps its direction however the head rotates about it, or nods."""


def face_roll(landmarks: Array) -> float:
    """Return the rotation of a face clockwise in its picture, in radians from -pi to pi.

    Args:
        landmarks: MediaPipe's ``[478, 2]`` or ``[478, 3]`` in picture pixels.

    Raises:
        ShapeError: if the landmarks have another shape.
    """
    check_shape(landmarks, "478 D", "landmarks")
    right, down = (np.asarray(landmarks[_FOREHEAD]) - np.asarray(landmarks[_CHIN]))[:2]
    return math.atan2(right, -down) if right or down else 0.0


def crop_transform(
    landmarks_xy: Array, *, scale: float = CROP_SCALE, size: int = CROP_SIZE, roll: float = 0.0
) -> NDArray[np.float64]:
    """Return ``T_crop_image`` ``[3, 3]``: picture pixels to crop pixels.

    The crop is a square around the centre of the landmark box; its side is ``scale`` times the
    mean of the box's width and height. Both frames have pixel centres at +0.5, so the square's
    left edge maps to 0 and its right edge to ``size``, which is ndc -1 to 1.

    Args:
        landmarks_xy: ``[L, 2]`` or more columns, of which x and y are read; picture pixels.
        scale: side of the crop as a multiple of the landmark box.
        size: side of the crop in pixels.
        roll: rotation of box and crop clockwise in the picture, in radians; a face rotated by
            so much stands upright in the crop.

    Raises:
        ShapeError: if the landmarks are no ``[L, 2]`` or ``[L, 3]`` array.
        ValueError: if they span no area or are not finite.
    """
    check_shape(landmarks_xy, "L D", "landmarks_xy")
    cos, sin = math.cos(roll), math.sin(roll)
    upright = np.array([[cos, sin], [-sin, cos]])
    points = np.asarray(landmarks_xy, np.float64)[:, :2] @ upright.T
    low, high = points.min(0), points.max(0)
    side = scale * float((high - low).mean())
    if not np.isfinite(side) or side <= 0:
        raise ValueError(f"landmarks span no box to crop: from {low} to {high}")
    zoom = size / side
    transform = np.eye(3)
    transform[:2, :2] = zoom * upright
    transform[:2, 2] = -zoom * ((low + high) / 2 - side / 2)
    return transform


def without_roll(transform: Array, size: int = CROP_SIZE) -> NDArray[np.float64]:
    """Return ``T_crop_image`` ``[3, 3]`` of the crop with the same centre and zoom, not rotated.

    Args:
        transform: ``T_crop_image`` ``[3, 3]``, a similarity.
        size: side of the crop in pixels.
    """
    if transform[0, 0] > 0 and transform[0, 1] == transform[1, 0] == 0:
        return np.array(transform, np.float64)
    zoom = math.sqrt(abs(float(np.linalg.det(transform[:2, :2]))))
    centre = np.linalg.solve(transform[:2, :2], size / 2 - transform[:2, 2])
    offset = size / 2 - zoom * centre
    return np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]], [0, 0, 1]])


def transform_points(transform: Array, points: Array) -> NDArray[np.float64]:
    """Return points ``[..., 2 or 3]`` moved by an affine transform ``[3, 3]``.

    A third column (MediaPipe's z, in the scale of x) is multiplied by the transform's scale, the
    square root of its area change.
    """
    moved = np.array(points, np.float64)
    moved[..., :2] = moved[..., :2] @ transform[:2, :2].T + transform[:2, 2]
    moved[..., 2:] *= np.sqrt(abs(np.linalg.det(transform[:2, :2])))
    return moved


def warp_crop(
    image: NDArray[np.uint8],
    transform: Array,
    size: int | tuple[int, int] = CROP_SIZE,
    *,
    antialias: bool = True,
) -> NDArray[np.uint8]:
    """Return the crop ``[size, size, C]`` that ``T_crop_image`` cuts from a picture.

    Sampling is bilinear. Outside the picture is black.

    Args:
        image: uint8 ``[H, W, C]`` or ``[H, W]``.
        transform: ``T_crop_image`` ``[3, 3]``, affine; pixel centres at +0.5.
        size: side of the crop, or its (height, width).
        antialias: first average the source over whole blocks of pixels where the crop is less
            than half its size.
    """
    height, width = (size, size) if isinstance(size, int) else size
    part, to_crop = _source_region(image, np.asarray(transform, np.float64), height, width)
    if part.size == 0:
        return np.zeros((height, width, *image.shape[2:]), np.uint8)
    block = int(1 / np.sqrt(abs(np.linalg.det(to_crop[:2, :2]))))
    if antialias and block > 1:
        part = _block_means(part, block)
        to_crop = to_crop @ np.diag([block, block, 1.0])
    # cv2 counts from pixel centres: shift both frames by half a pixel.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(half) @ to_crop @ half
    crop = cv2.warpAffine(
        np.ascontiguousarray(part),
        matrix[:2],
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(crop, np.uint8)


def _block_means(image: NDArray[np.uint8], block: int) -> NDArray[np.uint8]:
    """Return means of whole blocks; those at the right and lower edge are filled up with black."""
    height, width = image.shape[:2]
    rows, columns = -(-height // block), -(-width // block)
    padded = cv2.copyMakeBorder(
        image, 0, rows * block - height, 0, columns * block - width, cv2.BORDER_CONSTANT
    )
    means = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.uint8)


def _source_region(
    image: NDArray[np.uint8], transform: Array, height: int, width: int
) -> tuple[NDArray[np.uint8], Array]:
    """Return the part of the picture that the crop shows, which may be empty, and ``T_crop_part``.

    OpenCV's warp takes at most 32767 pixels a side, and blocks need averaging only there.
    """
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    source = transform_points(np.linalg.inv(transform), corners)
    margin = 2 / np.sqrt(abs(np.linalg.det(transform[:2, :2]))) + 2
    limits = np.array([image.shape[1], image.shape[0]])
    left, top = np.clip(np.floor(source.min(0) - margin), 0, limits).astype(int)
    right, bottom = np.clip(np.ceil(source.max(0) + margin), 0, limits).astype(int)
    shift = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
    return image[top:bottom, left:right], transform @ shift


def crop_face(
    image: NDArray[np.uint8],
    landmarks: Array,
    *,
    scale: float = CROP_SCALE,
    size: int = CROP_SIZE,
    roll: float = 0.0,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the face's crop uint8 ``[size, size, 3]`` and its ``T_crop_image`` ``[3, 3]``.

    Args:
        image: uint8 ``[H, W, 3]``.
        landmarks: ``[L, 2]`` or ``[L, 3]`` in picture pixels.
        scale: side of the crop as a multiple of the landmark box.
        size: side of the crop in pixels.
        roll: rotation of box and crop clockwise in the picture, in radians.
    """
    transform = crop_transform(landmarks, scale=scale, size=size, roll=roll)
    return warp_crop(image, transform, size), transform


def smirk_crop_transform(
    landmarks_xy: Array, *, scale: float = 1.4, size: int = CROP_SIZE
) -> NDArray[np.float64]:
    """Return ``T_crop_image`` ``[3, 3]`` by the rule of the original SMIRK's demos.

    For its checkpoints only, which were trained with its offsets. It differs from
    :func:`crop_transform` in three ways: the square's side is cut to whole pixels; its corners
    map to 0 and ``size - 1`` in coordinates where pixel centres are whole numbers; and landmarks
    are taken for such coordinates although they are not. The result here has centres at +0.5 on
    both sides. Cut with ``antialias=False``, as the original does.

    Args:
        landmarks_xy: ``[L, 2]`` or more columns; picture pixels, MediaPipe's fractions times
            width and height.
        scale: side of the crop as a multiple of the landmark box; 1.4 in the demos, 1.6 in
            validation.
        size: side of the crop in pixels.

    Raises:
        ShapeError: if the landmarks are no ``[L, 2]`` or ``[L, 3]`` array.
        ValueError: if they span no area or are not finite.
    """
    check_shape(landmarks_xy, "L D", "landmarks_xy")
    points = np.asarray(landmarks_xy, np.float64)[:, :2]
    low, high = points.min(0), points.max(0)
    mean_side = scale * float((high - low).mean())
    if not np.isfinite(mean_side) or int(mean_side) < 1:
        raise ValueError(f"landmarks span no box to crop: from {low} to {high}")
    side = int(mean_side)
    zoom = (size - 1) / side
    offset = 0.5 - zoom * ((low + high) / 2 - side / 2 + 0.5)
    return np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]], [0, 0, 1]])
