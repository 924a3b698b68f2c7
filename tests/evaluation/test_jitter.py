from __future__ import annotations

import math

import pytest
import torch
from tests.training.small_runs import some_faces

from smirk3d.evaluation.protocols.jitter import deviations, versions
from smirk3d.geometry.views import transform_view
from smirk3d.heads.tiny import tiny_head


def _transforms(count: int) -> torch.Tensor:
    return torch.tensor([[1.2, 0.0, -20.0], [0.0, 1.2, -25.0], [0.0, 0.0, 1.0]]).repeat(count, 1, 1)


def test_estimates_that_follow_the_crop_have_no_spread() -> None:
    head = tiny_head("named")
    truth = some_faces(head, 3)
    generator = torch.Generator().manual_seed(0)
    made = [versions(torch.rand(3, 3, 224, 224), _transforms(3), generator) for _ in range(4)]
    transforms = [transform for _, transform in made]
    estimates = [transform_view(truth, transform, 224, 224) for transform in transforms]
    still = deviations(head, estimates, transforms)
    assert all(value < 0.05 for value in still.values()), still
    assert deviations(head, [truth] * 4, transforms)["in the photo px"] > 0.5


def test_known_spreads() -> None:
    head = tiny_head("named")
    truth = head.neutral(2)
    same = [torch.eye(3).repeat(2, 1, 1)] * 2
    turned = [
        truth.replace(head_pose=torch.tensor([[0.0, sign * math.radians(3), 0.0]]).repeat(2, 1))
        for sign in (1, -1)
    ]
    found = deviations(head, turned, same)
    assert found["rotation deg"] == pytest.approx(3, rel=0.01)
    assert found["vertices mm"] == pytest.approx(0, abs=1e-3)
    lids = [truth.replace(eyelids=torch.full((2, 2), value)) for value in (0.0, 1.0)]
    assert deviations(head, lids, same)["actions"] == pytest.approx(2 * 0.5**0.5 / 52, rel=1e-4)


def test_versions_differ_a_little() -> None:
    stored = torch.rand(2, 3, 224, 224)
    images, transforms = versions(stored, _transforms(2), torch.Generator().manual_seed(1))
    again, _ = versions(stored, _transforms(2), torch.Generator().manual_seed(1))
    assert torch.equal(images, again)
    centre = torch.tensor([112.0, 112.0, 1.0])
    moved = (transforms - _transforms(2)) @ centre
    assert 0 < moved.norm(dim=1).max() < 20
    assert images.min() >= 0
    assert images.max() <= 1
