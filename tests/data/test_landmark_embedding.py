from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from smirk3d.data.landmark_embedding import embed_landmarks, mirror_landmarks
from smirk3d.errors import AssetError
from smirk3d.heads.tiny import tiny_head
from smirk3d.preprocessing.face_detector import DetectedFace, box_of


class GridDetector:
    """Finds 478 landmarks on a fixed grid over the middle of every picture."""

    def __init__(self, finds: bool = True) -> None:
        self.finds = finds
        self.pictures = 0

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        self.pictures += 1
        if not self.finds:
            return []
        size = image.shape[0]
        steps = np.linspace(0.4, 0.6, 22)
        x, y = np.meshgrid(steps, steps)
        points = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1)[:478] * size
        points = points.astype(np.float32)
        return [DetectedFace(box=box_of(points), score=1.0, landmarks=points)]


def test_landmarks_lie_on_the_skin_and_the_eyes() -> None:
    head = tiny_head()
    detector = GridDetector()
    arrays = embed_landmarks(head, detector, num_identities=2)
    assert detector.pictures == 30
    assert arrays["lmk_mp_id"].tolist()[-2:] == [468, 473]
    corners = head.faces[torch.from_numpy(arrays["lmk_mp_tri"]).long()]
    assert (head.part[corners[:-2]] == 0).all()
    assert (head.part[corners[-2]] == 2).all()
    assert (head.part[corners[-1]] == 1).all()
    np.testing.assert_allclose(arrays["lmk_mp_bary"].sum(1), 1, atol=1e-5)
    assert (arrays["lmk_mp_sigma"] > 0).all()
    assert np.isfinite(arrays["lmk_mp_sigma"]).all()


def test_too_few_detections_are_an_error() -> None:
    with pytest.raises(AssetError, match="found 0 of 15 renderings"):
        embed_landmarks(tiny_head(), GridDetector(finds=False), num_identities=1)


def test_mirror_pairs() -> None:
    left = torch.tensor([[0.3, 0.1, 0.0], [0.2, -0.4, 0.1], [0.1, 0.5, 0.2]])
    right = left * torch.tensor([-1.0, 1.0, 1.0]) + 0.001
    places = torch.cat([left, torch.tensor([[0.0, 0.2, 0.3]]), right])
    assert mirror_landmarks(places).tolist() == [4, 5, 6, 3, 0, 1, 2]
