"""What is compared: ways from a face's crop to parameters of one head."""

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
    """B faces as methods see them.

    Attributes:
        images: ``[B, 3, 224, 224]`` in [0, 1].
        landmarks: all 478 of MediaPipe ``[B, 478, 2]`` in crop pixels.
        blendshapes: MediaPipe's estimates ``[B, 52]`` in the order of ``conventions.ARKIT_NAMES``;
            it has no tongue, which is 0.
    """

    images: Tensor
    landmarks: Tensor
    blendshapes: Tensor

    def __len__(self) -> int:
        """B."""
        return len(self.images)

    def __getitem__(self, rows: slice | Tensor | Sequence[int]) -> Crops:
        """Select faces."""
        return Crops(self.images[rows], self.landmarks[rows], self.blendshapes[rows])


class Method(Protocol):
    """Reads faces; answers are on the CPU, in the crops' frame."""

    name: str

    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        ...


class EncoderMethod:
    """Weights of an encoder, feed-forward."""

    def __init__(
        self, name: str, encoder: Callable[[Tensor], FaceParameters], device: torch.device
    ) -> None:
        """Keep the encoder, which reads ``[B, 3, 224, 224]`` on a device."""
        self.name = name
        self._encoder = encoder
        self._device = device

    @torch.no_grad()
    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        parts = crops.images.split(_BATCH)
        return FaceParameters.cat([self._encoder(p.to(self._device)).to("cpu") for p in parts])


class KeptFits:
    """The landmark fit of a head; what it found for the last landmarks is kept for other methods.

    Attributes:
        fit: the fit.
    """

    def __init__(self, fit: LandmarkFit) -> None:
        """Keep nothing yet."""
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
    """The landmark fit, from scratch or from another method's answer."""

    def __init__(self, name: str, fit: KeptFits, start: Method | None = None) -> None:
        """Keep what to start from."""
        self.name = name
        self._fit = fit
        self._start = start

    def __call__(self, crops: Crops) -> FaceParameters:
        """Return the parameters ``[B]`` of crops."""
        if self._start is None:
            return self._fit(crops.landmarks)
        return self._fit.fit(crops.landmarks, start=self._start(crops)).parameters


class MediaPipeMethod:
    """The head driven by MediaPipe's blend shapes: people's usual tool today.

    Shape, head pose and camera are the fit's.
    """

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
    """The mean face without expression, turned and placed to the landmarks."""

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
        turned = neutral.replace(head_pose=matrix_to_axis_angle(rotation))
        # the closed form turns about the origin, the head perhaps about its root joint
        placed = self._head.landmarks(self._head(turned).vertices)[..., :2]
        scale = camera[:, :1]
        up = targets * targets.new_tensor([1.0, -1.0])
        shift = ((up / scale[:, None] - placed) * weights[..., None]).sum(1) / self._stable.sum()
        return turned.replace(camera=torch.cat([scale, shift], 1))


def make_method(
    name: str, head: HeadModel, *, fit: KeptFits, device: torch.device | str = "cpu"
) -> Method:
    """Return a method by name.

    Args:
        name: ``none`` for the fit, ``mean``, ``mediapipe``, or name or file of encoder weights,
            with ``+refine`` for a fit from their answer; ``LABEL=...`` calls it LABEL in tables.
        head: on the CPU.
        fit: of that head.
        device: where encoders run.

    Raises:
        AssetError: if the weights are absent, damaged, or for another head.
        UsageError: if the name is empty, or the label no name of a file.
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
    method = EncoderMethod(title, encoder, torch.device(device))
    return FitMethod(title, fit, method) if text != plain else method


def make_methods(
    names: Sequence[str],
    head: HeadModel,
    *,
    device: torch.device | str = "cpu",
    on_failure: Callable[[str, Exception], None] | None = None,
) -> list[Method]:
    """Return methods by name; arguments and errors as of :func:`make_method`.

    Args:
        names: of the methods.
        head: on the CPU.
        device: where encoders run.
        on_failure: called with name and error of each method that cannot be made, which is left
            out then; by default the error is raised.

    Raises:
        UsageError: if two have one name.
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
        raise UsageError(f"two methods have one name in {', '.join(labels)}: give LABEL=NAME")
    return methods
