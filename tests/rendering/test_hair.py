"""Brows and lashes: pictures of hairs, and how they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.rendering.complexion import Complexion
from smirk3d.rendering.hair_pictures import brow_alpha, brow_band, lash_alpha
from smirk3d.rendering.layers import Style, draw_layer
from smirk3d.rendering.picture_surface import BROWS, PictureSurface, picture_surface

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


def test_the_colour_of_a_person_is_drawn() -> None:
    surface = carrier(-0.1)
    light, dark = (
        draw_layer(surface, surface.rest, place, (80, 80),
                   Style(shadows=0, supersample=1, refinements=0, complexion=Complexion(skin=skin)))
        for skin in ((0.9, 0.8, 0.7), (0.3, 0.2, 0.15))
    )  # fmt: skip
    assert light[:3, 40, 40].mean() > 2 * dark[:3, 40, 40].mean()
