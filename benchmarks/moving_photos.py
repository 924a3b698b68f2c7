"""Photos whose faces talk, blink and smile as told: what tracked videos are made of."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.synthesis.photo_warps import PhotoWarper

_HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])


class MovingPhoto:
    """A photo and the head fitted to it.

    Attributes:
        fitted: its parameters ``[1]``, what the photo shows.
    """

    def __init__(self, photo: np.ndarray, fitter: FaceReconstructor) -> None:
        """Fit the largest face of a photo uint8 ``[H, W, 3]``."""
        face = fitter(photo)[0]
        self._photo = photo.astype(np.float32)
        self._crop = torch.from_numpy(face.crop()).permute(2, 0, 1)[None].float() / 255
        to_photo = np.linalg.inv(face.T_crop_image)
        self._matrix = (np.linalg.inv(_HALF) @ to_photo @ _HALF)[:2]
        self._warper = PhotoWarper(fitter.head)
        self.fitted = face.parameters[None]

    def showing(self, target: FaceParameters) -> np.ndarray:
        """Return the photo float32 ``[H, W, 3]`` with its face moved to parameters ``[1]``."""
        moved = self._warper(self._crop, self.fitted, target)
        size = (self._photo.shape[1], self._photo.shape[0])
        over = cv2.warpAffine(moved.images[0].permute(1, 2, 0).numpy() * 255, self._matrix, size)
        mask = moved.changed[0, 0].numpy().astype(np.float32)
        alpha = cv2.warpAffine(mask, self._matrix, size)[..., None]
        return np.asarray(self._photo * (1 - alpha) + over * alpha)
