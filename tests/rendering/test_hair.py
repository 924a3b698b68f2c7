"""Brows and lashes: pictures of hairs, and how they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.rendering.complexion import Complexion
from smirk3d.rendering.hair_pictures import brow_alpha, brow_band, lash_alpha
from smirk3d.rendering.layers import Style, draw_layer
from smirk3d.rendering.picture_surface import BROWS, LASHES, PictureSurface, picture_surface

PLAIN = Style(shadows=0, supersample=1, refinements=0)


@pytest.mark.parametrize("shape", ["natural", "thin", "thick", "straight", "sparse"])
def test_brows_are_hairs_within_a_band(shape: str) -> None:
    alpha = brow_alpha(shape)
    assert alpha.ndim == 2
    assert float(alpha.min()) == 0
    assert float(alpha.max()) > 0.9
    assert alpha[:, [0, -1]].mean() < 0.05
    assert alpha[[0, -1]].mean() < 0.05
    brow_alpha.cache_clear()
    assert np.array_equal(brow_alpha(shape), alpha)
    low, high = brow_band(np.linspace(0.1, 0.9, 5), shape)
    assert (low < high).all()


def test_thick_brows_cover_more_than_thin_ones() -> None:
    assert brow_alpha("thick").mean() > 1.5 * brow_alpha("thin").mean()


def test_lashes_grow_from_the_lower_edge() -> None:
    alpha = lash_alpha()
    assert alpha[-20:].mean() > 3 * alpha[:20].mean()


def carrier(height: float) -> PictureSurface:
    """A square of skin with a strip of brow at a height over its middle."""
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    topology = type("T", (), {})()
    topology.v_template = np.concatenate(
        [2 * square - np.array([0.5, 0.5, 0]), square + np.array([0, 0, height])]
    )
    topology.faces = np.array([[0, 1, 2], [0, 2, 3]])
    topology.hair_faces = topology.faces + 4
    topology.uv, topology.hair_uv_faces = square[:, :2], topology.faces
    topology.part = np.array([0] * 4 + [BROWS] * 4, np.uint8)
    topology.regions = {}
    return picture_surface(topology, refinements=0)


def place(points: np.ndarray) -> np.ndarray:
    return np.stack([20 + 40 * points[:, 0], 60 - 40 * points[:, 1], -points[:, 2]], 1)


def test_hairs_are_drawn_over_the_skin_that_carries_them() -> None:
    dark = Complexion(brows=(0.0, 0.0, 0.0))
    style = Style(shadows=0, supersample=1, refinements=0, complexion=dark)
    over, under = (draw_layer(s, s.rest, place, (80, 80), style) for s in map(carrier, (0.1, -0.1)))
    assert (over[3] == under[3]).all()
    middle = (slice(3), slice(30, 50), slice(30, 50))
    assert over[middle].min() < 0.1 < under[middle].min()
    # beyond the hairs the skin shows
    assert np.array_equal(over[:3, 5, 5], under[:3, 5, 5])


def lashes(heights: list[float]) -> tuple[PictureSurface, np.ndarray]:
    """A square of skin, and before it strips of lashes that are apart at rest, all over each other.

    Returns the surface at rest and the vertices as they are drawn.
    """
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    corners = np.array([[0, 1, 2], [0, 2, 3]])
    strips = range(len(heights))
    posed = [2 * square - np.array([0.5, 0.5, 0])]
    posed += [square + np.array([0, 0, 0.1 + 0.1 * n]) for n in strips]
    apart = [square + np.array([0, height, 0]) for height in heights]
    topology = type("T", (), {})()
    topology.v_template = np.concatenate([posed[0], *apart])
    topology.faces = corners
    topology.hair_faces = np.concatenate([corners[:0], *(corners + 4 + 4 * n for n in strips)])
    # strips lie turned against each other, so that their hairs cross
    places = [square[:, :2], 1 - square[:, :2]]
    topology.uv = np.concatenate([places[n % 2] for n in range(2)])
    uv_faces = [corners + 4 * (n % 2) for n in strips]
    topology.hair_uv_faces = np.concatenate([corners[:0], *uv_faces])
    topology.part = np.array([0] * 4 + [LASHES] * 4 * len(heights), np.uint8)
    topology.regions = {}
    return picture_surface(topology, refinements=0), np.concatenate(posed).astype(np.float32)


def test_between_the_hairs_of_lashes_those_behind_them_are_seen() -> None:
    dark = Style(shadows=0, supersample=1, refinements=0, complexion=Complexion(brows=(0, 0, 0)))
    skin, upper, both = (
        draw_layer(surface, vertices, place, (80, 80), dark)[:3]
        for surface, vertices in map(lashes, ([], [1.0], [1.0, -1.0]))
    )
    assert (upper < 0.5 * skin).any()
    turned = upper[:, ::-1, ::-1]
    visible = (slice(None), slice(22, 58), slice(22, 58))
    expected = (upper * turned / skin)[visible]
    assert np.abs(both[visible] - expected).max() < 0.02
    assert expected.mean() < upper[visible].mean() - 0.02


def test_lashes_in_few_pixels_are_as_dark_as_in_many() -> None:
    dark = Style(shadows=0, supersample=1, refinements=0, complexion=Complexion(brows=(0, 0, 0)))
    (bare, _), (surface, vertices) = lashes([]), lashes([1.0])

    def drawn(of: PictureSurface, at: np.ndarray, zoom: float) -> np.ndarray:
        side = int(80 * zoom)
        picture = draw_layer(of, at, lambda p: place(p) * [zoom, zoom, 1], (side, side), dark)
        return picture[:3, round(22 * zoom) : round(58 * zoom), round(22 * zoom) : round(58 * zoom)]

    def shade(zoom: float) -> np.ndarray:
        return drawn(surface, vertices, zoom) / drawn(bare, lashes([])[1], zoom)

    fine, coarse = shade(8.0)[0], shade(0.5)[0]
    blocks = fine.reshape(len(coarse), 16, len(coarse), 16).mean((1, 3))
    # every pixel has the mean of its hairs
    assert np.abs(coarse - blocks).mean() < 0.06
    assert abs(coarse.mean() - blocks.mean()) < 0.03


def test_the_colour_of_a_person_is_drawn() -> None:
    surface = carrier(-0.1)
    light, dark = (
        draw_layer(surface, surface.rest, place, (80, 80),
                   Style(shadows=0, supersample=1, refinements=0, complexion=Complexion(skin=skin)))
        for skin in ((0.9, 0.8, 0.7), (0.3, 0.2, 0.15))
    )  # fmt: skip
    assert light[:3, 40, 40].mean() > 2 * dark[:3, 40, 40].mean()
