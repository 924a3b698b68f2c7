from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.metrics import side_correlation
from smirk3d.evaluation.photos import Observer
from smirk3d.evaluation.protocols.redetection import redetection
from smirk3d.heads.tiny import tiny_head
from smirk3d.preprocessing.face_detector import DetectedFace

LEFT, RIGHT = ARKIT_NAMES.index("mouthSmileLeft"), ARKIT_NAMES.index("mouthSmileRight")


class BrightnessReader:
    """Reads how dark each half of the drawn picture is as one action a side."""

    def __init__(self, blind_from: int = 1000) -> None:
        self.left_to_see = blind_from

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        self.left_to_see -= 1
        if self.left_to_see < 0:
            return []
        right, left = np.split(image.astype(np.float32) / 255, 2, axis=1)
        values = {"_neutral": 0.0, "mouthSmileLeft": float(1 - left.mean()),
                  "mouthSmileRight": float(1 - right.mean())}  # fmt: skip
        return [
            DetectedFace(
                box=np.array([0, 0, 1, 1], np.float32), score=1,
                landmarks=np.zeros((478, 3), np.float32), blendshapes=values,
            )
        ]  # fmt: skip


def _crops() -> tuple[Crops, list[float]]:
    # the tiny head is darker than the background: a half darkens as the head moves into it
    places = [-0.02, 0.0, 0.02]
    blendshapes = torch.zeros(3, 52)
    blendshapes[:, LEFT] = torch.tensor(places)
    blendshapes[:, RIGHT] = -blendshapes[:, LEFT]
    return Crops(torch.zeros(3, 3, 224, 224), torch.zeros(3, 478, 2), blendshapes), places


def test_what_is_drawn_is_compared_with_what_was_seen() -> None:
    head = tiny_head()
    crops, places = _crops()
    estimates = head.neutral(3).replace(camera=torch.tensor([[7.0, x, 0.0] for x in places]))
    trip = redetection(head, crops, estimates, Observer(BrightnessReader()))
    assert (trip.rows, trip.lost) == ([0, 1, 2], 0)
    assert trip.photo[:, LEFT].tolist() == pytest.approx(places)
    assert side_correlation(trip.photo, trip.drawn) > 0.99


def test_heads_that_are_not_recognised_are_counted() -> None:
    head = tiny_head()
    crops, _ = _crops()
    trip = redetection(head, crops, head.neutral(3), Observer(BrightnessReader(blind_from=2)))
    assert (trip.rows, trip.lost, len(trip.drawn)) == ([0, 1], 1, 2)
    with pytest.raises(ValueError, match="no drawn head"):
        redetection(head, crops, head.neutral(3), Observer(BrightnessReader(blind_from=0)))


def test_side_correlation_takes_pairs() -> None:
    photo, drawn = np.zeros((2, 52)), np.zeros((2, 52))
    photo[:, [LEFT, RIGHT]] = [[0.9, 0.1], [0.2, 0.6]]
    drawn[:, [LEFT, RIGHT]] = [[0.8, 0.0], [0.3, 0.7]]
    photo[:, ARKIT_NAMES.index("jawOpen")] = [0.5, 0.1]
    assert side_correlation(photo, drawn) == pytest.approx(1)
