"""The joint estimate of a clip: one shape a person, stretch by stretch, against truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from smirk3d.encoders.evidence import Evidence
from smirk3d.geometry.cameras import project
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.motion.clip_estimate import ClipEstimator, FrameEvidence
from smirk3d.tracking.state_text import state_from_text, state_to_text

FRAMES = 20


@pytest.fixture
def reconstructor() -> FaceReconstructor:
    head = tiny_head()
    made = FaceReconstructor(head, weights="none", device="cpu")
    made.encoder = SimpleNamespace(
        uncertain=True, point_corners=head.landmark_corners, point_bary=head.landmark_bary
    )
    return made


def moving(head, shape: torch.Tensor) -> FaceParameters:
    """A person who turns and opens the mouth."""
    time = torch.linspace(0, 1, FRAMES)
    face = head.neutral(FRAMES)
    turned = torch.stack([0.2 * torch.sin(6 * time), 0.3 * torch.cos(5 * time), 0 * time], 1)
    jaw = face.jaw.clone()
    jaw[:, 0] = 0.3 * (1 + torch.sin(7 * time))
    return face.replace(
        shape=shape.expand(FRAMES, -1), head_pose=turned, jaw=head.group("jaw").clamp(jaw),
        camera=torch.tensor([7.0, 0.0, 0.0]).expand(FRAMES, 3),
    )  # fmt: skip


def evidence(head, truth: FaceParameters, seed: int = 0) -> list[FrameEvidence]:
    """What an encoder says that errs by 0.15 in the head pose and 0.4 in the shape."""
    draw = torch.Generator().manual_seed(seed)
    errors = {"head_pose": 0.15, "shape": 0.4}
    off = {
        name: getattr(truth, name) + size * torch.randn(getattr(truth, name).shape, generator=draw)
        for name, size in errors.items()
    }
    said = truth.replace(**off)
    std = {n: torch.full_like(v, errors.get(n, 0.05)) for n, v in truth.items()}
    points = project(head.landmarks(head(truth).vertices), truth.camera)[..., :2]
    whole = Evidence(
        parameters=said, std=FaceParameters(**std), points=points,
        points_std=torch.full(points.shape[:2], 0.01),
        points_visible=torch.ones(points.shape[:2]),
    )  # fmt: skip
    return [FrameEvidence(said=whole[i : i + 1], T_upright_image=np.eye(3)) for i in range(FRAMES)]


def test_the_clip_is_nearer_the_truth_than_its_frames(reconstructor: FaceReconstructor) -> None:
    head = reconstructor.head
    shape = torch.randn(head.group("shape").dim, generator=torch.Generator().manual_seed(1))
    truth = moving(head, shape)
    frames = evidence(head, truth)
    found = ClipEstimator(reconstructor)([4] * FRAMES, frames)
    said = FaceParameters.cat([frame.said.parameters for frame in frames])
    before, after = (
        (one.head_pose - truth.head_pose).norm(dim=1).mean() for one in (said, found.parameters)
    )
    assert after < 0.7 * before
    assert (found.parameters.shape == found.parameters.shape[:1]).all()
    assert found.std.head_pose.mean() < 0.15
    for name, values in found.std.items():
        assert torch.isfinite(values).all(), name


def test_each_person_has_a_shape_whatever_the_order_of_rows(
    reconstructor: FaceReconstructor,
) -> None:
    head = reconstructor.head
    draw = torch.Generator().manual_seed(2)
    shapes = torch.randn(2, head.group("shape").dim, generator=draw)
    first, second = (evidence(head, moving(head, shape), i) for i, shape in enumerate(shapes))
    alone = ClipEstimator(reconstructor)([1] * FRAMES, second)
    both = ClipEstimator(reconstructor)
    mixed = [frame for pair in zip(first, second, strict=True) for frame in pair]
    found = both([0, 1] * FRAMES, mixed).parameters
    for name, values in alone.parameters.items():
        torch.testing.assert_close(getattr(found, name)[1::2], values, atol=1e-5, rtol=0)
    assert sorted(both.shapes()) == [0, 1]
    assert np.allclose(both.shapes()[1], alone.parameters.shape[0])


def test_a_later_stretch_starts_from_the_shape_so_far_and_goes_on_when_killed(
    reconstructor: FaceReconstructor,
) -> None:
    head = reconstructor.head
    shape = torch.randn(head.group("shape").dim, generator=torch.Generator().manual_seed(3))
    truth = moving(head, shape)
    clip = ClipEstimator(reconstructor)
    first = clip([0] * FRAMES, evidence(head, truth, 1)).parameters.shape[0]
    state = state_from_text(state_to_text(clip.state()))
    unbroken = clip([0] * FRAMES, evidence(head, truth, 2))
    later = ClipEstimator(reconstructor)
    later.restore(state)
    again = later([0] * FRAMES, evidence(head, truth, 2))
    for name, values in unbroken.parameters.items():
        assert torch.equal(getattr(again.parameters, name), values), name
    fresh = ClipEstimator(reconstructor)([0] * FRAMES, evidence(head, truth, 2))
    moved = [float((one.parameters.shape[0] - first).norm()) for one in (unbroken, fresh)]
    assert 0 < moved[0] < moved[1]
