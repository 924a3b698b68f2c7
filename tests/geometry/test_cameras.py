from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.geometry.cameras import (
    crop_pixels_to_image,
    ndc_to_pixels,
    pixels_to_ndc,
    project,
    unproject,
)


def test_known_point() -> None:
    # s (X + tx) = 7 * (0.02 + 0.01), -s (Y + ty) = -7 * (0.05 - 0.02), -s Z = -7 * 0.1
    ndc = project(torch.tensor([[[0.02, 0.05, 0.1]]]), torch.tensor([[7.0, 0.01, -0.02]]))
    torch.testing.assert_close(ndc, torch.tensor([[[0.21, -0.21, -0.7]]]))
    torch.testing.assert_close(ndc_to_pixels(ndc, 200)[0, 0, :2], torch.tensor([121.0, 79.0]))


def test_nearer_vertices_have_smaller_depth() -> None:
    vertices = torch.tensor([[[0.0, 0.0, 0.1], [0.0, 0.0, 0.0]]])
    depth = project(vertices, torch.tensor([[7.0, 0.0, 0.0]]))[0, :, 2]
    assert depth[0] < depth[1]


def test_unproject_is_the_inverse() -> None:
    vertices, camera = torch.randn(3, 7, 3), torch.rand(3, 3) + 0.5
    torch.testing.assert_close(unproject(project(vertices, camera), camera), vertices)


def test_gradients() -> None:
    vertices = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    camera = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(project, (vertices, camera))


def test_first_pixel_centre_is_half_a_pixel_inside() -> None:
    assert ndc_to_pixels(torch.tensor(-1.0), 224) == 0
    torch.testing.assert_close(pixels_to_ndc(torch.tensor(0.5), 4), torch.tensor(-0.75))


def test_crop_pixels_return_to_the_picture() -> None:
    T_crop_image = torch.tensor([[[2.0, 0.0, -20.0], [0.0, 2.0, -40.0], [0.0, 0.0, 1.0]]])
    points = crop_pixels_to_image(torch.tensor([[[0.0, 0.0], [10.0, 4.0]]]), T_crop_image)
    torch.testing.assert_close(points, torch.tensor([[[10.0, 20.0], [15.0, 22.0]]]))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="camera"):
        project(torch.zeros(2, 4, 3), torch.zeros(3, 3))
