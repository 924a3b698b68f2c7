"""Samples: where a picture of several rays a pixel is shaded."""

from __future__ import annotations

import numpy as np

from smirk3d.rasterization import rasterize, seen_faces
from smirk3d.rasterization.samples import Samples, pixel_samples

SIZE, FINE = (12, 10), 2
NEAR_AND_FAR = np.array(
    [
        [-0.9, -0.9, 0.0], [0.1, -0.9, 0.0], [0.1, 0.9, 0.0], [-0.9, 0.9, 0.0],
        [-0.2, -0.9, 0.5], [0.9, -0.9, 0.5], [0.9, 0.9, 0.5], [-0.2, 0.9, 0.5],
    ],
    np.float32,
)  # fmt: skip
"""Two squares, the left one before the right one; the border crosses pixels."""
FACES = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])


def samples(vertices: np.ndarray, *, alone: bool) -> Samples:
    seen = seen_faces(vertices[None], FACES, SIZE[0] * FINE, SIZE[1] * FINE)[0]
    return pixel_samples(vertices, FACES, seen, FINE, np.full(len(FACES), alone))


def test_rays_alone_give_what_a_finer_picture_gives() -> None:
    fragments = rasterize(NEAR_AND_FAR[None], FACES, SIZE[0] * FINE, SIZE[1] * FINE)
    fine = fragments.interpolate(NEAR_AND_FAR[None])[0]
    wanted = fine.reshape(3, SIZE[0], FINE, SIZE[1], FINE).mean((2, 4))
    found = samples(NEAR_AND_FAR, alone=True)
    assert len(found.pixel) == len(fragments.pixel)
    np.testing.assert_allclose(found.averaged(found.at(NEAR_AND_FAR), SIZE), wanted, atol=1e-6)


def test_a_plane_has_one_sample_a_pixel_that_differs_by_less_than_a_ray() -> None:
    flat = NEAR_AND_FAR * np.array([1, 1, 0], np.float32)
    alone, shared = (samples(flat, alone=each) for each in (True, False))
    assert len(np.unique(shared.pixel)) == len(shared.pixel) < len(alone.pixel) / 3
    alone_picture, picture = (each.averaged(each.at(flat), SIZE) for each in (alone, shared))
    # a sample in the middle of the rays may move to the edge of its triangle, a part of a pixel
    np.testing.assert_allclose(picture, alone_picture, atol=0.25 * 2 / SIZE[1])


def test_what_lies_behind_has_a_sample_of_its_own() -> None:
    found = samples(NEAR_AND_FAR, alone=False)
    pixels, count = np.unique(found.pixel, return_counts=True)
    both = pixels[count > 1]
    # the border at 0.1 lies in the middle of the sixth of ten columns
    assert set((both % SIZE[1]).tolist()) == {5}
    depth = found.at(NEAR_AND_FAR[:, 2:])[0]
    assert set(np.unique(depth.round(5)).tolist()) == {0.0, 0.5}
    covered = found.averaged(np.ones((1, len(found.pixel)), np.float32), SIZE)[0]
    assert covered.max() == 1
    assert (covered[5, 1:-1] == 1).all()


def test_samples_lie_on_their_triangles() -> None:
    rng = np.random.default_rng(3)
    vertices = rng.uniform(-1.2, 1.2, (8, 3)).astype(np.float32)
    found = samples(vertices, alone=False)
    assert found.weights.min() >= 0
    np.testing.assert_allclose(found.weights.sum(0), 1, atol=1e-6)
    chosen = np.arange(0, len(found.face), 2)
    np.testing.assert_array_equal(found.only(chosen).at(vertices), found.at(vertices)[:, chosen])
