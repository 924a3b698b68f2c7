"""Pictures of faces with target parameters, before augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from smirk3d.parameters.face_parameters import FaceParameters

NAMED_GROUPS = ("expression", "jaw", "eyelids", "eyes")
"""Groups of parameters that ARKit's names determine, whatever the head."""


class WithPoints(Protocol):
    """Faces whose surface points may be known."""

    @property
    def images(self) -> Tensor:
        """Pictures ``[B, 3, N, N]``."""

    @property
    def points(self) -> Tensor | None:
        """Points ``[B, P, 2]`` in pixels, None if they are unknown for all."""

    @property
    def points_visible(self) -> Tensor | None:
        """Whether nothing hides a point, ``[B, P]`` bool."""


class WithAbsent(Protocol):
    """Faces of which some actions may be known to be absent."""

    @property
    def images(self) -> Tensor:
        """Pictures ``[B, 3, N, N]``."""

    @property
    def absent(self) -> Tensor | None:
        """Whether a component of the expression is absent ``[B, E]`` bool, None if unknown."""


def joined_points(parts: Sequence[WithPoints]) -> tuple[Tensor | None, Tensor | None]:
    """Return points and visibility of all parts, NaN and False for parts without points."""
    counts = {part.points.shape[1] for part in parts if part.points is not None}
    if not counts:
        return None, None
    (count,) = counts
    points, visible = [], []
    for part in parts:
        size, device = len(part.images), part.images.device
        if part.points is None or part.points_visible is None:
            points.append(torch.full((size, count, 2), torch.nan, device=device))
            visible.append(torch.zeros(size, count, dtype=torch.bool, device=device))
        else:
            points.append(part.points)
            visible.append(part.points_visible)
    return torch.cat(points), torch.cat(visible)


def joined_absent(parts: Sequence[WithAbsent]) -> Tensor | None:
    """Return the absent actions of all parts, none for parts of which nothing is known."""
    counts = {part.absent.shape[1] for part in parts if part.absent is not None}
    if not counts:
        return None
    (count,) = counts
    return torch.cat(
        [
            part.images.new_zeros(len(part.images), count, dtype=torch.bool)
            if part.absent is None
            else part.absent
            for part in parts
        ]
    )


@dataclass(frozen=True, eq=False)
class LabeledFaces:
    """B faces as they come from their source.

    Attributes:
        images: pictures ``[B, 3, 224, 224]`` in [0, 1].
        landmarks: all landmarks ``[B, 478, 2]`` in pixels.
        targets: parameters ``[B]`` in the images' frame; NaN where they are unknown.
        is_ground_truth: ``[B]`` bool, whether a picture was made from its target (photo warps,
            renders) rather than the target fitted to the picture.
        points: fixed points of the surface ``[B, P, 2]`` in pixels, NaN where they are unknown;
            None if they are for all.
        points_visible: ``[B, P]`` bool, whether nothing hides a point.
        absent: ``[B, E]`` bool, whether a component of the expression of a photo is absent, where
            its target is no ground truth; None if nothing is known.
    """

    images: Tensor
    landmarks: Tensor
    targets: FaceParameters
    is_ground_truth: Tensor
    points: Tensor | None = None
    points_visible: Tensor | None = None
    absent: Tensor | None = None

    @staticmethod
    def cat(parts: Sequence[LabeledFaces]) -> LabeledFaces:
        """Join batches along B."""
        return LabeledFaces(
            torch.cat([part.images for part in parts]),
            torch.cat([part.landmarks for part in parts]),
            FaceParameters.cat([part.targets for part in parts]),
            torch.cat([part.is_ground_truth for part in parts]),
            *joined_points(parts),
            joined_absent(parts),
        )

    def to(self, device: torch.device | str) -> LabeledFaces:
        """Return the faces on a device."""
        return LabeledFaces(
            self.images.to(device), self.landmarks.to(device), self.targets.to(device),
            self.is_ground_truth.to(device),
            None if self.points is None else self.points.to(device),
            None if self.points_visible is None else self.points_visible.to(device),
            None if self.absent is None else self.absent.to(device),
        )  # fmt: skip
