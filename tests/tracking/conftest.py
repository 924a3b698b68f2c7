from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.reconstruction import FaceReconstructor
from tests.tracking.clips import background, paste

HEIGHT, WIDTH = 240, 320
WARM_X, WARM_Y = 0.0, -0.213


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """OpenCV's threads wait for each other on pictures this small."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A photograph of a face (NASA, from scikit-image): the face fills about half."""
    return data.astronaut()[20:240, 110:340]


@pytest.fixture(scope="session")
def moving_face(portrait: np.ndarray) -> Callable[[int], np.ndarray]:
    """A frame of a face that drifts over a drifting background."""

    def frame(number: int, x: float | None = None) -> np.ndarray:
        picture = background(HEIGHT, WIDTH, number / 30)
        place = 140 + 25 * np.sin(number / 8) if x is None else x
        paste(picture, portrait, place, 120 + 8 * np.sin(number / 5), 0.9, 6 * np.sin(number / 9))
        return picture

    return frame


class ColourEncoder:
    """Stands for trained weights: finds the portrait by its colours, in a bluish scene.

    The mesh fills the crop as a face does; where the warm pixels' middle moves, it moves. The jaw
    opens with the fraction of warm pixels, so that every frame has an answer of its own.
    """

    provenance: ClassVar[dict[str, str]] = {}

    def __init__(self, head: HeadModel) -> None:
        self.head = head
        points = head.at_landmarks()(head.neutral()).vertices[0, :, :2]
        low, high = points.amin(0), points.amax(0)
        self.scale = float(2 / 1.5 / (high - low).mean())
        self.middle = (low + high) / 2

    def __call__(self, images: torch.Tensor) -> FaceParameters:
        warm = (images[:, 0] - images[:, 2] > 0.08).double()
        total = warm.sum((1, 2)).clamp(min=1)
        at = (torch.arange(224, dtype=torch.double) + 0.5) / 112 - 1
        x, y = (warm.sum(1) @ at) / total, (warm.sum(2) @ at) / total
        answer = self.head.neutral(len(images))
        seen = torch.stack([x - WARM_X, WARM_Y - y], 1).float()
        camera = torch.cat(
            [torch.full_like(seen[:, :1], self.scale), seen / self.scale - self.middle], 1
        )
        jaw = answer.jaw.clone()
        jaw[:, 0] = (total / 224**2).float()
        return answer.replace(camera=camera, jaw=jaw)


@pytest.fixture(scope="session")
def fitter() -> FaceReconstructor:
    """No encoder: each frame's landmarks are fitted."""
    return FaceReconstructor(weights="none", device="cpu")


@pytest.fixture
def seer(fitter: FaceReconstructor, monkeypatch: pytest.MonkeyPatch) -> FaceReconstructor:
    """An encoder that knows the portrait's colours."""
    encoder = ColourEncoder(fitter.head)
    reconstructor = FaceReconstructor(fitter.head, weights="none", device="cpu")
    monkeypatch.setattr(reconstructor, "encoder", encoder)
    monkeypatch.setattr(reconstructor, "weights", "colours")
    monkeypatch.setattr("smirk3d.tracking.estimation._encoder", lambda _: encoder)
    return reconstructor
