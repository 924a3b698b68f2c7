from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from smirk3d.evaluation.roundtrip import RoundTrip, round_trip
from smirk3d.heads.tiny import tiny_head
from smirk3d.pipeline import ReconstructedFace
from smirk3d.preprocessing.face_detector import DetectedFace


class BrightnessReader:
    """Reads how dark each half of the drawn picture is as one action a side."""

    def __init__(self, blind: bool = False) -> None:
        self.blind = blind

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        if self.blind:
            return []
        right, left = np.split(image.astype(np.float32) / 255, 2, axis=1)
        dark = {"aLeft": float(1 - left.mean()), "aRight": float(1 - right.mean())}
        values = {"_neutral": 0.0, **dark}
        return [_detection(values)]


def _detection(blendshapes: dict[str, float]) -> DetectedFace:
    landmarks = np.zeros((478, 3), np.float32)
    return DetectedFace(
        box=np.array([0, 0, 1, 1], np.float32), score=1, landmarks=landmarks,
        blendshapes=blendshapes,
    )  # fmt: skip


def _faces() -> list[ReconstructedFace]:
    head = tiny_head()
    faces = []
    for x in (-0.02, 0.0, 0.02):
        parameters = head.neutral()
        parameters = parameters.replace(camera=torch.tensor([[7.0, x, 0.0]]))
        # the tiny head is darker than the background: a half darkens as the head moves into it
        values = {"_neutral": 0.0, "aLeft": x, "aRight": -x}
        faces.append(
            ReconstructedFace(
                parameters[0], head, _detection(values), np.zeros((224, 224, 3), np.uint8),
                np.eye(3), 1.0, "none",
            )
        )  # fmt: skip
    return faces


def test_what_is_drawn_is_compared_with_what_was_seen() -> None:
    trip = round_trip(_faces(), detector=BrightnessReader())
    assert trip.names == ("aLeft", "aRight")
    assert trip.lost == 0
    assert trip.photo[:, 0].tolist() == pytest.approx([-0.02, 0.0, 0.02])
    assert trip.side_correlation() > 0.99
    assert "| aLeft | 1.00 |" in trip.table() or "| aLeft | 0.99 |" in trip.table()


def test_unrecognised_heads_are_an_error() -> None:
    with pytest.raises(ValueError, match="no drawn head"):
        round_trip(_faces(), detector=BrightnessReader(blind=True))
    with pytest.raises(ValueError, match="no faces"):
        round_trip([])


def test_side_correlation_takes_pairs() -> None:
    photo = np.array([[0.9, 0.1, 0.5], [0.2, 0.6, 0.5]])
    drawn = np.array([[0.8, 0.0, 0.1], [0.3, 0.7, 0.9]])
    trip = RoundTrip(("smileLeft", "smileRight", "jawOpen"), photo, drawn, 0)
    assert trip.side_correlation() == pytest.approx(1)
    assert trip.correlation() < 0.9
