"""Faces cut from labeled pictures, each beside its truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SIZE
from smirk3d.evaluation.config import CropSource
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.photos import Observer, arkit_row, as_tensor
from smirk3d.preprocessing.face_crop import (
    crop_face,
    crop_transform,
    face_roll,
    transform_points,
    warp_crop,
    without_roll,
)
from smirk3d.synthesis.people import LabeledSet

Array = NDArray[np.floating]

_OVERLAP = 0.5
"""Of the crop's side: how far the middle of a detection may lie from the true middle."""


@dataclass(frozen=True, eq=False)
class TruthFaces:
    """The faces of a labeled set that were found, cut as the product cuts them.

    Attributes:
        name: of the set.
        labels: all pictures' labels.
        rows: row of each face in the labels ``[K]``.
        pictures: upright crops uint8 ``[K, 224, 224, 3]``.
        landmarks: ``[K, 478, 2]`` in pixels of these crops; NaN where unknown.
        blendshapes: of the detector ``[K, 52]``, None for crops around the true landmarks.
        T_crop_image: picture pixels to crop pixels ``[K, 3, 3]``.
    """

    name: str
    labels: LabeledSet
    rows: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    blendshapes: NDArray[np.float32] | None
    T_crop_image: NDArray[np.float64]

    def __len__(self) -> int:
        """K."""
        return len(self.rows)

    def label(self, name: str) -> NDArray[Any] | None:
        """Return a label of the faces ``[K, ...]``, None if the set lacks it."""
        return self.labels[name][self.rows] if name in self.labels else None

    @property
    def person(self) -> NDArray[np.int64]:
        """Number of the person of each face ``[K]``."""
        return self.labels["person"][self.rows].astype(np.int64)

    @cached_property
    def crops(self) -> Crops:
        """The crops as methods take them; unknown landmarks lie in the middle.

        They are kept, so that methods that fit the same landmarks share the fit.
        """
        known = np.where(np.isfinite(self.landmarks), self.landmarks, CROP_SIZE / 2)
        blendshapes = (
            self.blendshapes if self.blendshapes is not None else np.zeros((len(self), 52))
        )
        return Crops(
            as_tensor(self.pictures),
            torch.from_numpy(known).float(),
            torch.from_numpy(blendshapes).float(),
        )

    @property
    def level(self) -> NDArray[np.float64]:
        """``T_crop_image`` ``[K, 3, 3]`` of the crops that are not rotated."""
        return np.stack([without_roll(transform) for transform in self.T_crop_image])


def found_faces(
    labels: LabeledSet, name: str, source: CropSource, observer: Observer | None = None
) -> TruthFaces:
    """Return the faces of a set, cut around detected or around true landmarks.

    Args:
        labels: the set.
        name: of the set.
        source: of the landmarks.
        observer: detects faces; needed for ``detected``.
    """
    rows: list[int] = []
    parts: list[tuple[NDArray[np.uint8], Array, Array, Array]] = []
    for row in range(len(labels)):
        picture = labels.picture(row)
        if source == "truth":
            cut = _cut_by_truth(labels, row, picture)
        else:
            cut = _cut_by_detection(labels, row, picture, observer or Observer())
        if cut is not None:
            rows.append(row)
            parts.append(cut)
    pictures, landmarks, blendshapes, transforms = zip(*parts, strict=True) if parts else ((),) * 4
    return TruthFaces(
        name,
        labels,
        np.array(rows, np.int64),
        _stacked(pictures, (CROP_SIZE, CROP_SIZE, 3)).astype(np.uint8),
        _stacked(landmarks, (478, 2)).astype(np.float32),
        _stacked(blendshapes, (52,)).astype(np.float32) if source == "detected" else None,
        _stacked(transforms, (3, 3)).astype(np.float64),
    )


def _stacked(arrays: Sequence[Array], shape: tuple[int, ...]) -> Array:
    return np.stack(arrays) if arrays else np.zeros((0, *shape))


def _cut_by_truth(
    labels: LabeledSet, row: int, picture: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], Array, Array, Array] | None:
    nothing = np.zeros(52)
    if "landmarks" in labels:
        marks = labels["landmarks"][row].astype(np.float64)
        known = np.isfinite(marks).all(1)
        if known.any():
            roll = face_roll(marks)
            transform = crop_transform(marks[known], roll=roll if math.isfinite(roll) else 0.0)
            crop = warp_crop(picture, transform)
            return crop, transform_points(transform, marks), nothing, transform
    if "T_crop_image" not in labels:
        return None
    transform = labels["T_crop_image"][row].astype(np.float64)
    return warp_crop(picture, transform), np.full((478, 2), np.nan), nothing, transform


def _cut_by_detection(
    labels: LabeledSet, row: int, picture: NDArray[np.uint8], observer: Observer
) -> tuple[NDArray[np.uint8], Array, Array, Array] | None:
    found = observer.detect(picture)
    if found is None:
        return None
    marks = found.landmarks[:, :2].astype(np.float64)
    if "T_crop_image" in labels:
        true = transform_points(labels["T_crop_image"][row], marks).mean(0)
        if np.abs(true - CROP_SIZE / 2).max() > _OVERLAP * CROP_SIZE:
            return None
    crop, transform = crop_face(picture, marks, roll=face_roll(marks))
    return crop, transform_points(transform, marks), arkit_row(found).numpy(), transform
