"""Searches a picture for faces that the box finder misses in the whole of it.

The box finder scales its input to 128 x 128 pixels and was made for faces near a phone. So small
faces are searched for in overlapping tiles, faces cut by the border in a picture with black around
it, and rotated faces in the rotated picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.preprocessing.face_detector import box_area, box_overlap
from smirk3d.preprocessing.mediapipe_tasks import FaceBox

Image = NDArray[np.uint8]
Finder = Callable[[Image], list[FaceBox]]

_INPUT_SIDE = 128
"""Side of the finder's own input, to which pictures are averaged down without aliasing."""

_SMALLEST_FRACTION = 0.12
"""Size of the smallest face that is found reliably, as a fraction of the longest side."""

_TILE_OVERLAP = 0.25
"""Fraction of a tile's side that neighbours have in common: twice the smallest face's; a larger
face is found among the tiles of double size."""

_FLAT = 5.0
"""Standard deviation of grey levels, of 255, below which a tile is sky or wall."""


def search_stages(image: Image, finder: Finder, *, min_face: float) -> Iterator[list[FaceBox]]:
    """Yield the faces found in four stages, each slower or less likely to find any.

    The stages: the whole picture; its tiles; the picture rotated by quarters; the tiles of the
    rotated pictures. A face may be found in several.

    Args:
        image: uint8 ``[H, W, 3]``.
        finder: returns the faces it sees in a picture.
        min_face: size in pixels of the smallest face to look for; sets the size of the tiles.
    """
    overview = _resized(image, min(1.0, 2 * _INPUT_SIDE / max(image.shape[:2])))
    zoom = np.diag([image.shape[1] / overview.shape[1], image.shape[0] / overview.shape[0]])
    whole = _seen_whole(overview, finder)
    yield [_moved(face, zoom, np.zeros(2)) for face in whole]
    yield _seen_in_tiles(image, finder, min_face)
    rotated = _seen_rotated(overview, lambda part: _seen_whole(part, finder))
    yield [_moved(face, zoom, np.zeros(2)) for face in rotated]
    yield _seen_rotated(image, lambda part: _seen_in_tiles(part, finder, min_face))


def tile_sides(width: int, height: int, min_face: float) -> Iterator[float]:
    """Yield the sides of tiles, halved level by level down to one that shows ``min_face`` well."""
    finest = max(min_face / _SMALLEST_FRACTION, float(_INPUT_SIDE))
    side = float(max(width, height))
    while side > finest:
        side = max(side / 2, finest)
        yield side


def tile_starts(length: int, side: float) -> list[int]:
    """Return the starts of evenly spaced tiles that cover a length."""
    free = length - side
    if free <= 0:
        return [0]
    count = int(np.ceil(free / (side * (1 - _TILE_OVERLAP)))) + 1
    return [int(start) for start in np.linspace(0, free, count)]


def distinct(faces: list[FaceBox]) -> list[FaceBox]:
    """Return the faces without those that show the same as a more certain one, largest first."""
    kept: list[FaceBox] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if not shows_one_of(face, kept):
            kept.append(face)
    return sorted(kept, key=lambda f: -float(box_area(f.box)))


def shows_one_of(face: FaceBox, others: list[FaceBox]) -> bool:
    """Return whether a face is one of the others, or a part of one of them."""
    if not others:
        return False
    boxes = np.stack([other.box for other in others])
    union, smaller = box_overlap(boxes, face.box)
    area, areas = box_area(face.box), box_area(boxes)
    # Much smaller boxes inside a face can be another person's face behind it.
    similar = np.minimum(area, areas) > 0.1 * np.maximum(area, areas)
    return bool(((union > 0.3) | ((smaller > 0.6) & similar)).any())


def _seen_whole(image: Image, finder: Finder) -> list[FaceBox]:
    """Search the whole picture, and once more with black around it for faces at the border."""
    found = []
    for fraction in (0.0, 0.5):
        side = _INPUT_SIDE / (1 + 2 * fraction)
        small = _resized(image, min(1.0, side / max(image.shape[:2])))
        margin = round(max(small.shape[:2]) * fraction)
        framed = cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
        zoom = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        seen = finder(np.asarray(framed, np.uint8))
        found += [_moved(face, np.diag(zoom), -margin * zoom) for face in seen]
    return found


def _seen_in_tiles(image: Image, finder: Finder, min_face: float) -> list[FaceBox]:
    found = []
    height, width = image.shape[:2]
    level = image
    for side in reversed(list(tile_sides(width, height, min_face))):
        level = _resized(level, min(1.0, _INPUT_SIDE / side * width / level.shape[1]))
        zoom = np.array([width / level.shape[1], height / level.shape[0]])
        small_side = side / zoom.max()
        for top in tile_starts(level.shape[0], small_side):
            for left in tile_starts(level.shape[1], small_side):
                end = int(np.ceil(small_side))
                tile = level[top : top + end, left : left + end]
                if tile[::4, ::4].std() < _FLAT:
                    continue
                found += [
                    _moved(face, np.diag(zoom), np.array([left, top]) * zoom)
                    for face in finder(np.ascontiguousarray(tile))
                ]
    return found


def _seen_rotated(image: Image, search: Callable[[Image], list[FaceBox]]) -> list[FaceBox]:
    """Search the picture rotated by a quarter, a half and three quarters."""
    height, width = image.shape[:2]
    # Image points from points of the picture that np.rot90 rotated anticlockwise.
    back = {
        1: (np.array([[0, -1], [1, 0]]), np.array([width, 0])),
        2: (np.array([[-1, 0], [0, -1]]), np.array([width, height])),
        3: (np.array([[0, 1], [-1, 0]]), np.array([0, height])),
    }
    found = []
    for quarters, (matrix, shift) in back.items():
        rotated = np.ascontiguousarray(np.rot90(image, quarters))
        found += [_moved(face, matrix, shift) for face in search(rotated)]
    return found


def _resized(image: Image, zoom: float) -> Image:
    if zoom >= 1:
        return image
    size = (max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _moved(face: FaceBox, matrix: NDArray[Any], shift: NDArray[Any]) -> FaceBox:
    """Return the face after ``point -> matrix @ point + shift``."""
    corners = face.box.reshape(2, 2) @ matrix.T + shift
    return FaceBox(
        box=np.concatenate([corners.min(0), corners.max(0)]),
        score=face.score,
        keypoints=face.keypoints @ matrix.T + shift,
    )
