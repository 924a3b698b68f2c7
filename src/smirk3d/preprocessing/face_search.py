"""Where in a picture to look for faces that the box finder misses at first sight.

The box finder squeezes what it is given into 128 x 128 pixels and was made for faces near a phone.
So small faces are looked for in overlapping tiles, faces cut by the border in a picture with black
around it, and turned faces in the turned picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.preprocessing.face_detector import box_overlap
from smirk3d.preprocessing.mediapipe_tasks import FaceBox

Image = NDArray[np.uint8]
Finder = Callable[[Image], list[FaceBox]]

_INPUT_SIDE = 256
"""Longest side of what the finder is given: twice its input, so that its sampling aliases less."""

_SMALLEST_SHARE = 0.12
"""Size of the smallest face that is found reliably, as a share of the longest side."""

_TILE_OVERLAP = 0.4
"""Share of a tile's side that neighbours have in common: a face of that size is whole in one."""


def search_faces(image: Image, finder: Finder, *, min_face: float) -> list[FaceBox]:
    """Return the faces in a picture, each once, the largest first.

    Args:
        image: uint8 ``[H, W, 3]``.
        finder: returns the faces it sees in a picture.
        min_face: size in pixels of the smallest face to look for; sets the size of the tiles.
    """
    found = _whole(image, finder)
    for left, top, right, bottom in tiles(image.shape[1], image.shape[0], min_face):
        part = _shrunk_search(image[top:bottom, left:right], finder)
        found += [_moved(face, np.eye(2), np.array([left, top])) for face in part]
    if not found:
        found = _turned(image, finder)
    return distinct(found)


def tiles(width: int, height: int, min_face: float) -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, right, bottom of square tiles, halving their side level by level.

    The finest level's tiles are just small enough for faces of ``min_face`` pixels.
    """
    finest = max(min_face / _SMALLEST_SHARE, 128.0)
    side = max(width, height)
    while side > finest:
        side = max(side / 2, finest)
        columns, rows = _starts(width, side), _starts(height, side)
        for top in rows:
            for left in columns:
                yield (
                    left, top, min(left + int(side), width), min(top + int(side), height),
                )  # fmt: skip


def _starts(length: int, side: float) -> list[int]:
    free = length - side
    if free <= 0:
        return [0]
    count = int(np.ceil(free / (side * (1 - _TILE_OVERLAP)))) + 1
    return [int(start) for start in np.linspace(0, free, count)]


def distinct(faces: list[FaceBox]) -> list[FaceBox]:
    """Return the faces without those that show the same as a more certain one, largest first."""
    kept: list[FaceBox] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if kept:
            union, smaller = box_overlap(np.stack([k.box for k in kept]), face.box)
            if union.max() > 0.3 or smaller.max() > 0.6:
                continue
        kept.append(face)
    return sorted(kept, key=lambda f: -float(np.prod(f.box[2:] - f.box[:2])))


def _whole(image: Image, finder: Finder) -> list[FaceBox]:
    """Search the whole picture, and once more with black around it for faces at the border."""
    found = _shrunk_search(image, finder)
    height, width = image.shape[:2]
    zoom = min(1.0, _INPUT_SIDE / (2 * max(height, width)))
    small = _resized(image, zoom)
    margin = max(small.shape[:2]) // 2
    padded = cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    zoom_xy = np.array([width / small.shape[1], height / small.shape[0]])
    for face in finder(padded):
        found.append(_moved(face, np.diag(zoom_xy), -margin * zoom_xy))
    return found


def _turned(image: Image, finder: Finder) -> list[FaceBox]:
    """Search the picture turned by a quarter, a half and three quarters."""
    height, width = image.shape[:2]
    # Image points from points of the picture that np.rot90 turned anticlockwise.
    back = {
        1: (np.array([[0, -1], [1, 0]]), np.array([width, 0])),
        2: (np.array([[-1, 0], [0, -1]]), np.array([width, height])),
        3: (np.array([[0, 1], [-1, 0]]), np.array([0, height])),
    }
    found = []
    for quarters, (matrix, shift) in back.items():
        turned = np.ascontiguousarray(np.rot90(image, quarters))
        found += [_moved(face, matrix, shift) for face in _whole(turned, finder)]
    return found


def _shrunk_search(image: Image, finder: Finder) -> list[FaceBox]:
    small = _resized(image, min(1.0, _INPUT_SIDE / max(image.shape[:2])))
    zoom = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
    return [_moved(face, np.diag(zoom), np.zeros(2)) for face in finder(small)]


def _resized(image: Image, zoom: float) -> Image:
    if zoom >= 1:
        return image
    size = (max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _moved(face: FaceBox, matrix: NDArray[np.generic], shift: NDArray[np.generic]) -> FaceBox:
    """Return the face after ``point -> matrix @ point + shift``."""
    corners = face.box.reshape(2, 2) @ matrix.T + shift
    return FaceBox(
        box=np.concatenate([corners.min(0), corners.max(0)]),
        score=face.score,
        keypoints=face.keypoints @ matrix.T + shift,
    )
