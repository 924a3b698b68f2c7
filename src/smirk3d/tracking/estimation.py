"""Estimates the parameters of a frame's faces, by the encoder or by fitting landmarks."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import (
    Array,
    as_like,
    beside,
    is_torch,
    to_numpy,
    without_gradients,
)
from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.evidence import Evidence
from smirk3d.errors import AssetError, MissingExtra, OutputError
from smirk3d.fitting import LandmarkFit
from smirk3d.fitting.observations.encoder_evidence import (
    evidence_from,
    gives_uncertainty,
    joined_evidence,
)
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import transform_points
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.motion.clip_estimate import FrameEvidence

_STEPS_FROM_BEFORE = 3
"""Steps of a fit that starts from the frame before, which is near already."""
_SHAPE_PRIOR = 30.0
"""Weight of the person's shape so far, against 0.5 for people in general."""


@dataclass(frozen=True, eq=False)
class FaceEstimate:
    """The estimate of one face from one frame.

    Attributes:
        parameters: without batch dimension, on the CPU, in the frame of a crop that is not rotated.
        T_crop_image: ``[3, 3]``, picture pixels to that crop's pixels.
        upright: uint8 ``[224, 224, 3]``, the crop with the face upright, which the encoder gets.
        points: the mesh's landmarks ``[L, 2]`` in picture pixels.
        evidence: what the estimate of the clip takes of this frame; None without such an estimate.
    """

    parameters: FaceParameters
    T_crop_image: NDArray[np.float64]
    upright: NDArray[np.uint8]
    points: NDArray[np.float64]
    evidence: FrameEvidence | None = None


class FaceEstimator:
    """Estimates faces whose position in the frame is given.

    Attributes:
        needs_landmarks: whether each frame's landmarks must be found first, because they are
            fitted; else a box that the frame before gives is enough.
    """

    def __init__(self, reconstructor: FaceReconstructor, *, of_clip: bool = False) -> None:
        """Prepare an encoder (ONNX Runtime on a CPU where it is installed) or a fit.

        Args:
            reconstructor: estimates the faces.
            of_clip: keep the evidence for the estimate of the clip. An encoder with uncertainty is
                taken alone here in any case, for landmarks would cost as much again.
        """
        self._reconstructor = reconstructor
        self._of_clip = of_clip
        self.needs_landmarks = reconstructor.encoder is None or (
            reconstructor.refine_clips and not gives_uncertainty(reconstructor.encoder)
        )
        self._landmarks = reconstructor.head.at_landmarks().to("cpu")
        self._encode = _encoder(reconstructor)
        self._quick: LandmarkFit | None = None

    def __call__(
        self,
        image: NDArray[np.uint8],
        outlines: Sequence[NDArray[np.floating]],
        rolls: Sequence[float],
        *,
        before: Sequence[FaceParameters | None],
    ) -> list[FaceEstimate]:
        """Return the faces of a frame.

        Args:
            image: uint8 ``[H, W, 3]``.
            outlines: for each face points ``[P, 2 or 3]`` in picture pixels whose box its crop
                is cut around; all 478 landmarks where :attr:`needs_landmarks`.
            rolls: for each face its rotation clockwise in the picture, in radians.
            before: for each face its parameters in its crop of the frame before, if any.
        """
        if not outlines:
            return []
        cuts = [
            self._reconstructor.cut(image, outline, roll)
            for outline, roll in zip(outlines, rolls, strict=True)
        ]
        crops = np.stack([crop for crop, _ in cuts])
        transforms = np.stack([transform for _, transform in cuts])
        if self.needs_landmarks:
            upright, said = self._fitted(crops, transforms, outlines, before), None
        else:
            said = self._encoded(crops)
            upright = said.parameters
        upright = self._reconstructor.tongue_gate(upright)
        parameters, level = self._reconstructor.turned_back(upright, transforms)
        points = self.image_points(parameters, level)
        evidence: list[FrameEvidence | None] = [None] * len(cuts)
        if self._of_clip and said is not None:
            evidence = [
                FrameEvidence(said=said[i : i + 1], T_upright_image=transforms[i])
                for i in range(len(cuts))
            ]
        return [
            FaceEstimate(parameters[i], level[i], crops[i], points[i], evidence[i])
            for i in range(len(cuts))
        ]

    def upright(
        self, image: NDArray[np.uint8], outline: NDArray[np.floating], roll: float
    ) -> NDArray[np.uint8]:
        """Return the crop uint8 ``[224, 224, 3]`` with a face upright; see ``__call__``."""
        return self._reconstructor.cut(image, outline, roll)[0]

    @without_gradients
    def image_points(
        self, parameters: FaceParameters, T_crop_image: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the mesh's landmarks ``[B, L, 2]`` in picture pixels."""
        mesh = self._landmarks(parameters).vertices
        seen = ndc_to_pixels(project(mesh, parameters.camera)[..., :2], CROP_SIZE)
        back = np.linalg.inv(T_crop_image)
        points = to_numpy(seen).astype(np.float64) @ back[:, :2, :2].transpose(0, 2, 1)
        return np.asarray(points + back[:, None, :2, 2])

    @without_gradients
    def _encoded(self, crops: NDArray[np.uint8]) -> Evidence:
        like = self._reconstructor.head.v_template
        pictures = as_like(crops.transpose(0, 3, 1, 2).copy(), like) / 255
        return joined_evidence([evidence_from(self._encode, pictures)], like)

    def _fitted(
        self,
        crops: NDArray[np.uint8],
        transforms: NDArray[np.float64],
        outlines: Sequence[NDArray[np.floating]],
        before: Sequence[FaceParameters | None],
    ) -> FaceParameters:
        places = [
            transform_points(transform, outline[:, :2])
            for transform, outline in zip(transforms, outlines, strict=True)
        ]
        like = self._reconstructor.head.v_template
        landmarks = as_like(np.stack(places), like)
        if self._reconstructor.encoder is not None:
            return self._reconstructor.estimate(beside(crops, like), landmarks)
        fitted = [
            self._fit_one(landmarks[i : i + 1], transforms[i : i + 1], start)
            for i, start in enumerate(before)
        ]
        return FaceParameters.cat(fitted)

    def _fit_one(
        self, landmarks: Array, transform: NDArray[np.float64], before: FaceParameters | None
    ) -> FaceParameters:
        fit = self._reconstructor.fit
        if before is None:
            return fit(landmarks).parameters
        start = self._reconstructor.turned_upright(before[None].to(landmarks), transform)
        if self._quick is None:
            held = replace(fit.config, num_steps=_STEPS_FROM_BEFORE, shape_prior=_SHAPE_PRIOR)
            self._quick = LandmarkFit(self._reconstructor.head, held)
        return self._quick(landmarks, start=start, shape_mean=start.shape).parameters


def _encoder(reconstructor: FaceReconstructor) -> Callable[[Array], FaceParameters]:
    encoder, head = reconstructor.encoder, reconstructor.head
    if encoder is None:
        return lambda images: head.neutral(len(images))
    if is_torch(head.v_template) and head.v_template.device.type == "cpu":
        # without the exporter's packages, or a place to keep its file, torch does the same
        try:
            exporting = importlib.import_module("smirk3d.encoders.onnx_export")
            encoder = exporting.onnx_encoder(encoder)
        except (AssetError, MissingExtra, OutputError):
            pass
    return encoder
