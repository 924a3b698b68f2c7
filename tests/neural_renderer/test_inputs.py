from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.heads.tiny import tiny_head
from smirk3d.neural_renderer.inputs import draw_points, masked_photo, renderer_input
from smirk3d.neural_renderer.pixel_sampling import sampling_weights
from smirk3d.neural_renderer.renderer_config import MaskingConfig
from smirk3d.rendering.mesh_renderer import MeshRenderer, RenderedHead

SIZE = 64
CLEAR = MaskingConfig(dilation=14, point_fraction=0.05, noise=0.0, hole_fraction=0.0, hole_side=11)


@pytest.fixture
def scene() -> tuple[MeshRenderer, RenderedHead, RenderedHead, Tensor]:
    """Two faces, the same with the jaw open, and sampling weights."""
    head = tiny_head()
    renderer = MeshRenderer(head.faces, SIZE, vertex_mask=head.regions["face"])
    neutral = head.neutral(2)
    opened = neutral.replace(jaw=torch.tensor([[1.0, 0, 0], [0.5, 0, 0]]))
    renderings = [renderer(head(p).vertices, p.camera) for p in (neutral, opened)]
    return renderer, *renderings, sampling_weights(renderer.faces, head.regions)


def hull_like(rendering: RenderedHead) -> Tensor:
    hull = torch.zeros_like(rendering.mask)
    hull[..., 20:44, 20:44] = 1
    return hull


def test_face_is_hidden_but_for_the_drawn_pixels(scene) -> None:
    renderer, rendering, _, weight = scene
    photo = torch.rand(2, 3, SIZE, SIZE) * 0.9 + 0.1
    hull = hull_like(rendering)
    points = draw_points(rendering, weight, CLEAR)
    masked = masked_photo(photo, hull, rendering, renderer.faces, points, CLEAR)
    kept = (masked == photo).all(1)
    assert (masked[~kept[:, None].expand_as(masked)] == 0).all()
    # 4 pixels of margin at this size
    inside = rendering.mask[:, 0].bool()
    inside[:, 16:48, 16:48] = True
    assert kept[~inside].all()
    drawn = (kept & inside).flatten(1).sum(1)
    assert drawn.tolist() == [int(0.05 * SIZE * SIZE)] * 2


def test_drawn_pixels_move_along(scene) -> None:
    renderer, rendering, opened, weight = scene
    # the photo's colour tells the height on the face
    rows = torch.linspace(0.1, 1, SIZE)[:, None].expand(2, 3, SIZE, SIZE)
    hull = torch.ones_like(rendering.mask)
    points = draw_points(rendering, weight, CLEAR)
    still = masked_photo(rows, hull, rendering, renderer.faces, points, CLEAR)
    moved = masked_photo(rows, hull, opened, renderer.faces, points, CLEAR)
    still_error = torch.where(still > 0, rows - still, 0.0)
    assert not still_error.any()
    offset = torch.where(moved > 0, rows - moved, 0.0)[:, 0]
    # the chin goes down, the forehead stays
    assert offset[0, 45:].max() > 0.05
    assert offset[1, 45:].max() < offset[0, 45:].max()
    assert offset[:, :20].abs().max() < 0.02
    assert offset.min() > -0.02


def test_holes_and_noise_touch_drawn_pixels_alone(scene) -> None:
    renderer, rendering, _, weight = scene
    photo = torch.full((2, 3, SIZE, SIZE), 0.5)
    hull = hull_like(rendering)
    points = draw_points(rendering, weight, CLEAR)
    noisy = dataclasses.replace(CLEAR, noise=0.05, hole_fraction=0.01)
    generator = torch.Generator().manual_seed(2)
    args = (photo, hull, rendering, renderer.faces, points)
    masked = masked_photo(*args, noisy, generator=generator)
    clear = masked_photo(*args, CLEAR)
    inside = rendering.mask.bool().expand_as(photo)
    assert torch.equal(masked[~inside], clear[~inside])
    drawn = masked[inside & (masked > 0)]
    assert 0.1 < len(drawn) / (clear[inside] > 0).sum() < 0.6
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.std() == pytest.approx(0.025, rel=0.3)


def test_gradients_reach_the_rendering_alone() -> None:
    grey = torch.rand(1, 3, 8, 8, requires_grad=True)
    masked = torch.rand(1, 3, 8, 8, requires_grad=True)
    inputs = renderer_input(grey, masked)
    assert inputs.shape == (1, 6, 8, 8)
    inputs.sum().backward()
    assert grey.grad is not None
    assert masked.grad is None


def test_masked_photo_has_no_gradient(scene) -> None:
    renderer, rendering, _, weight = scene
    photo = torch.rand(2, 3, SIZE, SIZE, requires_grad=True)
    points = draw_points(rendering, weight, CLEAR)
    hull = hull_like(rendering)
    out = masked_photo(photo, hull, rendering, renderer.faces, points, CLEAR)
    assert not out.requires_grad


def test_the_generator_decides(scene) -> None:
    renderer, rendering, _, weight = scene
    photo, hull = torch.rand(2, 3, SIZE, SIZE), hull_like(rendering)

    def run(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        config = MaskingConfig(point_fraction=0.05, noise=0.05, hole_fraction=0.01, hole_side=3)
        points = draw_points(rendering, weight, config, generator=generator)
        return masked_photo(
            photo, hull, rendering, renderer.faces, points, config, generator=generator
        )

    assert torch.equal(run(5), run(5))
    assert not torch.equal(run(5), run(6))


def test_shapes_must_agree(scene) -> None:
    renderer, rendering, _, weight = scene
    points = draw_points(rendering, weight, CLEAR)
    with pytest.raises(ShapeError, match="photo"):
        masked_photo(
            torch.rand(2, 1, SIZE, SIZE), hull_like(rendering), rendering, renderer.faces, points,
            CLEAR,
        )  # fmt: skip
    with pytest.raises(ShapeError, match="masked"):
        renderer_input(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9))
