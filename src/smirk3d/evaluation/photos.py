"""Annotated photos and made pictures as the crops that methods take."""

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
    """Annotated photos and the face crops made from them.

    Attributes:
        keys: key of each photo ``[N]``.
        crops: crops of the faces, with the annotated landmarks and blend shapes.
        sources: data set of each photo ``[N]``.
        stored: photos as stored, uint8 ``[N, 3, 224, 224]``.
        stored_landmarks: annotated landmarks ``[N, 478, 2]`` in pixels of the stored photos.
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
        rows = _spaced_rows(len(self), count)
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
        folder: folder of annotated faces.
        limit: largest number of photos, spaced evenly; 0 for all.
        keep: returns for a key whether the photo is taken.

    Raises:
        InputError: if the folder holds no such photos.
    """
    return _read(folder, [k for k in _keys(folder) if not trains(k) and keep(k)], limit)


def training_photos(
    folder: str | Path, limit: int = 0, keep: Callable[[str], bool] = lambda key: True
) -> Photos:
    """Return photos on which a protocol trains its own networks.

    Args:
        folder: folder of annotated faces.
        limit: largest number of photos, spaced evenly; 0 for all.
        keep: returns for a key whether the photo is taken.

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


def _spaced_rows(total: int, count: int) -> NDArray[np.int64]:
    if not count or count >= total:
        return np.arange(total)
    return np.floor(np.arange(count) * (total / count)).astype(np.int64)


def _read(folder: str | Path, keys: list[str], limit: int) -> Photos:
    if not keys:
        raise InputError(f"{folder}: holds no photos for this protocol")
    wanted = {keys[row] for row in _spaced_rows(len(keys), limit)}
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
    """Detects landmarks and blend shapes in pictures that a protocol made or changed."""

    def __init__(self, detector: FaceDetector | None = None) -> None:
        """Keep a detector that estimates blend shapes; MediaPipe's by default."""
        self._detector = detector or MediaPipeFaceDetector(thorough=False)

    def detect(self, picture: NDArray[np.uint8]) -> DetectedFace | None:
        """Return the largest face with blend shapes of a picture uint8 ``[H, W, 3]``, or None."""
        found = self._detector.detect(picture)
        return found[0] if found and found[0].blendshapes else None

    def crops(self, images: Tensor) -> tuple[Crops, NDArray[np.bool_]]:
        """Return pictures as crops of themselves, and the mask ``[B]`` of pictures with a face.

        Pictures without a face have all landmarks in their middle.

        Args:
            images: pictures ``[B, 3, 224, 224]`` in [0, 1].
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
