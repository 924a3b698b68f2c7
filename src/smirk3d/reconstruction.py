"""From a picture to faces in 3D: find, crop, estimate, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.encoders.registry import load_weights
from smirk3d.errors import InputError
from smirk3d.export.formats import save_face
from smirk3d.export.picture import Picture
from smirk3d.export.result import FaceRecord, ResultRecord
from smirk3d.fitting import LandmarkFit, LandmarkFitConfig
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import (
    crop_face,
    face_roll,
    smirk_crop_transform,
    transform_points,
    warp_crop,
    without_roll,
)
from smirk3d.preprocessing.face_detector import DetectedFace, FaceDetector
from smirk3d.preprocessing.face_quality import face_quality
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector


@dataclass(frozen=True)
class ReconstructedFace:
    """One face of a picture in 3D.

    Attributes:
        parameters: the face's parameters, without batch dimension: ``parameters.expression`` is
            ``[E]``. Head pose and camera belong to the crop, which is not turned: a head that
            lies on its side in the picture has that in its head pose.
        head: the head that they move.
        detection: box, score and landmarks in picture pixels.
        crop: uint8 ``[224, 224, 3]``.
        T_crop_image: ``[3, 3]``, picture pixels to crop pixels.
        quality: how far the picture shows the face well, in [0, 1].
        weights: name of the weights that estimated it, ``none`` for a fit.
        weights_sha256: hash of their file, None for a fit.
    """

    parameters: FaceParameters
    head: HeadModel = field(repr=False)
    detection: DetectedFace = field(repr=False)
    crop: NDArray[np.uint8] = field(repr=False)
    T_crop_image: NDArray[np.float64] = field(repr=False)
    quality: float
    weights: str
    weights_sha256: str | None = None

    def vertices(self) -> Tensor:
        """Return the posed vertices ``[V, 3]`` in metres, head axes."""
        with torch.no_grad():
            mesh = self.head(self.parameters[None].to(self.head.v_template.device))
        return mesh.vertices[0].cpu()

    def arkit(self) -> dict[str, float]:
        """Return ARKit's 52 weights by name.

        Raises:
            AssetError: if the head has no named actions.
        """
        weights = self.head.arkit(self.parameters[None].to(self.head.v_template.device))
        return dict(zip(ARKIT_NAMES, weights[0].tolist(), strict=True))

    def save(self, path: str | Path) -> None:
        """Write the face in the format of the path's ending (``.glb``, ``.obj``, ``.npz``, ...).

        Raises:
            InputError: if the ending names no format.
            OutputError: if the file cannot be written.
        """
        side = self.crop.shape[0]
        picture = Picture(
            path=Path(path).stem, size=(side, side), T_crop_image=np.eye(3), pixels=self.crop
        )
        save_face(path, self.head, self.parameters, picture)


@dataclass(frozen=True, kw_only=True)
class FoundFaces:
    """The faces of one picture, cut out and ready to estimate.

    Attributes:
        detections: boxes, scores and landmarks in picture pixels.
        crops: uint8 ``[224, 224, 3]`` each, as the picture shows the face.
        transforms: their ``T_crop_image`` ``[3, 3]``.
        uprights: the same faces turned upright, as the weights expect them.
        upright_transforms: their ``T_crop_image``; equal to the others for weights that expect
            crops that are not turned.
        qualities: how far the picture shows each face well, in [0, 1].
    """

    detections: list[DetectedFace]
    crops: list[NDArray[np.uint8]]
    transforms: list[NDArray[np.float64]]
    uprights: list[NDArray[np.uint8]]
    upright_transforms: list[NDArray[np.float64]]
    qualities: list[float]

    def largest(self) -> FoundFaces:
        """Return the largest face alone."""
        return replace(
            self,
            detections=self.detections[:1],
            crops=self.crops[:1],
            transforms=self.transforms[:1],
            uprights=self.uprights[:1],
            upright_transforms=self.upright_transforms[:1],
            qualities=self.qualities[:1],
        )


class FaceReconstructor:
    """Turns pictures into animatable 3D faces.

    >>> from smirk3d import FaceReconstructor, read_image
    >>> faces = FaceReconstructor()(read_image("photo.jpg"))  # doctest: +SKIP
    >>> faces[0].parameters.expression.shape  # doctest: +SKIP
    torch.Size([38])
    """

    def __init__(
        self,
        head: str | Path | HeadModel = DEFAULT_HEAD,
        *,
        weights: str | Path = "default",
        refine: bool = False,
        detector: FaceDetector | None = None,
        device: str = "auto",
    ) -> None:
        """Load head and weights.

        Args:
            head: name or file of a head, or the head itself.
            weights: name or file of encoder weights; ``none`` fits the landmarks instead;
                ``default`` takes the head's shipped weights, and fits where there are none.
            refine: fit the landmarks from the network's answer.
            detector: finds faces; MediaPipe's landmarker unless given.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

        Raises:
            AssetError: if head or weights are absent, damaged, or do not fit each other.
        """
        self.device = choose_device(device)
        self.head = (head if isinstance(head, HeadModel) else load_head(head)).to(self.device)
        self.detector = detector or MediaPipeFaceDetector()
        loaded = load_weights(weights, self.head) if str(weights) != "none" else None
        self.encoder = loaded.encoder.to(self.device) if loaded else None
        self.weights = loaded.name if loaded else "none"
        self.weights_sha256 = loaded.sha256 if loaded else None
        self.refine = refine
        self._fit: LandmarkFit | None = None

    @property
    def uses_smirk_crop(self) -> bool:
        """Whether the weights have learnt the offsets of the original SMIRK's crop."""
        return self.encoder is not None and self.encoder.provenance.get("crop") == "smirk"

    def cut(
        self, image: NDArray[np.uint8], landmarks: NDArray[np.floating], roll: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the crop uint8 ``[224, 224, 3]`` that the weights expect, and its transform.

        Answers for such crops become those for crops that are not turned by :meth:`turned_back`.

        Args:
            image: uint8 ``[H, W, 3]``.
            landmarks: ``[L, 2 or 3]`` in picture pixels; their box alone counts.
            roll: radians by which the face is turned clockwise in the picture. The crop shows it
                upright, except for weights that :attr:`uses_smirk_crop` tells of.
        """
        if not self.uses_smirk_crop:
            return crop_face(image, landmarks, roll=roll)
        transform = smirk_crop_transform(landmarks)
        return warp_crop(image, transform, antialias=False), transform

    def turned_back(
        self, parameters: FaceParameters, T_crop_image: NDArray[np.float64]
    ) -> tuple[FaceParameters, NDArray[np.float64]]:
        """Return parameters of crops as :meth:`cut` makes them for crops that are not turned.

        Args:
            parameters: ``[B]``, on the head's device.
            T_crop_image: ``[B, 3, 3]``, of the crops that they belong to.

        Returns:
            Parameters ``[B]`` on the CPU, and ``T_crop_image`` ``[B, 3, 3]`` that they belong to.
        """
        level = np.stack([without_roll(transform) for transform in T_crop_image])
        return self._seen(parameters, level @ np.linalg.inv(T_crop_image)).to("cpu"), level

    def turned_upright(
        self, parameters: FaceParameters, T_crop_image: NDArray[np.float64]
    ) -> FaceParameters:
        """Return parameters for crops as :meth:`cut` makes them; undoes :meth:`turned_back`.

        Args:
            parameters: ``[B]`` for the crops that are not turned, on the head's device.
            T_crop_image: ``[B, 3, 3]``, of the crops that :meth:`cut` made.
        """
        level = np.stack([without_roll(transform) for transform in T_crop_image])
        return self._seen(parameters, T_crop_image @ np.linalg.inv(level))

    @torch.no_grad()
    def _seen(
        self, parameters: FaceParameters, T_target_source: NDArray[np.float64]
    ) -> FaceParameters:
        turn = torch.from_numpy(T_target_source).to(parameters.camera)
        pivot = self.head.pivot(parameters)
        return transform_view(parameters, turn, CROP_SIZE, CROP_SIZE, pivot=pivot)

    @property
    def fit(self) -> LandmarkFit:
        """The landmark fit on this head, prepared on first use."""
        if self._fit is None:
            self._fit = LandmarkFit(self.head, LandmarkFitConfig())
        return self._fit

    def __call__(self, image: NDArray[np.uint8]) -> list[ReconstructedFace]:
        """Return the faces of an upright RGB picture uint8 ``[H, W, 3]``, the largest first."""
        return self.reconstruct([self.find(image)])[0]

    def find(self, image: NDArray[np.uint8]) -> FoundFaces:
        """Return the faces of a picture, cut out.

        Raises:
            InputError: if the picture is no uint8 array ``[H, W, 3]``.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(
                f"a picture must be uint8 [H, W, 3], got {image.dtype} {list(image.shape)}: "
                "read files with smirk3d.read_image"
            )
        detections = self.detector.detect(image)
        cuts = [self.cut(image, face.landmarks, face_roll(face.landmarks)) for face in detections]
        level = [without_roll(transform) for _, transform in cuts]
        return FoundFaces(
            detections=detections,
            crops=[
                warp_crop(image, transform, antialias=not self.uses_smirk_crop)
                for transform in level
            ],
            transforms=level,
            uprights=[crop for crop, _ in cuts],
            upright_transforms=[transform for _, transform in cuts],
            qualities=[face_quality(image, face.landmarks) for face in detections],
        )

    def reconstruct(
        self,
        pictures: Sequence[FoundFaces],
        *,
        same_person: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[list[ReconstructedFace]]:
        """Return the reconstructed faces of each picture.

        Args:
            pictures: what :meth:`find` returned.
            same_person: each picture's faces are the same person's: one shape for all.
            on_progress: called with the number of faces done so far.
        """
        detections = [face for picture in pictures for face in picture.detections]
        if not detections:
            return [[] for _ in pictures]
        crops = np.stack([crop for picture in pictures for crop in picture.uprights])
        transforms = np.stack([t for picture in pictures for t in picture.upright_transforms])
        landmarks = np.stack(
            [
                transform_points(transform, face.landmarks[:, :2])
                for face, transform in zip(detections, transforms, strict=True)
            ]
        )
        upright = self.estimate(
            torch.from_numpy(crops),
            torch.from_numpy(landmarks).float(),
            same_person=same_person,
            on_progress=on_progress,
        )
        estimated, _ = self.turned_back(upright, transforms)
        rows = iter(range(len(detections)))
        return [
            [
                ReconstructedFace(
                    estimated[next(rows)],
                    self.head,
                    face,
                    crop,
                    transform,
                    quality,
                    self.weights,
                    self.weights_sha256,
                )
                for face, crop, transform, quality in _faces(picture)
            ]
            for picture in pictures
        ]

    @torch.no_grad()
    def estimate(
        self,
        crops: Tensor,
        landmarks: Tensor,
        *,
        same_person: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> FaceParameters:
        """Return parameters ``[B]`` of crops.

        Args:
            crops: uint8 ``[B, 224, 224, 3]``.
            landmarks: ``[B, 478, 2]`` in crop pixels.
            same_person: all crops show one person: one shape for all.
            on_progress: called with the number of faces done so far.
        """
        person = [0] * len(crops) if same_person else None
        landmarks = landmarks.to(self.device)
        if self.encoder is None:
            return self.fit(landmarks, person=person, on_progress=on_progress).parameters
        answers = []
        for images in crops.split(32):
            pictures = images.to(self.device).permute(0, 3, 1, 2).float() / 255
            answers.append(self.encoder(pictures))
        answer = FaceParameters.cat(answers)
        if same_person:
            answer = answer.replace(shape=answer.shape.mean(0).expand_as(answer.shape))
        if not self.refine:
            return answer
        return self.fit(landmarks, person=person, start=answer, on_progress=on_progress).parameters


def _faces(
    picture: FoundFaces,
) -> list[tuple[DetectedFace, NDArray[np.uint8], NDArray[np.float64], float]]:
    return list(
        zip(picture.detections, picture.crops, picture.transforms, picture.qualities, strict=True)
    )


def result_record(
    source: str, image: NDArray[np.uint8], faces: Sequence[ReconstructedFace]
) -> ResultRecord:
    """Return what ``result.json`` says of a picture's faces."""
    head = faces[0].head
    return ResultRecord(
        input=source,
        image_size=(image.shape[1], image.shape[0]),
        head=head.name,
        head_fingerprint=head.fingerprint,
        weights=faces[0].weights,
        weights_sha256=faces[0].weights_sha256,
        faces=tuple(
            FaceRecord(
                box=face.detection.box,
                score=face.detection.score,
                quality=face.quality,
                parameters=face.parameters,
                arkit=face.arkit() if head.has_named_actions else None,
                T_crop_image=face.T_crop_image,
            )
            for face in faces
        ),
    )


def choose_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        InputError: if the device is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available()}
    there["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    kind = name.partition(":")[0]
    if kind not in there:
        raise InputError(f"unknown device {name!r}: choose auto, cpu, cuda or mps")
    if not there[kind]:
        raise InputError(f"device {name!r} is not available here: use --device auto or cpu")
    return torch.device(name)
