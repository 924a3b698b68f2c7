"""The grey shading of SMIRK."""

from __future__ import annotations

import math

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.rendering.shading import SMIRK_LIGHTS, DirectionalLights, shade


def test_published_figures() -> None:
    normals = torch.tensor([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [0, 1, 0]]).T
    # five lights of 1.7, four of them at 1/sqrt(3) along each axis, albedo 180/255
    front = (4 / math.sqrt(3) + 1) / 5 * 1.7 * 180 / 255
    side = 2 / math.sqrt(3) / 5 * 1.7 * 180 / 255
    torch.testing.assert_close(shade(normals), torch.tensor([front, 0.0, side, side]))
    assert front == pytest.approx(0.7943, abs=1e-4)


def test_lights_are_normalised_and_clamped() -> None:
    lights = DirectionalLights(directions=((0.0, 0, 9), (0, 0, -2)), intensity=2.0, albedo=0.5)
    torch.testing.assert_close(shade(torch.tensor([[0.0], [0], [1]]), lights), torch.tensor([0.5]))


def test_gradient_is_right() -> None:
    normals = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda n: shade(n / n.norm(dim=0)), normals)


def test_five_lights_from_the_front() -> None:
    assert len(SMIRK_LIGHTS.directions) == 5
    assert all(z > 0 for _, _, z in SMIRK_LIGHTS.directions)


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ShapeError):
        shade(torch.zeros(4, 2))
