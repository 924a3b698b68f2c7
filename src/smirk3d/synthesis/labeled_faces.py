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


class WithImages(Protocol):
    """Faces of which other things may be known."""

    @property
    def images(self) -> Tensor:
        """Pictures ``[B, 3, N, N]``."""


def joined(parts: Sequence[WithImages], name: str, unknown: float) -> Tensor | None:
    """Return what is known of the faces of all parts, None if it is for none.

    Args:
        parts: batches of faces.
        name: attribute ``[B, ...]`` of a part, None where it is unknown for all of its faces.
        unknown: the value for faces of parts without it.
    """
    values = [getattr(part, name) for part in parts]
    example = next((value for value in values if value is not None), None)
    if example is None:
        return None
    return torch.cat(
        [
            torch.full((len(part.images), *example.shape[1:]), unknown, dtype=example.dtype,
                       device=part.images.device)
            if value is None
            else value
            for part, value in zip(parts, values, strict=True)
        ]
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class LabeledFaces:
    """B faces as they come from their source.

    Attributes:
        images: pictures ``[B, 3, S, S]`` in [0, 1].
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
            joined(parts, "points", torch.nan),
            joined(parts, "points_visible", False),
            joined(parts, "absent", False),
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
