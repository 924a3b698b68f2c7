"""Faces and their landmarks by MediaPipe."""

from __future__ import annotations

import weakref
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import check_shape
from smirk3d.preprocessing.face_crop import transform_points, warp_crop
from smirk3d.preprocessing.face_detector import DetectedFace, box_area, box_of, box_overlap
from smirk3d.preprocessing.face_search import search_faces
from smirk3d.preprocessing.mediapipe_tasks import (
    FaceBox,
    as_mediapipe_image,
    find_boxes,
    open_box_finder,
    open_landmarker,
)

_REGION_SCALE = 2.5
"""Side of the square given to the landmark network, as a multiple of the found box."""

_REGION_SIDE = 512
"""Side in pixels of that square: the network then sees the face at its own 256 pixels or more."""

_SAME_FACE = 0.45
"""Overlap (intersection over union) of landmark boxes above which two faces are one."""


class MediaPipeFaceDetector:
    """Finds all faces in a picture and places 478 landmarks on each.

    Each face is found by MediaPipe's short-range detector in the whole picture or a part of it;
    its ``score`` is that detector's. Then the landmark network runs on an upright square cut at
    full resolution around the face. What it takes for no face is dropped.

    The networks are opened on first use, which takes about a second. One detector may be used by
    one thread at a time, and not in a process forked after first use: open one in each.
    """

    def __init__(
        self,
        *,
        max_faces: int | None = None,
        min_confidence: float = 0.5,
        min_face: float = 32.0,
    ) -> None:
        """Set up; opens nothing yet.

        Args:
            max_faces: how many faces to return, the largest; None for all.
            min_confidence: score, and landmark confidence, below which a face is dropped.
            min_face: width in pixels of the smallest face to look for. Smaller costs time:
                the whole picture is searched in tiles of eight times this size.
        """
        self._max_faces = max_faces
        self._min_confidence = min_confidence
        self._min_face = min_face
        self._finder: Any = None
        self._landmarker: Any = None

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        """Return all faces of an RGB picture uint8 ``[H, W, 3]``, the largest first.

        Raises:
            AssetError: if MediaPipe's model file is absent or damaged.
            ShapeError: if the picture has another shape.
        """
        check_shape(image, "H W 3", "image")
        self._open()
        faces: list[DetectedFace] = []
        boxes = search_faces(
            image, lambda part: find_boxes(self._finder, part), min_face=self._min_face
        )
        for box in boxes:
            face = self._landmarks(image, box)
            if face is not None and not _contains(faces, face):
                faces.append(face)
        faces.sort(key=lambda face: -float(box_area(face.box)))
        return faces[: self._max_faces]

    def landmarks_in_region(
        self, image: NDArray[np.uint8], landmarks: NDArray[np.floating]
    ) -> DetectedFace | None:
        """Return the face near known landmarks, as in the next frame of a video, or None.

        Takes a fraction of the time of :meth:`detect`: no search, one region.

        Args:
            image: uint8 ``[H, W, 3]``.
            landmarks: ``[478, 2 or 3]`` in the picture's pixels, of the frame before.
        """
        check_shape(image, "H W 3", "image")
        self._open()
        points = np.asarray(landmarks, np.float64)[:, :2]
        eyes = np.stack([points[[33, 133]].mean(0), points[[362, 263]].mean(0)])
        low, high = points.min(0), points.max(0)
        return self._landmarks(
            image,
            FaceBox(box=np.concatenate([low, high]), score=1.0, keypoints=eyes),
        )

    def close(self) -> None:
        """Free the networks; the next use opens them again."""
        for task in (self._finder, self._landmarker):
            if task is not None:
                task.close()
        self._finder = self._landmarker = None

    def __enter__(self) -> MediaPipeFaceDetector:
        """Return the detector itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _open(self) -> None:
        if self._finder is None:
            self._finder = open_box_finder(self._min_confidence)
            self._landmarker = open_landmarker(self._min_confidence)
            # MediaPipe's own clean-up fails once the interpreter has begun to shut down.
            for task in (self._finder, self._landmarker):
                weakref.finalize(self, task.close)

    def _landmarks(self, image: NDArray[np.uint8], found: FaceBox) -> DetectedFace | None:
        to_region = _region_transform(found)
        region = warp_crop(image, to_region, _REGION_SIDE)
        result = self._landmarker.detect(as_mediapipe_image(region))
        if not result.face_landmarks:
            return None
        normalised = np.array([[p.x, p.y, p.z] for p in result.face_landmarks[0]])
        points = transform_points(np.linalg.inv(to_region), normalised * _REGION_SIDE)
        landmarks = points.astype(np.float32)
        return DetectedFace(
            box=box_of(landmarks),
            score=found.score,
            landmarks=landmarks,
            blendshapes={
                entry.category_name: float(entry.score)
                for entry in result.face_blendshapes[0]
                if entry.category_name != "_neutral"
            },
            transform=np.asarray(result.facial_transformation_matrixes[0], np.float32),
        )


def _contains(faces: list[DetectedFace], face: DetectedFace) -> bool:
    if not faces:
        return False
    union, _ = box_overlap(np.stack([f.box for f in faces]), face.box)
    return bool(union.max() > _SAME_FACE)


def _region_transform(found: FaceBox) -> NDArray[np.float64]:
    """Return the transform ``[3, 3]`` from the picture to an upright square around a face."""
    centre = found.box.reshape(2, 2).mean(0)
    side = _REGION_SCALE * float((found.box[2:] - found.box[:2]).max())
    zoom = _REGION_SIDE / side
    cos, sin = zoom * np.cos(found.roll), zoom * np.sin(found.roll)
    matrix = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    matrix[:2, 2] = _REGION_SIDE / 2 - matrix[:2, :2] @ centre
    return matrix
