"""Estimates of a trained encoder for training photos, from which better fits start."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import crop_face
from smirk3d.synthesis.mirroring import Mirror

_PART = 64
"""Photos estimated at once; on a CPU the size hardly matters, see ``cli/reconstruct.py``."""


class PhotoReader:
    """Estimates faces of photos with an encoder, in the photos' frame.

    For heads with named actions each photo is estimated twice, the second time mirrored, and the
    mean of the two is returned: it errs less than either.

    Attributes:
        key: digest of the encoder's file.
    """

    def __init__(self, head: HeadModel, faces: AnnotatedFaces, weights: Path) -> None:
        """Load the encoder.

        Args:
            head: head of the encoder, on the CPU.
            faces: N photos.
            weights: file of the encoder.

        Raises:
            AssetError: if the weights are absent, damaged or for another head.
        """
        self._encoder = FaceEncoder.from_file(weights, head)
        self._mirror = Mirror(head) if head.has_named_actions else None
        self._faces = faces
        self.key = hashlib.sha256(weights.read_bytes()).digest()

    @torch.no_grad()
    def __call__(self, rows: Tensor) -> FaceParameters:
        """Return the parameters ``[B]`` of the photos of some rows ``[B]``."""
        return FaceParameters.cat([self._estimate(part) for part in rows.split(_PART)])

    def _estimate(self, rows: Tensor) -> FaceParameters:
        pictures = self._faces.images[rows].permute(0, 2, 3, 1).numpy()
        cut = [
            crop_face(picture, points)
            for picture, points in zip(pictures, self._faces.landmarks[rows].numpy(), strict=True)
        ]
        crops = torch.from_numpy(np.stack([crop for crop, _ in cut])).permute(0, 3, 1, 2) / 255
        transform = torch.from_numpy(np.stack([transform for _, transform in cut])).float()
        back = torch.linalg.inv(transform)
        return transform_view(self._mean(crops), back, CROP_SIZE, CROP_SIZE)

    def _mean(self, crops: Tensor) -> FaceParameters:
        direct: FaceParameters = self._encoder(crops)
        if self._mirror is None:
            return direct
        other = self._mirror.parameters(self._encoder(crops.flip(3)))
        return FaceParameters(
            **{name: (tensor + getattr(other, name)) / 2 for name, tensor in direct.items()}
        )
