"""Which actions photos do not show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from smirk3d.data.absent_actions import absent_actions
from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.batch_config import AugmentationConfig, BatchConfig
from smirk3d.data.batches import TrainingBatches
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head

COUNT = 8


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open@2")


def photos(head: HeadModel, blendshapes: dict[str, list[float]]) -> AnnotatedFaces:
    neutral = head.neutral(COUNT)
    seen = project(head.landmarks(head(neutral).vertices), neutral.camera)[..., :2]
    landmarks = torch.zeros(COUNT, 478, 2)
    landmarks[:, head.landmark_ids] = ndc_to_pixels(seen, 224)
    return AnnotatedFaces(
        keys=np.array([f"{i:05d}" for i in range(COUNT)]),
        images=torch.zeros(COUNT, 3, 224, 224, dtype=torch.uint8),
        landmarks=landmarks,
        blendshapes=torch.tensor(list(blendshapes.values())).T,
        blendshape_names=tuple(blendshapes),
        sources=np.array(["made"] * COUNT),
        persons=np.full(COUNT, ""),
        oval_inside=torch.ones(COUNT),
    )


def column(head: HeadModel, name: str) -> int:
    return list(head.expression_names).index(name)


def test_an_action_is_absent_where_neither_detector_nor_fit_has_it(head: HeadModel) -> None:
    faces = photos(head, {"mouthFunnel": [0.0, 0.0, 0.4, 0.4] + [0.0] * 4})
    funnel, puff = column(head, "mouthFunnel"), column(head, "cheekPuff")
    targets = head.neutral(COUNT)
    targets.expression[:, funnel] = torch.tensor([0.0, 0.5, 0.0, 0.5] + [0.1] * 4)
    targets.expression[:, puff] = torch.tensor([0.0, 0.1] * 4)
    absent = absent_actions(head, targets, faces)
    assert absent is not None
    assert absent[:, funnel].tolist() == [True, False, False, False] + [True] * 4
    # no detector tells of puffed cheeks: the fit does
    assert absent[:, puff].tolist() == [True, False] * 4
    assert absent_actions(tiny_head("pca"), targets, faces) is None


def test_batches_know_what_their_photos_do_not_show_mirrored_or_warped(head: HeadModel) -> None:
    faces = photos(head, {"mouthSmileLeft": [0.9] * COUNT, "mouthSmileRight": [0.0] * COUNT})
    targets = head.neutral(COUNT)
    left, right = column(head, "mouthSmileLeft"), column(head, "mouthSmileRight")
    still = AugmentationConfig(crop_scale=(1.5, 1.5), shift=0, rotation=0, occlusion=0, flip=0.0)
    config = BatchConfig(batch_size=8, image_size=64, warped=0.25, augmentation=still)
    batch = TrainingBatches(faces, targets, head, config).batch(0)
    assert batch.absent is not None
    assert not batch.absent[:, left].any()
    assert batch.absent[2:, right].all()
    # a warp shows what was added to its photo
    warped, plain = batch.absent[:2], batch.absent[2:4]
    added = batch.targets.expression[:2] > batch.targets.expression[2:4]
    assert added.any() and not (warped & added).any()
    assert torch.equal(warped | added, plain | added)
    config = replace(config, warped=0.0, augmentation=replace(still, flip=1.0))
    batch = TrainingBatches(faces, targets, head, config).batch(0)
    assert batch.absent is not None
    assert batch.absent[:, left].all() and not batch.absent[:, right].any()
