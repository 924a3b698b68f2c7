from __future__ import annotations

import pytest
import torch
from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.neural_renderer.pixel_sampling import (
    PlacedPoints,
    SampledSurface,
    place_points,
    read_pixels,
    sample_surface,
    sampling_weights,
    write_pixels,
)
from smirk3d.rasterization.base import Fragments, rasterize

# two triangles that fill the picture: a square's lower left and upper right half, and a smaller one
# in front of the latter
CORNERS = torch.tensor(
    [[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0], [0.0, -0.9, -0.5], [0.9, -0.9, -0.5],
     [0.9, 0.0, -0.5]]
)  # fmt: skip
FACES = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6]])


def fragments_of(vertices: Tensor, size: int = 40) -> Fragments:
    return rasterize(vertices, FACES, size, size)


def test_points_are_on_the_triangles_that_their_pixels_show() -> None:
    vertices = CORNERS.expand(2, -1, -1)
    fragments = fragments_of(vertices)
    surface = sample_surface(fragments, torch.ones(3), 200)
    assert surface.pixel.shape == surface.valid.shape == (2, 200)
    assert surface.valid.all()
    assert (surface.barycentric >= -1e-5).all()
    torch.testing.assert_close(surface.barycentric.sum(-1), torch.ones(2, 200))
    shown = fragments.face_index.flatten(1).gather(1, surface.pixel)
    assert torch.equal(surface.face_index, shown)
    assert all(len(set(row)) == 200 for row in surface.pixel.tolist())
    assert not torch.equal(surface.pixel[0], surface.pixel[1])


def test_triangles_are_drawn_by_weight_times_visible_area() -> None:
    fragments = fragments_of(CORNERS[None].expand(200, -1, -1))
    weight = torch.tensor([1.0, 0.5, 2.0])
    drawn = sample_surface(fragments, weight, 20).face_index.flatten()
    # areas: half the square less the small triangle, half, 0.9 x 0.9 / 2 of 2 x 2
    small = 0.9 * 0.9 / 2 / 4
    mass = weight * torch.tensor([0.5 - small, 0.5, small])
    fraction = torch.bincount(drawn, minlength=3) / len(drawn)
    torch.testing.assert_close(fraction, mass / mass.sum(), rtol=0, atol=0.02)


def test_points_are_uniform_on_a_triangle() -> None:
    fragments = fragments_of(CORNERS[None].expand(100, -1, -1))
    surface = sample_surface(fragments, torch.tensor([0.0, 1.0, 0.0]), 20)
    assert (surface.face_index == 1).all()
    # four parts of equal area: near each corner, and the middle
    near = (surface.barycentric > 0.5).float().mean((0, 1))
    torch.testing.assert_close(near, torch.full((3,), 0.25), rtol=0, atol=0.03)


def test_weightless_and_empty_pixels_are_never_drawn() -> None:
    vertices = torch.stack([CORNERS * 0.1, CORNERS + 5])
    surface = sample_surface(fragments_of(vertices, 20), torch.ones(3), 10)
    assert surface.valid.sum(1).tolist() == [4, 0]
    nothing = sample_surface(fragments_of(vertices, 20), torch.zeros(3), 10)
    assert not nothing.valid.any()


def test_more_points_than_pixels_are_all_pixels() -> None:
    assert sample_surface(fragments_of(CORNERS[None], 4), torch.ones(3), 99).pixel.shape == (1, 16)


def test_the_generator_decides() -> None:
    fragments = fragments_of(CORNERS[None])
    draws = [
        sample_surface(fragments, torch.ones(3), 9, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(draws[0].pixel, draws[1].pixel)
    assert not torch.equal(draws[0].pixel, draws[2].pixel)


def test_points_stay_in_an_unchanged_rendering() -> None:
    vertices = CORNERS.expand(2, -1, -1)
    fragments = fragments_of(vertices)
    surface = sample_surface(fragments, torch.ones(3), 300)
    places = place_points(surface, vertices, FACES, fragments)
    assert places.seen.all()
    assert torch.equal(places.pixel, surface.pixel)


def test_points_move_with_the_surface() -> None:
    before = CORNERS[None] * 0.5
    surface = sample_surface(fragments_of(before), torch.ones(3), 50)
    # half a picture is 20 pixels: two right and three down
    after = before + torch.tensor([2 / 20, 3 / 20, 0.0])
    places = place_points(surface, after, FACES, fragments_of(after))
    assert places.seen.all()
    assert torch.equal(places.pixel, surface.pixel + 3 * 40 + 2)


def test_hidden_and_outside_points_are_not_seen() -> None:
    surface = sample_surface(fragments_of(CORNERS[None]), torch.tensor([0.0, 1.0, 0.0]), 50)
    covered = CORNERS.clone()
    covered[4:] = torch.tensor([[-9.0, -9, -0.5], [9, -9, -0.5], [0, 99, -0.5]])
    places = place_points(surface, covered[None], FACES, fragments_of(covered[None]))
    assert not places.seen.any()
    gone = CORNERS[None] + torch.tensor([1e12, 0.0, 0.0])
    assert not place_points(surface, gone, FACES, fragments_of(CORNERS[None])).seen.any()


def test_batches_must_agree() -> None:
    fragments = fragments_of(CORNERS[None])
    surface = sample_surface(fragments, torch.ones(3), 5)
    with pytest.raises(ShapeError, match="face_index"):
        place_points(surface, CORNERS.expand(2, -1, -1), FACES, fragments)


def test_rows_are_selected_together() -> None:
    surface = sample_surface(fragments_of(CORNERS.expand(3, -1, -1)), torch.ones(3), 5)
    some = surface[torch.tensor([2, 0])]
    assert isinstance(some, SampledSurface)
    assert torch.equal(some.pixel, surface.pixel[[2, 0]])
    assert torch.equal(some.barycentric, surface.barycentric[[2, 0]])


def test_no_points_are_an_empty_picture() -> None:
    none = torch.zeros(2, 0)
    places = PlacedPoints(none.long(), none, none.bool())
    picture, mask = write_pixels(torch.zeros(2, 3, 0), places, 4, 5)
    assert picture.shape == (2, 3, 4, 5)
    assert mask.shape == (2, 1, 4, 5)
    assert picture.abs().sum() == mask.sum() == 0


def test_the_nearest_point_wins_and_the_first_of_equals() -> None:
    colours = torch.tensor([[[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]]])
    points = PlacedPoints(
        pixel=torch.tensor([[5, 5, 5, 2, 2, 0]]),
        depth=torch.tensor([[0.3, 0.1, 0.2, 0.7, 0.7, 0.0]]),
        seen=torch.tensor([[True, True, True, True, True, False]]),
    )
    picture, mask = write_pixels(colours, points, 2, 3)
    expected = torch.tensor([[[[0, 0, 0.4], [0, 0, 0.2]]]])
    torch.testing.assert_close(picture, expected)
    assert torch.equal(mask, (expected > 0).float())


def test_reading_and_writing_agree_for_every_picture() -> None:
    photo = torch.rand(2, 3, 6, 5)
    pixel = torch.stack([torch.randperm(30)[:12] for _ in range(2)])
    points = PlacedPoints(pixel, torch.rand(2, 12), torch.ones(2, 12, dtype=torch.bool))
    picture, mask = write_pixels(read_pixels(photo, pixel), points, 6, 5)
    assert torch.equal(picture, photo * mask)
    assert mask.sum((1, 2, 3)).tolist() == [12, 12]


def test_region_weights_are_means_of_the_corners_and_later_regions_win() -> None:
    faces = torch.tensor([[0, 1, 2], [1, 2, 3], [3, 4, 5]])
    regions = {
        "face": torch.tensor([True, True, True, True, False, False]),
        "lips": torch.tensor([True, False, False, False, False, False]),
        "ears": torch.tensor([False, False, False, True, False, False]),
    }
    expected = torch.tensor([(0.5 + 1 + 1) / 3, 2 / 3, 0.0])
    torch.testing.assert_close(sampling_weights(faces, regions), expected)
    assert sampling_weights(faces, regions, {"lips": 3.0}).tolist() == [1.0, 0.0, 0.0]
