"""What rasterize returns beside the triangles: positions, depths, gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.rasterization import base, nearest_depth, rasterize
from smirk3d.rasterization.base import depth_range

TRIANGLE = torch.tensor([[[-0.9, -0.8, 0.2], [-0.7, 0.9, 0.4], [0.8, -0.6, -0.3]]])
FACES = torch.tensor([[0, 1, 2]])


def random_mesh(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    vertices = torch.rand(2, 9, 3, generator=generator, dtype=dtype) * 2.4 - 1.2
    return vertices, torch.tensor([[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 4, 8]])


def test_barycentric_coordinates_give_back_the_pixel_centre() -> None:
    vertices, faces = random_mesh()
    fragments = rasterize(vertices, faces, 12, 18)
    xy = fragments.interpolate(vertices[..., :2])
    column, row = torch.arange(18) + 0.5, torch.arange(12) + 0.5
    expected = torch.stack(torch.meshgrid(2 * column / 18 - 1, 2 * row / 12 - 1, indexing="xy"))
    inside = fragments.mask[:, None].expand_as(xy)
    torch.testing.assert_close(xy[inside], expected.expand_as(xy)[inside], atol=1e-6, rtol=0)
    assert (xy[~inside] == 0).all()


def test_some_of_the_pixels_have_what_they_have_among_all() -> None:
    vertices, faces = random_mesh()
    fragments = rasterize(vertices, faces, 12, 18)
    chosen = torch.arange(1, len(fragments.pixel), 3)
    some = fragments.only(chosen)
    assert torch.equal(some.at_pixels(vertices), fragments.at_pixels(vertices)[:, chosen])
    assert torch.equal(
        some.scatter(some.corner_depth).flatten(2).transpose(1, 2).reshape(-1, 3)[some.pixel].T,
        fragments.corner_depth[:, chosen],
    )


def test_barycentric_coordinates_are_inside_and_sum_to_one() -> None:
    fragments = rasterize(*random_mesh(), 40, 40)
    assert fragments.barycentric.min() >= -1e-6
    torch.testing.assert_close(fragments.barycentric.sum(-1), fragments.mask.float())


def test_depth_is_that_of_the_plane() -> None:
    a, b = 0.3, -0.6
    vertices = TRIANGLE.clone()
    vertices[..., 2] = a * vertices[..., 0] + b * vertices[..., 1] + 0.1
    fragments = rasterize(vertices, FACES, 16, 16)
    centre = (2 * torch.arange(16) + 1) / 16 - 1
    expected = a * centre[None, None] + b * centre[None, :, None] + 0.1
    inside = fragments.mask
    torch.testing.assert_close(fragments.depth[inside], expected.expand(1, 16, 16)[inside])
    assert torch.isinf(fragments.depth[~inside]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_nearest_depth_alone_is_the_same(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    vertices, faces = random_mesh(dtype)
    wanted = rasterize(vertices, faces, 20, 31).depth
    found = nearest_depth(vertices, faces, 20, 31)
    assert found.dtype == dtype
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    monkeypatch.setattr(base, "numba_is_installed", lambda: False)
    assert torch.equal(nearest_depth(vertices, faces, 20, 31), found)


@pytest.mark.parametrize("with_numba", [True, False])
def test_depths_from_both_sides(with_numba: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_numba:
        monkeypatch.setattr(base, "numba_is_installed", lambda: False)
    vertices, faces = random_mesh()
    near, far = depth_range(vertices, faces, 20, 31)
    behind = nearest_depth(vertices * torch.tensor([1.0, 1.0, -1.0]), faces, 20, 31)
    torch.testing.assert_close(near, nearest_depth(vertices, faces, 20, 31))
    torch.testing.assert_close(far, -behind)
    assert (far > near).any()
    assert (far[torch.isinf(near)] == -torch.inf).all()


def test_narrow_triangles_stay_accurate() -> None:
    # a hundred-thousandth of a pixel high, across the middle row's centres
    vertices = torch.tensor([[[-0.9, -1e-7, 0.0], [0.9, -1e-7, 0.0], [0.0, 4e-7, 1.0]]])
    fragments = rasterize(vertices, FACES, 51, 51)
    assert fragments.mask.sum() > 10
    assert fragments.weights.min() >= 0
    assert fragments.weights.max() <= 1


def test_dense_pictures_and_pixel_lists_agree() -> None:
    vertices, faces = random_mesh()
    fragments = rasterize(vertices, faces, 20, 24)
    colour = torch.rand(2, 9, 4)
    dense = fragments.interpolate(colour)
    assert dense.shape == (2, 4, 20, 24)
    corners = colour[torch.arange(2)[:, None, None, None], faces[fragments.face_index]]
    expected = (corners * fragments.barycentric[..., None]).sum(-2)
    torch.testing.assert_close(dense.permute(0, 2, 3, 1), expected)


def test_gradients_of_positions_and_depths_are_right() -> None:
    vertices, faces = random_mesh(torch.float64)
    colour = torch.rand(2, 9, 2, dtype=torch.float64)

    def picture(v: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fragments = rasterize(v, faces, 6, 6)
        depth = fragments.depth.masked_fill(~fragments.mask, 0)
        return fragments.barycentric, depth, fragments.interpolate(c)

    inputs = (vertices.requires_grad_(), colour.requires_grad_())
    assert torch.autograd.gradcheck(picture, inputs, eps=1e-7, atol=1e-5)


def test_gradient_moves_a_vertex_towards_a_wanted_value() -> None:
    # the value ramps from left to right; pulling the right corner out lowers it at fixed pixels
    vertices = TRIANGLE.clone().requires_grad_()
    value = torch.tensor([[[0.0], [0.0], [1.0]]])
    rasterize(vertices, FACES, 16, 16).interpolate(value).sum().backward()
    assert vertices.grad[0, 2, 0] < 0
    assert (vertices.grad[..., 2] == 0).all()


def test_ids_have_no_gradient_and_inputs_stay() -> None:
    vertices = TRIANGLE.clone().requires_grad_()
    before = vertices.detach().clone()
    fragments = rasterize(vertices, FACES, 16, 16)
    assert not fragments.face_index.requires_grad
    assert fragments.barycentric.requires_grad
    assert torch.equal(vertices.detach(), before)


def test_double_and_single_precision_see_the_same() -> None:
    vertices, faces = random_mesh()
    single = rasterize(vertices, faces, 30, 30)
    double = rasterize(vertices.double(), faces, 30, 30)
    assert torch.equal(single.face_index, double.face_index)
    assert single.depth.dtype == torch.float32
    assert double.depth.dtype == torch.float64


def test_an_empty_picture_can_be_differentiated() -> None:
    vertices = (TRIANGLE + 10).requires_grad_()
    rasterize(vertices, FACES, 8, 8).interpolate(torch.ones(1, 3, 1)).sum().backward()
    assert torch.equal(vertices.grad, torch.zeros_like(vertices))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ShapeError, match="vertices_ndc"):
        rasterize(TRIANGLE[0], FACES, 8, 8)
    with pytest.raises(ShapeError, match="faces"):
        rasterize(TRIANGLE, FACES[0], 8, 8)
    with pytest.raises(ValueError, match="pixel"):
        rasterize(TRIANGLE, FACES, 0, 8)
    with pytest.raises(ValueError, match="engine"):
        rasterize(TRIANGLE, FACES, 8, 8, engine="opengl")
    with pytest.raises(ShapeError, match="attributes"):
        rasterize(TRIANGLE, FACES, 8, 8).interpolate(torch.zeros(2, 3, 1))


def test_automatic_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "numba_is_installed", lambda: False)
    assert base._engine_name("auto", TRIANGLE) == "array"
    assert base._engine_name("auto", TRIANGLE.numpy()) == "array"
    monkeypatch.setattr(base, "numba_is_installed", lambda: True)
    assert base._engine_name("auto", TRIANGLE) == "numba"
    assert base._engine_name("auto", TRIANGLE.numpy()) == "numba"
    assert base._engine_name("auto", TRIANGLE.to("meta")) == "array"


def test_devices_without_double_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, faces = random_mesh()
    expected = rasterize(vertices, faces, 20, 20)
    monkeypatch.setattr(base, "_WITHOUT_DOUBLE", "cpu")
    narrow = rasterize(vertices.requires_grad_(), faces, 20, 20)
    assert torch.equal(narrow.face_index, expected.face_index)
    torch.testing.assert_close(narrow.barycentric, expected.barycentric, atol=1e-4, rtol=0)
    narrow.barycentric.square().sum().backward()
    assert torch.isfinite(vertices.grad).all()
