"""One face in two crops of a picture, whatever the head turns about."""

from __future__ import annotations

import math

import pytest
import torch

from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters


def seen(head: HeadModel, parameters: FaceParameters, size: int) -> torch.Tensor:
    """Return where the head's vertices are seen ``[B, V, 2]``, in pixels."""
    return ndc_to_pixels(project(head(parameters).vertices, parameters.camera), size)[..., :2]


@pytest.mark.parametrize("kind", ["named", "pca"])
@pytest.mark.parametrize("degrees", [-170, -45, 0, 3, 90, 180])
def test_the_head_is_seen_where_the_transform_takes_it(kind, degrees: float) -> None:
    head = tiny_head(kind)
    generator = torch.Generator().manual_seed(0)
    parameters = head.neutral(3)
    parameters = parameters.replace(
        shape=torch.randn(parameters.shape.shape, generator=generator),
        head_pose=0.5 * torch.randn(3, 3, generator=generator),
        camera=torch.tensor([[4.0, 0.01, 0.02], [5.0, -0.02, 0.0], [6.0, 0.0, 0.03]]),
    )
    cos, sin = 1.3 * math.cos(math.radians(degrees)), 1.3 * math.sin(math.radians(degrees))
    transform = torch.tensor([[cos, -sin, 40.0], [sin, cos, 10.0], [0, 0, 1]]).repeat(3, 1, 1)
    pivot = head.pivot(parameters)
    assert (pivot.abs().max() > 0) == (kind == "pca")
    moved = transform_view(parameters, transform, 224, 160, pivot=pivot)
    wanted = seen(head, parameters, 224) @ transform[:, :2, :2].transpose(1, 2)
    wanted = wanted + transform[:, None, :2, 2]
    torch.testing.assert_close(seen(head, moved, 160), wanted, atol=2e-3, rtol=0)
