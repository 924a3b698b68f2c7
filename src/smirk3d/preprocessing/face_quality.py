"""How good a picture of a face is for reconstruction."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SCALE, CROP_SIZE
from smirk3d.errors import check_shape
from smirk3d.preprocessing.face_crop import crop_face, transform_points

_RIGHT_EYE_OUTER, _LEFT_EYE_OUTER = 33, 263
"""Numbers of MediaPipe's landmarks."""

_HALF_SHARP = 0.0028
"""Ratio of fine to all contrast at which sharpness is 0.5; see :func:`sharpness`."""

_FRONTAL_DEGREES, _PROFILE_DEGREES = 30.0, 90.0
"""Yaw up to which a face counts fully, and from which it does not: half of it is hidden in profile.
Set by hand; quality orders faces, it measures nothing."""


@dataclass(frozen=True, kw_only=True)
class FaceQuality:
    """Measures of a picture of a face that limit its reconstruction.

    Attributes:
        overall: in [0, 1]; the product of the fraction of the crop's resolution that the picture
            has, ``sharpness``, ``inside``, and 1 up to 30 degrees of yaw falling to 0 at 90.
        size: mean of the landmark box's width and height in the picture's pixels.
        sharpness: in [0, 1]; see :func:`sharpness`.
        inside: fraction of the landmarks that lie in the picture.
        yaw: rotation of the head about the vertical in degrees, positive to the subject's left.
    """

    overall: float
    size: float
    sharpness: float
    inside: float
    yaw: float

    def as_dict(self) -> dict[str, float]:
        """Return the values by name, rounded for a file."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def face_quality(image: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> float:
    """Return in [0, 1] how good a picture of a face is: :func:`quality_report`'s ``overall``."""
    return quality_report(image, landmarks).overall


def quality_report(image: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> FaceQuality:
    """Return the measures of a picture of a face.

    Args:
        image: the whole picture, uint8 ``[H, W, 3]``.
        landmarks: MediaPipe's ``[478, 3]`` in the picture's pixels.

    Raises:
        ShapeError: if picture or landmarks have another shape.
    """
    check_shape(image, "H W 3", "image")
    check_shape(landmarks, "478 3", "landmarks")
    points = np.asarray(landmarks, np.float64)
    size = float((points[:, :2].max(0) - points[:, :2].min(0)).mean())
    crop, to_crop = crop_face(image, points)
    sharp = sharpness(crop, transform_points(to_crop, points))
    limits = [image.shape[1], image.shape[0]]
    inside = float(((points[:, :2] >= 0) & (points[:, :2] <= limits)).all(1).mean())
    yaw = yaw_degrees(points)
    beyond = (abs(yaw) - _FRONTAL_DEGREES) / (_PROFILE_DEGREES - _FRONTAL_DEGREES)
    resolution = min(1.0, size * CROP_SCALE / CROP_SIZE)
    overall = resolution * sharp * inside * float(np.clip(1 - beyond, 0, 1))
    return FaceQuality(overall=overall, size=size, sharpness=sharp, inside=inside, yaw=yaw)


def sharpness(crop: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> float:
    """Return in [0, 1] how sharp a face is in its crop.

    The variance of the Laplacian within the landmarks' hull, after a slight blur against noise,
    over the variance of the grey levels there, so that neither exposure nor contrast counts;
    ``r / (r + r0)`` of that ratio ``r``. Of 200 sharp portraits of 224 pixels the median is 0.82;
    blurred by a Gaussian of 1 pixel 0.63, of 2 pixels 0.35, of 4 pixels 0.09.

    Args:
        crop: uint8 ``[S, S, 3]``.
        landmarks: ``[L, 2 or 3]`` in crop pixels.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mask = np.zeros(grey.shape, np.uint8)
    # Rounding to whole pixels is well below what the measure resolves.
    outline = cv2.convexHull(np.rint(landmarks[:, :2] - 0.5).astype(np.int32))
    cv2.fillConvexPoly(mask, outline, 1)
    face = mask.astype(bool)
    contrast = float(grey[face].var()) if face.any() else 0.0
    if contrast < 1.0:
        return 0.0
    fine = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.CV_32F)
    ratio = float(fine[face].var()) / contrast
    return ratio / (ratio + _HALF_SHARP)


def yaw_degrees(landmarks: NDArray[np.floating]) -> float:
    """Return the yaw of a head in degrees, positive to the subject's left.

    From the depth of MediaPipe's outer eye corners; its own facial transformation gives a tenth
    less.

    Args:
        landmarks: ``[478, 3]`` in pixels.
    """
    across = landmarks[_LEFT_EYE_OUTER] - landmarks[_RIGHT_EYE_OUTER]
    return float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1]))))
