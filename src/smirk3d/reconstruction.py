"""From a picture to faces in 3D: find, crop, estimate, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import (
    Array,
    Library,
    array_namespace,
    as_like,
    is_floating,
    is_torch,
    without_gradients,
)
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.evidence import Evidence
from smirk3d.encoders.registry import load_weights
from smirk3d.errors import InputError, UsageError, check_shape
from smirk3d.faces import Face, Faces, Picture
from smirk3d.faces.picture import PictureSource, rgb_pixels
from smirk3d.fitting import LandmarkFit, LandmarkFitConfig
from smirk3d.fitting.joint_estimate import JointEstimator
from smirk3d.fitting.observations.encoder_evidence import (
    evidence_from,
    gives_uncertainty,
    joined_evidence,
    surface_points,
)
from smirk3d.fitting.observations.face_views import FaceViews
from smirk3d.fitting.tongue_gate import TongueGate
from smirk3d.geometry.views import transform_view
from smirk3d.heads.devices import choose_device, on_device
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
from smirk3d.preprocessing.face_detector import FaceDetector, FoundFaces
from smirk3d.preprocessing.face_quality import face_quality
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector

_BATCH = 32
"""Crops encoded at once; bounds memory."""


class FaceReconstructor:
    """Turns pictures into animatable 3D faces.

    >>> from smirk3d import FaceReconstructor
    >>> faces = FaceReconstructor()("photo.jpg")  # doctest: +SKIP
    >>> len(faces[0].parameters.expression)  # doctest: +SKIP
    38

    Attributes:
        refine: whether pictures are estimated jointly from the network's answer and the landmarks.
        refine_clips: whether the frames of clips are; only if it was asked for, because the
            network's frames, smoothed, lie nearer to the truth (docs/estimate.md).
    """

    def __init__(
        self,
        head: str | Path | HeadModel = DEFAULT_HEAD,
        *,
        weights: str | Path = "default",
        refine: bool = False,
        fast: bool = False,
        detector: FaceDetector | None = None,
        device: str = "auto",
    ) -> None:
        """Load head and weights.

        Args:
            head: name or file of a head, or the head itself, which is copied where it lies on
                another device.
            weights: name or file of encoder weights; ``none`` fits the landmarks instead;
                ``default`` takes the head's shipped weights, and fits where there are none.
            refine: estimate jointly from the network's answer and the landmarks, in clips too.
                Networks that give standard deviations do so by default on pictures.
            fast: take the network's answer alone.
            detector: finds faces; MediaPipe's landmarker unless given.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``. A head of NumPy arrays, which is what
                names give where torch is not installed, is evaluated on the CPU unless a GPU is
                asked for.

        Raises:
            AssetError: if head or weights are absent, damaged, or do not fit each other.
            UsageError: if both ``refine`` and ``fast`` are asked for.
        """
        if refine and fast:
            raise UsageError("--fast takes the network alone and --refine does not: give one")
        model = head if isinstance(head, HeadModel) else load_head(head)
        on_numpy = not is_torch(model.v_template) and device in ("auto", "cpu")
        self.device: Any = "cpu" if on_numpy else choose_device(device)
        self.head = on_device(model, self.device)
        self.detector = detector or MediaPipeFaceDetector()
        computing: Library = "numpy" if on_numpy else "torch"
        loaded = None
        if str(weights) != "none":
            loaded = load_weights(weights, self.head, library=computing)
        self.encoder = loaded.encoder if loaded else None
        if loaded and hasattr(loaded.encoder, "to"):  # a network of torch
            loaded.encoder.to(self.device)
        self.weights = loaded.name if loaded else "none"
        self.weights_sha256 = loaded.sha256 if loaded else None
        self.refine_clips = self.encoder is not None and refine
        self.refine = self.refine_clips or (not fast and gives_uncertainty(self.encoder))
        self.tongue_gate = TongueGate(self.head)
        self._fit: LandmarkFit | None = None
        self._joint: JointEstimator | None = None
        self._views: FaceViews | None = None

    @property
    def uses_smirk_crop(self) -> bool:
        """Whether the weights were trained on SMIRK's own crops, which are not rotated."""
        return self.encoder is not None and self.encoder.provenance.get("crop") == "smirk"

    def cut(
        self, image: NDArray[np.uint8], landmarks: NDArray[np.floating], roll: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the crop uint8 ``[224, 224, 3]`` that the weights expect, and its transform.

        Parameters estimated from such a crop are converted to the crop that is not rotated by
        :meth:`turned_back`.

        Args:
            image: uint8 ``[H, W, 3]``.
            landmarks: ``[L, 2 or 3]`` in picture pixels, of which only the bounding box is used.
            roll: radians by which the face is rotated clockwise in the picture. The crop shows it
                upright, unless :attr:`uses_smirk_crop`.
        """
        if not self.uses_smirk_crop:
            return crop_face(image, landmarks, roll=roll)
        transform = smirk_crop_transform(landmarks)
        return warp_crop(image, transform, antialias=False), transform

    def turned_back(
        self, parameters: FaceParameters, T_crop_image: NDArray[np.float64]
    ) -> tuple[FaceParameters, NDArray[np.float64]]:
        """Convert parameters from crops of :meth:`cut` to crops that are not rotated.

        Args:
            parameters: ``[B]``, on the head's device.
            T_crop_image: ``[B, 3, 3]``, picture pixels to pixels of the crops from :meth:`cut`.

        Returns:
            Parameters ``[B]`` on the CPU, in the head's library, and ``T_crop_image``
            ``[B, 3, 3]`` of the crops that are not rotated.
        """
        level = np.stack([without_roll(transform) for transform in T_crop_image])
        return self._seen(parameters, level @ np.linalg.inv(T_crop_image)).to("cpu"), level

    def turned_upright(
        self, parameters: FaceParameters, T_crop_image: NDArray[np.float64]
    ) -> FaceParameters:
        """Convert parameters from crops that are not rotated to crops of :meth:`cut`.

        Args:
            parameters: ``[B]`` for crops that are not rotated, on the head's device.
            T_crop_image: ``[B, 3, 3]``, picture pixels to pixels of the crops from :meth:`cut`.
        """
        level = np.stack([without_roll(transform) for transform in T_crop_image])
        return self._seen(parameters, T_crop_image @ np.linalg.inv(level))

    @without_gradients
    def _seen(
        self, parameters: FaceParameters, T_target_source: NDArray[np.float64]
    ) -> FaceParameters:
        turn = as_like(T_target_source, parameters.camera)
        pivot = self.head.pivot(parameters)
        return transform_view(parameters, turn, CROP_SIZE, CROP_SIZE, pivot=pivot)

    @property
    def fit(self) -> LandmarkFit:
        """The landmark fit on this head, prepared on first use."""
        if self._fit is None:
            self._fit = LandmarkFit(self.head, LandmarkFitConfig())
        return self._fit

    @property
    def joint(self) -> JointEstimator:
        """The joint estimate on this head, prepared on first use."""
        if self._joint is None:
            surface = surface_points(self.encoder) if self.encoder is not None else None
            self._joint = JointEstimator(self.head, surface)
        return self._joint

    @overload
    def __call__(self, image: PictureSource) -> Faces: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, image: Sequence[PictureSource]) -> list[Faces]: ...
    def __call__(self, image: PictureSource | Sequence[PictureSource]) -> Faces | list[Faces]:
        """Return the faces of a picture, the largest first; a list of them for several pictures.

        Args:
            image: path of a picture file, a PIL image, or an upright RGB array ``[H, W, 3]``, uint8
                or floating point in [0, 1]; or a list or tuple of these.

        Raises:
            InputError: if a picture cannot be read or is of another kind.
        """
        if not isinstance(image, list | tuple):
            picture = Picture.of(cast(PictureSource, image))
            faces = self.reconstruct([self.find(picture.require_pixels())])[0]
            return Faces(replace(face, picture=picture) for face in faces)
        return [self(one) for one in image]

    def find(self, image: PictureSource) -> FoundFaces:
        """Return the faces of a picture, cropped for the weights.

        Args:
            image: one picture, as :meth:`__call__` takes it.

        Raises:
            InputError: if the picture cannot be read or is of another kind.
        """
        pixels = rgb_pixels(image)
        detections = self.detector.detect(pixels)
        cuts = [self.cut(pixels, face.landmarks, face_roll(face.landmarks)) for face in detections]
        return FoundFaces(
            detections=detections,
            crops=[crop for crop, _ in cuts],
            transforms=[transform for _, transform in cuts],
            qualities=[face_quality(pixels, face.landmarks) for face in detections],
        )

    def reconstruct(
        self,
        pictures: Sequence[FoundFaces],
        *,
        same_person: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Faces]:
        """Return the reconstructed faces of each picture; they do not keep its pixels.

        Args:
            pictures: the answers of :meth:`find`, one a picture.
            same_person: each picture's faces are the same person's: one shape for all.
            on_progress: called with the number of faces done so far.
        """
        detections = [face for picture in pictures for face in picture.detections]
        if not detections:
            return [Faces() for _ in pictures]
        crops = np.stack([crop for picture in pictures for crop in picture.crops])
        transforms = np.stack([t for picture in pictures for t in picture.transforms])
        landmarks = np.stack(
            [
                transform_points(transform, face.landmarks[:, :2])
                for face, transform in zip(detections, transforms, strict=True)
            ]
        )
        upright, std = self._estimate(
            crops,
            landmarks.astype(np.float32),
            same_person=same_person,
            on_progress=on_progress,
        )
        estimated, level = self.turned_back(upright, transforms)
        qualities = [quality for picture in pictures for quality in picture.qualities]
        rows = iter(
            Face(
                parameters=estimated[row],
                head=self.head,
                T_crop_image=level[row],
                detection=detections[row],
                quality=qualities[row],
                std=std[row] if std is not None else None,
                weights=self.weights,
                weights_sha256=self.weights_sha256,
            )
            for row in range(len(detections))
        )
        return [Faces(islice(rows, len(picture))) for picture in pictures]

    @without_gradients
    def estimate(
        self,
        crops: Array,
        landmarks: Array,
        *,
        same_person: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> FaceParameters:
        """Return parameters ``[B]`` of crops.

        Args:
            crops: ``[B, 224, 224, 3]``, uint8 or floating point in [0, 1].
            landmarks: ``[B, 478, 2]`` in crop pixels.
            same_person: all crops show one person: one shape for all.
            on_progress: called with the number of faces done so far.

        Raises:
            InputError: if crops or landmarks are out of range, NaN included.
            ShapeError: if a shape differs.
        """
        return self._estimate(crops, landmarks, same_person=same_person, on_progress=on_progress)[0]

    @without_gradients
    def _estimate(
        self,
        crops: Array,
        landmarks: Array,
        *,
        same_person: bool,
        on_progress: Callable[[int], None] | None,
    ) -> tuple[FaceParameters, FaceParameters | None]:
        """Return parameters ``[B]`` and standard deviations on the CPU, None without them."""
        _check_crops(crops, landmarks)
        if not len(crops):
            return self.head.neutral(0), None
        person = [0] * len(crops) if same_person else None
        landmarks = as_like(landmarks, self.head.v_template)
        if self.encoder is None:
            fitted = self.fit(landmarks, person=person, on_progress=on_progress)
            return self.tongue_gate(fitted.parameters), None
        said = self._said(crops, several=self.refine)
        if self.refine:
            found = self.joint(said, landmarks, person=person, on_progress=on_progress)
            return self.tongue_gate(found.parameters), found.std.to("cpu")
        answer = said.parameters
        if same_person:
            shape = array_namespace(answer.shape).zeros_like(answer.shape) + answer.shape.mean(0)
            answer = answer.replace(shape=shape)
        return self.tongue_gate(answer), said.std.to("cpu") if said.std is not None else None

    def _said(self, crops: Array, *, several: bool) -> Evidence:
        """Return what the network says about crops, or about several views of each together."""
        assert self.encoder is not None
        if several and self._views is None:
            self._views = FaceViews(self.head)
        white = 1 if is_floating(crops) else 255
        parts = []
        for start in range(0, len(crops), _BATCH):
            images = as_like(crops[start : start + _BATCH], self.head.v_template)
            pictures = array_namespace(images).permute_dims(images, (0, 3, 1, 2)) / white
            if several and self._views is not None:
                parts.append(self._views(self.encoder, pictures))
            else:
                parts.append(evidence_from(self.encoder, pictures))
        return joined_evidence(parts, self.head.v_template)


def _check_crops(crops: Array, landmarks: Array) -> None:
    batch = check_shape(crops, f"B {CROP_SIZE} {CROP_SIZE} 3", "crops")["B"]
    check_shape(landmarks, "B L 2", "landmarks", B=batch)
    if is_floating(crops):
        # a comparison with NaN is false
        if not bool(((crops >= 0) & (crops <= 1)).all()):
            raise InputError("floating-point crops must lie in [0, 1] without NaN: divide by 255")
    elif str(crops.dtype).removeprefix("torch.") != "uint8":
        raise InputError(f"crops must be uint8, or floating point in [0, 1], got {crops.dtype}")
    if not bool(array_namespace(landmarks).isfinite(landmarks).all()):
        raise InputError("landmarks must be finite: leave out faces whose landmarks are NaN")


def reconstruct(
    image: PictureSource | Sequence[PictureSource],
    *,
    head: str | Path | HeadModel = DEFAULT_HEAD,
    weights: str | Path = "default",
    refine: bool = False,
    fast: bool = False,
    device: str = "auto",
) -> Faces | list[Faces]:
    """Return the faces of a picture, or of each of several, the largest first.

    Head and weights are loaded at each call; :class:`FaceReconstructor` loads them once.

    Args:
        image: path, PIL image or array ``[H, W, 3]``; or a list or tuple of these.
        head: name or file of a head, or the head itself.
        weights: name or file of weights; ``none`` fits the landmarks instead.
        refine: estimate jointly from the network's answer and the landmarks; see
            :class:`FaceReconstructor`.
        fast: take the network's answer alone.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        AssetError: if head or weights are absent, damaged, or do not fit each other.
        InputError: if a picture cannot be read or is of another kind.
    """
    make = FaceReconstructor(head, weights=weights, refine=refine, fast=fast, device=device)
    return make(image)
