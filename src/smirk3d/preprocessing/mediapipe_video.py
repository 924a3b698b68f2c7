"""MediaPipe's own tracking of landmarks through a video, for comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.closing import Closing
from smirk3d.errors import check_shape
from smirk3d.preprocessing.face_detector import DetectedFace, box_area
from smirk3d.preprocessing.mediapipe_tasks import (
    as_mediapipe_image,
    closed_with,
    landmarked_faces,
    open_landmarker,
)
from smirk3d.preprocessing.native_log import quiet_stderr


class MediaPipeVideoLandmarker(Closing):
    """Follows faces near the camera from frame to frame, with MediaPipe's smoothing.

    It finds no small, turned or cut faces, and keeps no identity of faces; it is what other
    programs use, and about twice as fast as finding faces in each frame.
    """

    def __init__(self, *, max_faces: int = 1, min_confidence: float = 0.5) -> None:
        """Set up; the network is opened on first use.

        Args:
            max_faces: how many faces to follow.
            min_confidence: below which a face is not reported; also the faces' ``score``, as
                MediaPipe's video mode reports none.
        """
        self._max_faces = max_faces
        self._min_confidence = min_confidence
        self._landmarker: Any = None
        self._finalizer: Any = None
        self._last = 0

    def detect(self, frame: NDArray[np.uint8], seconds: float) -> list[DetectedFace]:
        """Return the faces of the next frame, uint8 ``[H, W, 3]``, the largest first.

        Args:
            frame: the picture.
            seconds: its time; later than the frame before.

        Raises:
            AssetError: if MediaPipe's model file is absent or damaged.
            ValueError: if time does not increase.
        """
        check_shape(frame, "H W 3", "frame")
        milliseconds = round(seconds * 1000) + 1
        if milliseconds <= self._last:
            raise ValueError(
                "frames must be a millisecond apart: "
                f"{seconds} s follows {(self._last - 1) / 1000} s"
            )
        if self._landmarker is not None:
            return self._detected(frame, milliseconds)
        with quiet_stderr():
            self._landmarker = open_landmarker(
                self._min_confidence, video=True, max_faces=self._max_faces
            )
            self._finalizer = closed_with(self, self._landmarker)
            return self._detected(frame, milliseconds)

    def close(self) -> None:
        """Free the network; the next use starts another video."""
        if self._finalizer is not None:
            self._finalizer()
        self._landmarker = self._finalizer = None
        self._last = 0

    def _detected(self, frame: NDArray[np.uint8], milliseconds: int) -> list[DetectedFace]:
        result = self._landmarker.detect_for_video(as_mediapipe_image(frame), milliseconds)
        self._last = milliseconds
        height, width = frame.shape[:2]
        faces = landmarked_faces(result, (height, width), np.eye(3), self._min_confidence)
        return sorted(faces, key=lambda face: -float(box_area(face.box)))
