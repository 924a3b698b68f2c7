"""Photos and other pictures as crops that methods read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.data.annotated_faces import (
    AnnotatedFaces,
    read_annotated_faces,
    read_annotations,
    trains,
)
from smirk3d.errors import InputError
from smirk3d.evaluation.methods import Crops
from smirk3d.preprocessing.face_crop import crop_face, crop_transform, transform_points
from smirk3d.preprocessing.face_detector import DetectedFace, FaceDetector
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector


@dataclass(frozen=True)
class Photos:
    """Annotated photos, cut out.

    Attributes:
        keys: ``[N]``.
        crops: the faces; landmarks and blend shapes are the annotations.
        sources: where each photo comes from ``[N]``.
        stored: the photos as stored, uint8 ``[N, 3, 224, 224]``.
        stored_landmarks: ``[N, 478, 2]`` in their pixels.
    """

    keys: NDArray[np.str_]
    crops: Crops
    sources: NDArray[np.str_]
    stored: Tensor
    stored_landmarks: Tensor

    def __len__(self) -> int:
        """N."""
        return len(self.keys)

    def transforms(self) -> Tensor:
        """Return ``T_crop_stored`` ``[N, 3, 3]`` of the crops."""
        marks = self.stored_landmarks.numpy()
        return torch.from_numpy(np.stack([crop_transform(points) for points in marks])).float()

    def first(self, count: int) -> Photos:
        """Return ``count`` photos spaced evenly over all."""
        rows = _spread(len(self), count)
        return Photos(
            self.keys[rows],
            self.crops[torch.from_numpy(rows)],
            self.sources[rows],
            self.stored[rows],
            self.stored_landmarks[rows],
        )


def held_out_photos(
    folder: str | Path, limit: int = 0, keep: Callable[[str], bool] = lambda key: True
) -> Photos:
    """Return photos that never train, those whose key is divisible by 29.

    Args:
        folder: of annotated faces.
        limit: at most so many, spaced evenly; 0 for all.
        keep: tells from a key whether to take the photo.

    Raises:
        InputError: if the folder holds no such photos.
    """
    return _read(folder, [k for k in _keys(folder) if not trains(k) and keep(k)], limit)


def training_photos(
    folder: str | Path, limit: int = 0, keep: Callable[[str], bool] = lambda key: True
) -> Photos:
    """Return photos for what a protocol itself trains; arguments as of the held-out ones.

    Raises:
        InputError: if the folder holds no such photos.
    """
    return _read(folder, [k for k in _keys(folder) if trains(k) and keep(k)], limit)


def emotion_labels(folder: str | Path) -> dict[str, str]:
    """Return the label of each photo that has one, by key.

    Raises:
        InputError: if the annotations are missing or have no labels.
    """
    arrays = read_annotations(folder, ("key", "label"))
    pairs = zip(arrays["key"].tolist(), arrays["label"].tolist(), strict=True)
    return {key: label for key, label in pairs if label}


def _keys(folder: str | Path) -> list[str]:
    keys: list[str] = read_annotations(folder, ("key",))["key"].tolist()
    return keys


def _spread(total: int, count: int) -> NDArray[np.int64]:
    if not count or count >= total:
        return np.arange(total)
    return np.floor(np.arange(count) * (total / count)).astype(np.int64)


def _read(folder: str | Path, keys: list[str], limit: int) -> Photos:
    if not keys:
        raise InputError(f"{folder}: holds no photos for this protocol")
    wanted = {keys[row] for row in _spread(len(keys), limit)}
    faces = read_annotated_faces(folder, keep=wanted.__contains__)
    return Photos(faces.keys, _cut(faces), faces.sources, faces.images, faces.landmarks)


def _cut(faces: AnnotatedFaces) -> Crops:
    images, landmarks = [], []
    for image, points in zip(faces.images, faces.landmarks.numpy(), strict=True):
        crop, transform = crop_face(image.permute(1, 2, 0).numpy(), points)
        images.append(crop)
        landmarks.append(transform_points(transform, points))
    order = [
        faces.blendshape_names.index(name) if name in faces.blendshape_names else -1
        for name in ARKIT_NAMES
    ]
    padded = torch.nn.functional.pad(faces.blendshapes, (0, 1))
    return Crops(
        as_tensor(np.stack(images)), torch.from_numpy(np.stack(landmarks)).float(), padded[:, order]
    )


def as_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Return pictures ``[B, H, W, 3]`` as ``[B, 3, H, W]`` in [0, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def as_pictures(images: Tensor) -> NDArray[np.uint8]:
    """Return images ``[B, 3, H, W]`` in [0, 1] as uint8 ``[B, H, W, 3]``."""
    scaled = images.detach().clamp(0, 1).mul(255).round().to(torch.uint8)
    array: NDArray[np.uint8] = scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return array


class Observer:
    """Finds again the landmarks and blend shapes of crops that were changed or made."""

    def __init__(self, detector: FaceDetector | None = None) -> None:
        """Take a detector that gives blend shapes; MediaPipe's unless given."""
        self._detector = detector or MediaPipeFaceDetector(thorough=False)

    def detect(self, picture: NDArray[np.uint8]) -> DetectedFace | None:
        """Return the largest face with blend shapes of a picture uint8 ``[H, W, 3]``, or None."""
        found = self._detector.detect(picture)
        return found[0] if found and found[0].blendshapes else None

    def crops(self, images: Tensor) -> tuple[Crops, NDArray[np.bool_]]:
        """Return pictures ``[B, 3, 224, 224]`` as crops of themselves, and where a face was found.

        The others have landmarks in the middle of the picture.
        """
        landmarks = torch.full((len(images), 478, 2), CROP_SIZE / 2)
        blendshapes = torch.zeros(len(images), len(ARKIT_NAMES))
        seen = np.zeros(len(images), bool)
        for row, picture in enumerate(as_pictures(images)):
            face = self.detect(picture)
            if face is not None:
                seen[row] = True
                landmarks[row] = torch.from_numpy(face.landmarks[:, :2].copy())
                blendshapes[row] = arkit_row(face)
        return Crops(images, landmarks, blendshapes), seen


def arkit_row(face: DetectedFace) -> Tensor:
    """Return a detection's blend shapes ``[52]`` in the order of ``conventions.ARKIT_NAMES``."""
    values = face.blendshapes or {}
    return torch.tensor([values.get(name, 0.0) for name in ARKIT_NAMES])
