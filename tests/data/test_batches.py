from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.batch_config import AugmentationConfig, BatchConfig
from smirk3d.data.batches import TrainingBatches
from smirk3d.errors import UsageError
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters

COUNT = 12


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def photos(head: HeadModel) -> tuple[AnnotatedFaces, FaceParameters]:
    generator = torch.Generator().manual_seed(0)
    truth = head.neutral(COUNT)
    truth = truth.replace(head_pose=torch.randn(COUNT, 3, generator=generator) * 0.1)
    with torch.no_grad():
        seen = project(head.landmarks(head(truth).vertices), truth.camera)[..., :2]
    landmarks = torch.zeros(COUNT, 478, 2)
    landmarks[:, head.landmark_ids] = ndc_to_pixels(seen, 224)
    smooth = torch.rand(COUNT, 3, 7, 7, generator=generator) * 255
    images = torch.nn.functional.interpolate(smooth, size=224, mode="bilinear")
    faces = AnnotatedFaces(
        keys=np.array([f"{i:05d}" for i in range(COUNT)]),
        images=images.to(torch.uint8),
        landmarks=landmarks,
        blendshapes=torch.zeros(COUNT, 52),
        blendshape_names=tuple(f"b{i}" for i in range(52)),
        sources=np.array(["made"] * COUNT),
        persons=np.full(COUNT, ""),
        oval_inside=torch.ones(COUNT),
    )
    return faces, truth


def batches(head: HeadModel, photos, **config) -> TrainingBatches:
    still = AugmentationConfig(crop_scale=(1.6, 1.6), shift=0.0, occlusion=0.0, noise=0.0)
    return TrainingBatches(
        *photos, head, BatchConfig(batch_size=8, image_size=96, augmentation=still, **config)
    )


def test_pairs_are_the_same_people_in_the_same_light(head: HeadModel, photos) -> None:
    batch = batches(head, photos, warped=0.25, rendered=0.25).batch(3)
    assert batch.pairs == 3
    assert batch.is_ground_truth.tolist() == [True, True, True, False, False, True, False, False]
    one, two = batch.targets[:3], batch.targets[3:6]
    torch.testing.assert_close(one.shape, two.shape)
    torch.testing.assert_close(one.head_pose[:2, 2], two.head_pose[:2, 2], atol=1e-4, rtol=0)
    assert ((one.expression - two.expression).abs().amax(1) > 0.1).all()
    # what is far from the face is the same up to the crops' own places
    corners = (batch.images[:3, :, :8, :8] - batch.images[3:6, :, :8, :8]).abs().mean((1, 2, 3))
    assert corners.max() < 0.12
    points = project(head.at_landmarks()(batch.targets).vertices, batch.targets.camera)
    expected = ndc_to_pixels(points, 96)[..., :2]
    torch.testing.assert_close(batch.landmarks[:6], expected[:6], atol=0.2, rtol=0)


def test_warps_may_tell_the_change_alone(head: HeadModel, photos) -> None:
    truth, change = (
        batches(head, photos, warped=0.25, warped_truth=told).batch(3) for told in (True, False)
    )
    assert truth.is_ground_truth.tolist() == [True, True] + 6 * [False]
    assert not change.is_ground_truth.any()
    torch.testing.assert_close(change.images, truth.images)
    torch.testing.assert_close(change.targets.expression, truth.targets.expression)


def test_a_batch_depends_on_its_step_alone(head: HeadModel, photos) -> None:
    one, two = (batches(head, photos, warped=0.25) for _ in range(2))
    two.batch(0)
    assert torch.equal(one.batch(5).images, two.batch(5).images)
    assert not torch.equal(one.batch(5).images, two.batch(6).images)


def test_fractions_beyond_a_batch_are_refused() -> None:
    with pytest.raises(UsageError, match="exceed a batch"):
        BatchConfig(warped=0.45, rendered=0.2)
