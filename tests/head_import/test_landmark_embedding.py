from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from smirk3d.errors import AssetError
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.head_import.landmark_embedding import embed_landmarks, with_landmarks
from smirk3d.head_import.landmark_renderer import LOWER_INNER_LIP, UPPER_INNER_LIP, LandmarkRenderer
from smirk3d.heads.landmarks.mediapipe import mirror_landmarks, mirrored_ids
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays
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
    # fifteen views, and three with the mouth open
    assert detector.pictures == 2 * 18
    assert arrays["lmk_mp_id"].tolist()[-10:] == list(range(468, 478))
    corners = head.faces[torch.from_numpy(arrays["lmk_mp_tri"]).long()]
    assert (head.part[corners[:-10]] == 0).all()
    assert (head.part[corners[-10:-5]] == 2).all()
    assert (head.part[corners[-5:]] == 1).all()
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


def test_mediapipe_pairs_are_an_involution() -> None:
    partner = mirrored_ids()
    assert (partner[partner] == torch.arange(478)).all()
    for right, left in ((33, 263), (61, 291), (468, 473), (469, 476), (470, 475), (10, 10), (1, 1)):
        assert partner[right] == left


class EchoDetector:
    """Finds the lip rims where the head really has them in the picture, and nothing else."""

    def __init__(self, landmark_renderer: LandmarkRenderer, view) -> None:
        vertices = landmark_renderer.head(view).vertices
        self.pixels = ndc_to_pixels(project(vertices, view.camera), 320)[0, :, :2].numpy()
        self.upper, self.lower = (
            int(landmark_renderer.head.faces[lip[len(lip) // 2], 0])
            for lip in (landmark_renderer.upper_lip, landmark_renderer.lower_lip)
        )

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        points = np.zeros((478, 3), np.float32)
        points[list(UPPER_INNER_LIP), :2] = self.pixels[self.upper]
        points[list(LOWER_INNER_LIP), :2] = self.pixels[self.lower]
        return [DetectedFace(box=box_of(points), score=1.0, landmarks=points)]


def test_lip_rims_are_carried_to_their_own_lip() -> None:
    head = load_head("open")
    landmark_renderer = LandmarkRenderer(head)
    on_both = set(landmark_renderer.upper_lip.tolist()) & set(landmark_renderer.lower_lip.tolist())
    assert len(on_both) < 0.5 * len(landmark_renderer.upper_lip)
    view = landmark_renderer.open_views(head.neutral(), torch.Generator().manual_seed(1))[1:2]
    detector = EchoDetector(landmark_renderer, view)
    places, weights = landmark_renderer.observe_lips(view, detector)
    assert weights[list(UPPER_INNER_LIP)].all()
    assert not weights[[0, 10, 152]].any()
    for ids, vertex in ((UPPER_INNER_LIP, detector.upper), (LOWER_INNER_LIP, detector.lower)):
        distance = (places[list(ids)] - head.v_template[vertex]).norm(dim=1)
        assert distance.max() < 0.004


def test_with_landmarks_records_what_was_done() -> None:
    arrays, meta = tiny_head_arrays()
    found, recorded = with_landmarks(arrays, meta, GridDetector(), num_identities=1)
    assert recorded == {**meta, "landmarks": {"detector": "GridDetector", "num_identities": 1}}
    assert set(found) == set(arrays)
    assert len(found["lmk_mp_id"]) != len(arrays["lmk_mp_id"])
