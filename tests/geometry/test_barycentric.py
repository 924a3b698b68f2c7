"""Points and attributes on triangles."""

from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.geometry.barycentric import barycentric_in_plane, interpolate, sample_barycentric

FACES = torch.tensor([[0, 1, 2], [2, 1, 3]])


def test_samples_lie_inside_the_triangle() -> None:
    samples = sample_barycentric(1000)
    assert (samples >= 0).all()
    torch.testing.assert_close(samples.sum(-1), torch.ones(1000))


def test_samples_are_uniform() -> None:
    samples = sample_barycentric(40, 1000, dtype=torch.float64).view(-1, 3)
    # mean 1/3, variance 1/18, covariance -1/36; and a quarter of the area lies within each of the
    # four triangles between the edges' middles. 40000 samples: standard error of a share 0.0022.
    torch.testing.assert_close(
        samples.mean(0), torch.full_like(samples[0], 1 / 3), atol=5e-3, rtol=0
    )
    covariance = torch.full((3, 3), -1 / 36, dtype=torch.float64)
    covariance.fill_diagonal_(1 / 18)
    torch.testing.assert_close(torch.cov(samples.T), covariance, atol=2e-3, rtol=0)
    fractions = torch.cat(
        [(samples > 0.5).double().mean(0), (samples <= 0.5).all(1).double().mean()[None]]
    )
    torch.testing.assert_close(fractions, torch.full_like(fractions, 0.25), atol=0.01, rtol=0)


def test_samples_follow_their_generator() -> None:
    first = sample_barycentric(5, generator=torch.Generator().manual_seed(3))
    torch.rand(7)
    second = sample_barycentric(5, generator=torch.Generator().manual_seed(3))
    assert torch.equal(first, second)


def test_interpolation_of_vertex_attributes() -> None:
    attributes = torch.tensor([[0.0, 1, 2, 10], [0, -1, -2, -10]])[..., None]
    weights = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    values = interpolate(attributes, FACES, torch.tensor([0, 1]), weights)
    torch.testing.assert_close(values[..., 0], torch.tensor([[0.75, 10], [-0.75, -10]]))


def test_interpolation_of_corner_attributes() -> None:
    attributes = torch.arange(12.0).view(1, 2, 3, 2)
    weights = torch.tensor([[[1.0, 0, 0], [0, 0.5, 0.5]]])
    values = interpolate(attributes, FACES, torch.tensor([[1, 0]]), weights)
    torch.testing.assert_close(values, torch.tensor([[[6.0, 7.0], [3.0, 4.0]]]))


def test_each_image_has_its_own_points() -> None:
    attributes = torch.randn(3, 4, 2)
    index, weights = torch.randint(0, 2, (3, 6)), sample_barycentric(3, 6)
    single = [interpolate(attributes[b : b + 1], FACES, index[b], weights[b]) for b in range(3)]
    torch.testing.assert_close(interpolate(attributes, FACES, index, weights), torch.cat(single))


def test_coordinates_invert_interpolation() -> None:
    corners = torch.randn(7, 3, 2, dtype=torch.float64)
    weights = sample_barycentric(7, dtype=torch.float64)
    points = (corners * weights[..., None]).sum(1)
    torch.testing.assert_close(barycentric_in_plane(points, corners), weights)


def test_gradients_are_right() -> None:
    attributes = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    weights = sample_barycentric(2, 5, dtype=torch.float64).requires_grad_()
    index = torch.randint(0, 2, (2, 5))
    assert torch.autograd.gradcheck(
        lambda a, w: interpolate(a, FACES, index, w), (attributes, weights)
    )
    corners = torch.tensor([[[0.0, 0], [1, 0.2], [0.1, 1]]], dtype=torch.float64)
    points = torch.tensor([[0.3, 0.3]], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        barycentric_in_plane, (points.requires_grad_(), corners.requires_grad_())
    )


def test_wrong_shapes_are_refused() -> None:
    attributes, index = torch.zeros(2, 4, 1), torch.zeros(5, dtype=torch.int64)
    with pytest.raises(ShapeError, match="barycentric"):
        interpolate(attributes, FACES, index, torch.zeros(4, 3))
    with pytest.raises(ShapeError, match="face_index"):
        interpolate(attributes, FACES, index.expand(3, 5), torch.zeros(5, 3))
    with pytest.raises(ShapeError, match="attributes"):
        interpolate(attributes[0], FACES, index, torch.zeros(5, 3))
