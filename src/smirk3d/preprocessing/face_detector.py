"""The interface of face detectors, and their result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectedFace:
    """A face in a picture; coordinates in the picture's pixels, centres at +0.5.

    Attributes:
        box: ``[4]`` left, top, right, bottom of the landmarks; parts may lie outside the picture.
        score: the detector's confidence that this is a face, in [0, 1].
        landmarks: ``[478, 3]`` float32; MediaPipe's surface points and irises; z in the scale of
            x, smaller is nearer to the viewer, 0 at about the head's centre.
        blendshapes: values in [0, 1] by ARKit's 52 names, as the detector estimates them, or None.
        transform: ``[4, 4]`` ``T_camera_face`` in centimetres as the detector estimates it, or
            None.
    """

    box: NDArray[np.float32]
    score: float
    landmarks: NDArray[np.float32]
    blendshapes: dict[str, float] | None = None
    transform: NDArray[np.float32] | None = None


class FaceDetector(Protocol):
    """Finds faces in a picture."""

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        """Return all faces of an RGB picture uint8 ``[H, W, 3]``, the largest first."""
        ...


def box_of(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return left, top, right, bottom ``[4]`` of points ``[L, 2 or 3]``."""
    return np.concatenate([points[:, :2].min(0), points[:, :2].max(0)]).astype(np.float32)


def box_area(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return areas ``[...]`` of boxes ``[..., 4]``."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]


def box_overlap(
    boxes: NDArray[np.floating], box: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return, for boxes ``[N, 4]`` and one box ``[4]``, how much they cover each other.

    Returns:
        Two arrays ``[N]``: intersection over union, and intersection over the smaller area.
    """
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, 2:], box[2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    area, areas = box_area(box), box_area(boxes)
    tiny = np.finfo(np.float32).tiny
    union = np.maximum(areas + area - shared, tiny)
    return shared / union, shared / np.maximum(np.minimum(areas, area), tiny)


@dataclass(frozen=True, kw_only=True)
class FoundFaces:
    """The faces that a detector found in one picture, cropped and ready to estimate.

    Attributes:
        detections: boxes, scores and landmarks in picture pixels.
        crops: uint8 ``[224, 224, 3]`` each, as the weights expect them: rotated so that the face is
            upright, except for weights that were trained on crops that are not rotated.
        transforms: ``T_crop_image`` ``[3, 3]`` of each crop.
        qualities: how far the picture shows each face well, in [0, 1].
    """

    detections: list[DetectedFace]
    crops: list[NDArray[np.uint8]]
    transforms: list[NDArray[np.float64]]
    qualities: list[float]

    def __len__(self) -> int:
        """Return the number of faces."""
        return len(self.detections)

    def largest(self) -> FoundFaces:
        """Return the largest face alone."""
        return replace(
            self,
            detections=self.detections[:1],
            crops=self.crops[:1],
            transforms=self.transforms[:1],
            qualities=self.qualities[:1],
        )
