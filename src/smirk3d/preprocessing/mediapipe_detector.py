"""Faces and their landmarks by MediaPipe."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smirk3d.closing import Closing
from smirk3d.errors import check_shape
from smirk3d.preprocessing.face_crop import warp_crop
from smirk3d.preprocessing.face_detector import DetectedFace, box_area, box_of, box_overlap
from smirk3d.preprocessing.face_search import distinct, search_stages, shows_one_of
from smirk3d.preprocessing.mediapipe_tasks import (
    FaceBox,
    as_mediapipe_image,
    closed_with,
    find_boxes,
    landmarked_faces,
    open_box_finder,
    open_landmarker,
)
from smirk3d.preprocessing.native_log import quiet_stderr

Image = NDArray[np.uint8]

_SECOND_SCALES = (1.8, 3.5)
"""Sides of the upright squares for the second detection, as multiples of the found box."""

_SECOND_SIDE = 192
"""Side in pixels of these squares, half again as large as the finder's own input."""

_REGION_SCALES = (2.5, 1.6)
"""Sides of the squares given to the landmarker; the tighter one where a neighbour is in the way."""

_REGION_SIDE = 512
"""Side in pixels of these squares: the landmark network then sees at least its own 256 pixels."""

_CERTAIN = 0.8
"""Score from which neither another orientation nor the landmarks' stability is checked. On
composites of faces from 24 pixels and textures, faces scored 0.77 to 0.97 and others up to 0.69."""

_HOPELESS = 0.15
"""Score up to which a candidate is not checked lying otherwise: faces upside down have 0.2."""

_OTHER_WAYS = (math.pi, math.pi / 2, -math.pi / 2)
"""By how much a candidate that is not certain may lie otherwise than it seems. Of 350 rendered
people rotated by any angle 5 were not found and 3 found in a wrong way where only the first was
tried; with all three 1 and 3."""

_FLIP_GAIN = 0.1
"""By how much the score the other way must be higher: half faces score about alike either way."""

_REACH = (0.4, 0.5)
"""How far in box sides the landmarks' box may lie from a candidate's; and from that of one which
lies otherwise than it seems."""

_STABLE = 0.06
"""How far the landmarks of a face that is not certain may move between two views of it, in
distances between the outer eye corners: 0.05 at most on such composites; others 0.07 or more."""

_SAME_FACE = 0.45
"""Overlap (intersection over union) of landmark boxes above which two faces are one."""

_WEAKEST = 0.4
"""Score at first sight from which a candidate in the whole picture is checked again."""

_SECONDARY = 0.7
"""Score that further faces need after the first, except those cut by the border: ears and the
like beside a large face score 0.5 to 0.6."""

_CONFIRMED = 0.65
"""Score that any face needs at the second look. Of 1,074 rendered people who were found 7 score
less, and 9 of the 11 things that were taken for faces, most of them ears of people in profile; of
399 photos 1, the others 0.75 and more."""

_LEVEL_EYES = np.array([[0.0, 0.0], [1.0, 0.0]])

_TILE_STAGES, _ROTATED_STAGE = (1, 3), 2
"""Numbers of the stages of the search."""


_NO_BOXES = np.empty((0, 4))


class Glance(NamedTuple):
    """What a quick search of a picture has found.

    Attributes:
        faces: the largest first.
        refused: boxes ``[N, 4]`` of what looked like a new face at first sight, and was none.
    """

    faces: list[DetectedFace]
    refused: NDArray[np.float64]


class MediaPipeFaceDetector(Closing):
    """Finds all faces in a picture and places 478 landmarks on each.

    MediaPipe's short-range detector finds faces in the whole picture or parts of it, then scores
    each once more in upright squares cut around it; ``score`` is its mean confidence there.
    The landmark network runs on such a square cut at full resolution. What it takes for no face
    is dropped, and so is a doubtful face whose landmarks depend on how the square is cut.

    The networks are opened on first use, which takes about a second. One detector may be used by
    one thread at a time, and not in a process forked after first use: open one in each.
    """

    def __init__(
        self,
        *,
        max_faces: int | None = None,
        min_confidence: float = 0.5,
        min_face: float | None = None,
        thorough: bool = True,
    ) -> None:
        """Set up; opens nothing yet.

        Args:
            max_faces: how many faces to return, the largest; None for all.
            min_confidence: score, and landmark confidence, below which a face is dropped; a score
                below 0.65 never suffices.
            min_face: mean width and height in pixels of the smallest face to search for; None for
                1/80 of the picture's longest side, but at least 24. The search takes time with
                the square of the picture's side in such faces.
            thorough: search for small and rotated faces even when others were found. Without it
                the search ends with the first stage that finds a face: the whole picture, tiles,
                the rotated picture.
        """
        self._max_faces = max_faces
        self._min_confidence = min_confidence
        self._min_face = min_face
        self._thorough = thorough
        self._finder: Any = None
        self._landmarker: Any = None
        self._used = False
        self._finalizers: list[Any] = []

    def detect(self, image: Image) -> list[DetectedFace]:
        """Return all faces of an RGB picture uint8 ``[H, W, 3]``, the largest first.

        Raises:
            AssetError: if MediaPipe's model file is absent or damaged.
            ShapeError: if the picture has another shape.
        """
        check_shape(image, "H W 3", "image")
        if self._used:
            return self._detected(image)
        # MediaPipe logs at the networks' first run on a face, too.
        with quiet_stderr():
            self._open()
            self._used = True
            return self._detected(image)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Open the networks in a thread while the context lasts, which other work can fill.

        What goes wrong in the thread is told at first use, which tries again.
        """
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self._open)
            yield

    def landmarks_in_region(
        self, image: Image, landmarks: NDArray[np.floating]
    ) -> DetectedFace | None:
        """Return the face near known landmarks, as in the next frame of a video, or None.

        Takes a fraction of the time of :meth:`detect`: no search, one region.

        Args:
            image: uint8 ``[H, W, 3]``.
            landmarks: ``[478, 2 or 3]`` in the picture's pixels, of the frame before.
        """
        check_shape(image, "H W 3", "image")
        check_shape(landmarks, "478 D", "landmarks")
        self._open()
        points = np.asarray(landmarks, np.float64)[:, :2]
        eyes = np.stack([points[[33, 133]].mean(0), points[[362, 263]].mean(0)])
        near = FaceBox(box=box_of(points).astype(np.float64), score=0.0, keypoints=eyes)
        score = self._second_score(image, near, 0.0, _SECOND_SCALES[:1])
        return self._landmarks(image, near, 0.0, score)

    def landmarks_near(
        self, image: Image, box: NDArray[np.floating], roll: float = 0.0
    ) -> DetectedFace | None:
        """Return the face about a box where one was a moment ago, or None.

        Args:
            image: uint8 ``[H, W, 3]``.
            box: ``[4]`` left, top, right, bottom of the face in pixels.
            roll: rotation of the face clockwise in the picture, in radians.
        """
        self._open()
        eyes = np.array([[0.0, 0.0], [math.cos(roll), math.sin(roll)]])
        near = FaceBox(box=np.asarray(box, np.float64), score=0.0, keypoints=eyes)
        return self._landmarks(
            image, near, 0.0, self._second_score(image, near, 0.0, _SECOND_SCALES[:1])
        )

    def presence(self, image: Image, box: NDArray[np.floating], roll: float) -> float:
        """Return in [0, 1] how certain it is that a face is where one was a frame before.

        One run of the box finder on a small square: the cheapest way to notice that a followed
        face has gone.

        Args:
            image: uint8 ``[H, W, 3]``.
            box: ``[4]`` left, top, right, bottom of the face in pixels.
            roll: rotation of the face clockwise in the picture, in radians.
        """
        self._open()
        eyes = np.array([[0.0, 0.0], [math.cos(roll), math.sin(roll)]])
        near = FaceBox(box=np.asarray(box, np.float64), score=0.0, keypoints=eyes)
        return self._second_score(image, near, 0.0, _SECOND_SCALES[:1])

    def glance(
        self,
        image: Image,
        known: NDArray[np.floating],
        *,
        min_face: float | None = None,
        rotated: bool = False,
        refused: NDArray[np.floating] = _NO_BOXES,
    ) -> Glance:
        """Return the faces of a picture beside the known ones.

        Searches the whole picture only, which takes a few milliseconds where nobody is new, and
        at its tiles where ``min_face`` is given. Some faces that lie on their side or stand on
        their head are found in the rotated picture only.

        Args:
            image: uint8 ``[H, W, 3]``.
            known: boxes ``[N, 4]`` of faces that need not be found again.
            min_face: size in pixels of the smallest face to search for in tiles.
            rotated: where there is nobody, search the picture rotated by quarters as well.
            refused: boxes ``[M, 4]`` of what looked like a face a moment ago and was none: what
                looks like one there is not looked at again, which takes longer than the search.
        """
        check_shape(image, "H W 3", "image")
        self._open()
        boxes = np.asarray(known, np.float64)
        seen = [FaceBox(box=box, score=1.0, keypoints=_LEVEL_EYES) for box in boxes]
        smallest = min_face or float(max(image.shape[:2]))
        stages = search_stages(image, self._boxes, min_face=smallest)
        faces: list[DetectedFace] = []
        no_faces: list[NDArray[np.floating]] = []
        last = _ROTATED_STAGE if rotated else 1 if min_face else 0
        for stage, found in zip(range(last + 1), stages, strict=False):
            if stage == _ROTATED_STAGE and faces:
                break
            for candidate in distinct(found):
                doubtful = stage > 0 and not _at_border(candidate, image)
                if candidate.score < self._min_confidence or shows_one_of(candidate, seen):
                    continue
                if _is_one_of(candidate.box, refused):
                    continue
                face = self._verified(image, candidate, bool(doubtful))
                if face is None or _is_one_of(face.box, boxes):
                    no_faces.append(candidate.box)
                elif not _is_one_of(face.box, [f.box for f in faces]):
                    faces.append(face)
                    seen.append(candidate)
        faces.sort(key=lambda face: -float(box_area(face.box)))
        return Glance(faces, np.reshape(no_faces, (-1, 4)))

    def close(self) -> None:
        """Free the networks; the next use opens them again."""
        for finalizer in self._finalizers:
            finalizer()
        self._finalizers = []
        self._finder = self._landmarker = None
        self._used = False

    def _open(self) -> None:
        if self._finder is None:
            self._finder = open_box_finder(min(_WEAKEST, self._min_confidence))
            self._landmarker = open_landmarker(self._min_confidence)
            tasks = (self._finder, self._landmarker)
            self._finalizers = [closed_with(self, task) for task in tasks]

    def _detected(self, image: Image) -> list[DetectedFace]:
        faces: list[DetectedFace] = []
        known: list[FaceBox] = []
        min_face = self._min_face or max(24.0, max(image.shape[:2]) / 80)
        for stage, seen in enumerate(search_stages(image, self._boxes, min_face=min_face)):
            # Tiles are many, and textures resemble faces a little.
            floor = self._min_confidence if stage in _TILE_STAGES else _WEAKEST
            for candidate in distinct(seen):
                if candidate.score < floor or shows_one_of(candidate, known):
                    continue
                doubtful = faces and (stage > 0 or not _at_border(candidate, image))
                face = self._verified(image, candidate, bool(doubtful))
                if face is not None and not _is_one_of(face.box, [f.box for f in faces]):
                    faces.append(face)
                    known.append(candidate)
            if faces and (stage >= _ROTATED_STAGE or not self._thorough):
                break
        faces.sort(key=lambda face: -float(box_area(face.box)))
        return faces[: self._max_faces]

    def _boxes(self, image: Image) -> list[FaceBox]:
        return find_boxes(self._finder, image)

    def _verified(self, image: Image, candidate: FaceBox, doubtful: bool) -> DetectedFace | None:
        """Return the face if a second detection confirms it, in the way it lies or another."""
        needed = max(self._min_confidence, _SECONDARY if doubtful else _CONFIRMED)
        scores = {0.0: self._second_score(image, candidate, 0.0)}
        if _HOPELESS < scores[0.0] < _CERTAIN:
            scores |= {way: self._second_score(image, candidate, way) for way in _OTHER_WAYS}
        if _at_border(candidate, image):
            # The squares around it are half black, so the finder's first sight may be the better.
            scores[0.0] = max(scores[0.0], candidate.score)
        for way in sorted(scores, key=lambda each: (0 if each else -_FLIP_GAIN) - scores[each]):
            score = scores[way]
            if score < needed:
                continue
            face = self._landmarks(image, candidate, way, score)
            if face is None:
                continue
            if score >= _CERTAIN:
                return face
            again = self._landmarks(image, candidate, way + 0.2, score, _REGION_SCALES[::-1])
            if again is not None and _distance(face, again, image) < _STABLE:
                return face
        return None

    def _second_score(
        self,
        image: Image,
        candidate: FaceBox,
        flip: float,
        scales: tuple[float, ...] = _SECOND_SCALES,
    ) -> float:
        """Return the finder's mean confidence that there is a face in the middle of squares."""
        scores = []
        for scale in scales:
            to_square = candidate.square(scale, _SECOND_SIDE, flip)
            best = 0.0
            for face in self._boxes(warp_crop(image, to_square, _SECOND_SIDE)):
                offset = np.abs(face.box.reshape(2, 2).mean(0) / _SECOND_SIDE - 0.5).max()
                upright = abs(face.roll) < math.pi / 4
                if upright and offset < 0.5 / scale:
                    best = max(best, face.score)
            scores.append(best)
        return sum(scores) / len(scores)

    def _landmarks(
        self,
        image: Image,
        candidate: FaceBox,
        flip: float,
        score: float,
        scales: tuple[float, ...] = _REGION_SCALES,
    ) -> DetectedFace | None:
        centre = candidate.box.reshape(2, 2).mean(0)
        # a face that lies otherwise than it seems lies off what seemed to be its box, too
        reach = _REACH[bool(flip)] * float((candidate.box[2:] - candidate.box[:2]).max())
        for scale in scales:
            to_square = candidate.square(scale, _REGION_SIDE, flip)
            region = warp_crop(image, to_square, _REGION_SIDE)
            result = self._landmarker.detect(as_mediapipe_image(region))
            back = np.linalg.inv(to_square)
            for face in landmarked_faces(result, (_REGION_SIDE, _REGION_SIDE), back, score):
                if np.abs(face.box.reshape(2, 2).mean(0) - centre).max() < reach:
                    return face
        return None


def _at_border(found: FaceBox, image: Image) -> bool:
    limits = np.array([image.shape[1], image.shape[0]])
    margin = 0.1 * (found.box[2:] - found.box[:2])
    return bool((found.box[:2] < margin).any() or (found.box[2:] > limits - margin).any())


def _distance(face: DetectedFace, other: DetectedFace, image: Image) -> float:
    """Return the mean distance of landmarks in distances between the outer eye corners.

    Only landmarks inside the picture count: what nothing shows may be guessed one way or another.
    """
    points = face.landmarks[:, :2]
    inside = ((points > 0) & (points < [image.shape[1], image.shape[0]])).all(1)
    if not inside.any():
        return math.inf
    apart = np.linalg.norm(face.landmarks - other.landmarks, axis=1)[inside].mean()
    eyes = np.linalg.norm(face.landmarks[33] - face.landmarks[263])
    return float(apart / max(eyes, 1e-6))


def _is_one_of(box: NDArray[np.floating], boxes: Iterable[NDArray[np.floating]]) -> bool:
    others = np.reshape(list(boxes), (-1, 4))
    return bool((box_overlap(others, box)[0] > _SAME_FACE).any())
