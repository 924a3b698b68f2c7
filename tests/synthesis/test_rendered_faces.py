from __future__ import annotations

import pytest
import torch

from smirk3d.errors import InputError
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig
from smirk3d.synthesis.rendered_faces import FaceRenderer

GREY = torch.full((2, 3, 224, 224), 0.5)


def test_renders_show_their_targets() -> None:
    head = load_head("open")
    renderer = FaceRenderer(head, [head], ExpressionAugmentationConfig())
    drawn, twice = renderer(GREY, torch.Generator().manual_seed(0))
    seen = project(head(drawn.targets).vertices, drawn.targets.camera)
    expected = ndc_to_pixels(head.landmarks(seen), 224)[..., :2]
    torch.testing.assert_close(drawn.landmarks[:, head.landmark_ids], expected, atol=0.01, rtol=0)
    extent = (drawn.landmarks.amax(1) - drawn.landmarks.amin(1)).mean(1)
    torch.testing.assert_close(extent, torch.full((2,), 224 / 1.9), atol=25, rtol=0)
    # the head covers its landmarks, and the background shows around it
    for image, points in zip(drawn.images, drawn.landmarks, strict=True):
        x, y = points.mean(0).long().tolist()
        assert (image[:, y, x] - 0.5).abs().max() > 0.02
        torch.testing.assert_close(image[:, 1, 1], torch.full((3,), 0.5), atol=0.01, rtol=0)
    # the same people with another expression
    for name in ("shape", "head_pose", "camera"):
        assert torch.equal(getattr(drawn.targets, name), getattr(twice.targets, name))
    assert (drawn.targets.expression - twice.targets.expression).abs().amax(1).min() > 0.1
    again, _ = renderer(GREY, torch.Generator().manual_seed(0))
    assert torch.equal(drawn.images, again.images)


def test_of_another_head_only_named_amounts_are_known() -> None:
    head, other = load_head("open"), tiny_head("named")
    with pytest.raises(InputError, match="landmarks"):
        FaceRenderer(head, [other], ExpressionAugmentationConfig())
    trained = FaceRenderer(other, [head], ExpressionAugmentationConfig())
    drawn, _ = trained(GREY, torch.Generator().manual_seed(0))
    for name in ("shape", "head_pose", "camera", "neck"):
        assert getattr(drawn.targets, name).isnan().all()
    assert drawn.targets.expression.isfinite().all()
    assert drawn.targets.expression.shape[1] == other.group("expression").dim
