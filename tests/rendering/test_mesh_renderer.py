"""The differentiable grey rendering."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.heads.tiny import tiny_head
from smirk3d.rendering.mesh_renderer import MeshRenderer

CAMERA = torch.tensor([[7.0, 0.0, 0.0], [6.0, 0.01, -0.02]])


def posed(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Two tiny heads, one of them turned by a tenth."""
    head = tiny_head()
    vertices = head.v_template.to(dtype)
    turned = vertices.clone()
    turned[:, 0] += 0.1 * vertices[:, 2]
    return torch.stack([vertices, turned]), head.faces


def test_shapes_and_background() -> None:
    vertices, faces = posed()
    result = MeshRenderer(faces, size=40)(vertices, CAMERA)
    assert result.image.shape == (2, 3, 40, 40)
    assert result.mask.shape == (2, 1, 40, 40)
    assert result.vertices_ndc.shape == vertices.shape
    assert (result.image[result.mask.expand_as(result.image) == 0] == 0).all()
    assert torch.equal(result.image[:, 0], result.image[:, 2])
    assert 0.5 < result.image.max() <= 0.8
    assert 0.1 < result.mask.mean() < 0.9


def test_front_of_a_sphere_has_the_published_grey() -> None:
    from smirk3d.geometry.meshes import vertex_normals

    vertices, faces = posed()
    result = MeshRenderer(faces, size=41)(vertices[:1] * 0.9, CAMERA[:1])
    normal = result.fragments.interpolate(vertex_normals(vertices[:1] * 0.9, faces))[0, :, 20, 20]
    assert normal[2] > 0.8
    assert result.image[0, 0, 20, 20] == pytest.approx(0.79 * float(normal[2]), abs=0.05)


def test_visibility_is_the_mask_even_where_the_surface_is_black() -> None:
    vertices = torch.tensor([[[-0.1, -0.1, 0.0], [0.1, -0.1, 0.0], [0.0, 0.1, 0.0]]])
    result = MeshRenderer(torch.tensor([[0, 2, 1]]), size=20)(vertices, CAMERA[:1])
    assert result.mask.sum() > 50
    assert (result.image == 0).all()


def test_only_the_region_is_drawn() -> None:
    head = tiny_head()
    mask = head.v_template[:, 0] > 0
    renderer = MeshRenderer(head.faces, size=40, vertex_mask=mask)
    result = renderer(head.v_template[None], CAMERA[:1])
    assert (result.mask[0, 0, :, :20] == 0).all()
    assert result.mask.sum() > 50
    assert mask[renderer.faces].all()
    assert torch.equal(head.faces[renderer.face_ids], renderer.faces)


def test_head_axes_land_on_image_axes() -> None:
    # a small patch at the subject's left and up must appear right and up
    patch = torch.tensor([[[0.05, 0.05, 0.0], [0.06, 0.05, 0.0], [0.05, 0.06, 0.0]]])
    mask = MeshRenderer(torch.tensor([[0, 1, 2]]), size=40)(patch, CAMERA[:1]).mask[0, 0]
    rows, columns = mask.nonzero(as_tuple=True)
    assert (columns >= 27).all()  # 20 + 20 * 7 * 0.05
    assert (rows < 13).all()


def test_nearer_surface_hides_the_farther() -> None:
    triangle = torch.tensor([[-0.1, -0.1, 0.0], [0.1, -0.1, 0.0], [0.0, 0.1, 0.0]])
    vertices = torch.cat([triangle, triangle + torch.tensor([0, 0, 0.05])])[None]
    faces = torch.tensor([[0, 1, 2], [3, 4, 5]])
    result = MeshRenderer(faces, size=20)(vertices, CAMERA[:1])
    assert set(result.fragments.face_index.unique().tolist()) == {-1, 1}


def test_batch_equals_one_by_one() -> None:
    vertices, faces = posed()
    renderer = MeshRenderer(faces, size=32)
    alone = [renderer(vertices[i : i + 1], CAMERA[i : i + 1]).image for i in range(2)]
    torch.testing.assert_close(renderer(vertices, CAMERA).image, torch.cat(alone))


@pytest.mark.parametrize("region", [False, True])
def test_inputs_stay_as_they_are(region: bool) -> None:
    vertices, faces = posed()
    before, camera = vertices.clone(), CAMERA.clone()
    mask = torch.ones(vertices.shape[1], dtype=torch.bool) if region else None
    MeshRenderer(faces, size=16, vertex_mask=mask)(vertices, camera)
    assert torch.equal(vertices, before)
    assert torch.equal(camera, CAMERA)


def test_gradients_are_right_for_vertices_and_camera() -> None:
    vertices, faces = posed(torch.float64)
    renderer = MeshRenderer(faces, size=7)
    inputs = (vertices[1:].requires_grad_(), CAMERA[1:].double().requires_grad_())
    assert torch.autograd.gradcheck(
        lambda v, c: renderer(v, c).image[:, :1], inputs, eps=1e-8, atol=1e-4, fast_mode=True
    )


def test_gradient_flows_through_normals_and_positions() -> None:
    vertices, faces = posed()
    vertices.requires_grad_()
    (whole,) = torch.autograd.grad(
        MeshRenderer(faces, size=32)(vertices, CAMERA).image.sum(), vertices
    )
    assert (whole[..., 2].abs() > 0).any()  # depth acts through the normals alone
    assert torch.isfinite(whole).all()


def test_engines_agree() -> None:
    vertices, faces = posed()
    images = [
        MeshRenderer(faces, 32, engine=e)(vertices, CAMERA).image for e in ("array", "reference")
    ]
    assert torch.equal(*images)


def test_wrong_shapes_are_refused() -> None:
    vertices, faces = posed()
    with pytest.raises(ShapeError, match="camera"):
        MeshRenderer(faces)(vertices, CAMERA[:1])
    with pytest.raises(ShapeError, match="faces"):
        MeshRenderer(faces[:, :2])
