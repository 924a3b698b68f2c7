"""Methods that evaluations compare: each estimates one head's parameters from face crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.registry import load_weights
from smirk3d.errors import AssetError, UsageError
from smirk3d.evaluation.config import REFINED, parse_method
from smirk3d.fitting import LandmarkFit
from smirk3d.fitting.initial_view import initial_view
from smirk3d.fitting.joint_estimate import JointEstimator
from smirk3d.fitting.observations.encoder_evidence import joined_evidence, surface_points
from smirk3d.fitting.observations.face_views import FaceViews
from smirk3d.geometry.cameras import pixels_to_ndc
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_BATCH = 32
"""Crops encoded at once; bounds memory, the results do not depend on it."""

_KEPT = 16
"""Fits kept for methods that share them; a protocol asks for 8 sets of landmarks at most."""


@dataclass(frozen=True)
class Crops:
    """Crops of B faces, the input of every method.

    Attributes:
        images: crops ``[B, 3, 224, 224]`` in [0, 1].
        landmarks: all 478 landmarks of MediaPipe ``[B, 478, 2]`` in crop pixels.
        blendshapes: MediaPipe's estimates ``[B, 52]`` in the order of ``conventions.ARKIT_NAMES``.
            MediaPipe does not estimate ``tongueOut``, which is 0.
    """

    images: Tensor
    landmarks: Tensor
    blendshapes: Tensor

    def __len__(self) -> int:
        """B."""
        return len(self.images)

    def __getitem__(self, rows: slice | Tensor | Sequence[int]) -> Crops:
        """Return some of the faces, by slice, index or mask."""
        return Crops(self.images[rows], self.landmarks[rows], self.blendshapes[rows])


class Method(Protocol):
    """Estimates parameters on the CPU, in the frame of the crops."""

    name: str

    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        ...


class EncoderMethod:
    """Feed-forward estimates of an encoder."""

    def __init__(
        self, name: str, encoder: Callable[[Tensor], FaceParameters], device: torch.device
    ) -> None:
        """Keep the encoder.

        Args:
            name: name in the tables.
            encoder: returns parameters of crops ``[B, 3, 224, 224]`` in [0, 1].
            device: device of the encoder.
        """
        self.name = name
        self._encoder = encoder
        self._device = device

    @torch.no_grad()
    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        parts = crops.images.split(_BATCH)
        return FaceParameters.cat([self._encoder(p.to(self._device)).to("cpu") for p in parts])


class KeptFits:
    """The landmark fit of a head, with a cache of recent fits that methods share.

    Attributes:
        fit: the landmark fit.
    """

    def __init__(self, fit: LandmarkFit) -> None:
        """Start with an empty cache."""
        self.fit = fit
        self._kept: dict[int, tuple[Tensor, FaceParameters]] = {}

    def __call__(self, landmarks: Tensor) -> FaceParameters:
        """Return the fitted parameters ``[B]`` of landmarks ``[B, 478, 2]`` in crop pixels."""
        # the tensor is kept too, so that its id is not given to another
        if id(landmarks) not in self._kept:
            if len(self._kept) == _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[id(landmarks)] = (landmarks, self.fit(landmarks).parameters)
        return self._kept[id(landmarks)][1]


class FitMethod:
    """The landmark fit, started from the mean face."""

    def __init__(self, name: str, fit: KeptFits) -> None:
        """Keep the fit."""
        self.name = name
        self._fit = fit

    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        return self._fit(crops.landmarks)


class JointMethod:
    """The joint estimate from what an encoder says and the landmarks."""

    def __init__(
        self, name: str, head: HeadModel, encoder: FaceEncoder, device: torch.device
    ) -> None:
        """Prepare the estimate on the CPU; the encoder may lie on another device."""
        self.name = name
        self._encoder, self._device = encoder, device
        self._joint = JointEstimator(head, surface_points(encoder))
        self._views = FaceViews(head)

    @torch.no_grad()
    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        parts = [part.to(self._device) for part in crops.images.split(_BATCH)]
        said = [self._views(self._encoder, part) for part in parts]
        together = joined_evidence(said, crops.landmarks.cpu())
        return self._joint(together, crops.landmarks).parameters


class MediaPipeMethod:
    """The head driven by MediaPipe's blend shapes, with shape, head pose and camera of the fit."""

    name = "mediapipe"

    def __init__(self, fit: KeptFits, head: HeadModel) -> None:
        """Keep head and fit.

        Raises:
            AssetError: if the head has no named actions to drive.
        """
        if not head.has_named_actions:
            raise AssetError(f"head {head.name!r} has no named actions for MediaPipe to drive")
        self._fit = fit
        self._head = head

    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        fitted = self._fit(crops.landmarks)
        driven = self._head.from_arkit(crops.blendshapes)
        return driven.replace(
            shape=fitted.shape, head_pose=fitted.head_pose, camera=fitted.camera, neck=fitted.neck
        )


class MeanFaceMethod:
    """The mean face without expression, with head pose and camera from the landmarks."""

    name = "mean"

    def __init__(self, fit: KeptFits, head: HeadModel) -> None:
        """Keep the head and which of its landmarks are stable."""
        self._stable = fit.fit.stable.float()
        self._head = head

    @torch.no_grad()
    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        neutral = self._head.neutral(len(crops))
        points = self._head.landmarks(self._head(neutral).vertices)
        targets = pixels_to_ndc(crops.landmarks[:, self._head.landmark_ids], CROP_SIZE)
        weights = self._stable.expand(len(crops), -1)
        rotation, camera = initial_view(points, targets, weights)
        rotated = neutral.replace(head_pose=matrix_to_axis_angle(rotation))
        # the closed form rotates about the origin, the head perhaps about its root joint
        placed = self._head.landmarks(self._head(rotated).vertices)[..., :2]
        scale = camera[:, :1]
        up = targets * targets.new_tensor([1.0, -1.0])
        shift = ((up / scale[:, None] - placed) * weights[..., None]).sum(1) / self._stable.sum()
        return rotated.replace(camera=torch.cat([scale, shift], 1))


def make_method(
    name: str, head: HeadModel, *, fit: KeptFits, device: torch.device | str = "cpu"
) -> Method:
    """Return a method by name.

    Args:
        name: ``none`` for the fit, ``mean``, ``mediapipe``, or name or file of encoder weights,
            with ``+refine`` for the joint estimate with the landmarks; ``LABEL=...`` calls it LABEL
            in tables.
        head: the head, on the CPU.
        fit: the landmark fit of that head.
        device: device of the encoders.

    Raises:
        AssetError: if the weights are absent, damaged, or for another head.
        UsageError: if the name is empty, or the label cannot name a file.
    """
    label, text = parse_method(name)
    if text == "none":
        return FitMethod(label, fit)
    if text == "mean":
        return MeanFaceMethod(fit, head)
    if text == "mediapipe":
        return MediaPipeMethod(fit, head)
    plain = text.removesuffix(REFINED)
    loaded = load_weights(plain, head)
    if loaded is None:
        raise AssetError(f"no weights are installed for head {head.name!r}: name a file")
    encoder: FaceEncoder = loaded.encoder.to(device)
    title = label if label != name else loaded.name + text[len(plain) :]
    if text != plain:
        return JointMethod(title, head, encoder, torch.device(device))
    return EncoderMethod(title, encoder, torch.device(device))


def make_methods(
    names: Sequence[str],
    head: HeadModel,
    *,
    device: torch.device | str = "cpu",
    on_failure: Callable[[str, Exception], None] | None = None,
) -> list[Method]:
    """Return methods by name; :func:`make_method` documents the names.

    Args:
        names: names of the methods.
        head: the head, on the CPU.
        device: device of the encoders.
        on_failure: called with name and error of each method that cannot be made, which is left
            out then; by default the error is raised.

    Raises:
        UsageError: if two methods have the same name.
    """
    fit = KeptFits(LandmarkFit(head))
    methods: list[Method] = []
    for name in names:
        try:
            methods.append(make_method(name, head, fit=fit, device=device))
        except Exception as error:
            if on_failure is None:
                raise
            on_failure(name, error)
    labels = [method.name for method in methods]
    if len(set(labels)) < len(labels):
        raise UsageError(f"two methods have the same name in {', '.join(labels)}: give LABEL=NAME")
    return methods
