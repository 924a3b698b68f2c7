"""Surfaces drawn smooth-edged, lit and shadowed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.tiny import tiny_head
from smirk3d.rendering.layers import FAST, Style, composite, draw_layer, to_uint8
from smirk3d.rendering.light_visibility import (
    Occlusion,
    directional_visibility,
    sphere_directions,
)
from smirk3d.rendering.materials import linear_to_srgb, srgb_to_linear
from smirk3d.rendering.picture_surface import PictureSurface, picture_surface

ROUGH = Style(shadows=0, supersample=1, refinements=0)


def flat(part: int = 0) -> PictureSurface:
    """A unit square in the plane z = 0."""
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    topology = type("T", (), {})()
    topology.faces = np.array([[0, 1, 2], [0, 2, 3]])
    topology.part = np.full(4, part, np.uint8)
    topology.v_template = vertices
    topology.regions, topology.hair_faces = {}, np.zeros((0, 3), np.int64)
    return picture_surface(topology, refinements=0)


def place(points: np.ndarray) -> np.ndarray:
    """Ten pixels to a unit, the square's upper left corner at (5, 5)."""
    return np.stack([5 + 10 * points[:, 0], 15 - 10 * points[:, 1], -points[:, 2]], 1)


def test_a_square_lands_on_its_pixels() -> None:
    surface = flat()
    layer = draw_layer(surface, surface.rest, place, (20, 24), ROUGH)
    assert layer.shape == (4, 20, 24)
    rows, columns = np.nonzero(layer[3] > 0)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 14, 5, 14)
    assert (layer[:3, layer[3] == 0] == 0).all()
    assert layer[:3, 8, 8].min() > 0.3


def test_supersampling_changes_edges_only() -> None:
    head = tiny_head().to_numpy()
    surface = picture_surface(head, refinements=0)

    def at(points: np.ndarray) -> np.ndarray:
        return np.stack([24 + 200 * points[:, 0], 24 - 200 * points[:, 1], -points[:, 2]], 1)

    rough = draw_layer(surface, head.v_template, at, (48, 48), ROUGH)
    smooth = draw_layer(surface, head.v_template, at, (48, 48), FAST)
    between = (smooth[3] > 0) & (smooth[3] < 1)
    assert between.any()
    np.testing.assert_allclose(smooth[3][~between], rough[3][~between], rtol=1e-5, atol=1e-5)
    # an edge pixel touches both the surface and the background
    solid, empty = (cv2.dilate(part, np.ones((3, 3))) > 0 for part in (rough[3], 1 - rough[3]))
    assert (solid & empty)[between].all()


def test_opacity_and_alpha() -> None:
    surface = flat()
    half = draw_layer(surface, surface.rest, place, (20, 20), Style(opacity=0.5, shadows=0))
    assert half[3, 9, 9] == pytest.approx(0.5)
    whole = draw_layer(surface, surface.rest, place, (20, 20), Style(shadows=0))
    np.testing.assert_allclose(half[:3], whole[:3], rtol=1e-5, atol=1e-5)


def test_wireframe_alone_draws_the_edges_and_nothing_between() -> None:
    surface = flat()
    style = Style(shadows=0, surface=False, wireframe=True, line_width=1.0, line_opacity=1.0)
    layer = draw_layer(surface, surface.rest, place, (20, 20), style)
    assert layer[3, 5, 8] > 0.3  # the upper side
    assert layer[3, 9, 10] > 0.3  # the diagonal
    assert layer[3, 7, 9] == 0
    assert layer[:3].max() < 0.5


def test_parts_have_their_colours() -> None:
    skin, teeth, cavity = (
        draw_layer(flat(part), flat().rest, place, (20, 20), ROUGH)[:3, 9, 9] for part in (0, 3, 6)
    )
    assert teeth.min() > skin.min() > cavity.max()
    assert cavity[0] > 2 * cavity[1]


def test_eyes_have_pupils_where_they_look() -> None:
    head = tiny_head().to_numpy()
    surface = picture_surface(head, refinements=3)

    def at(points: np.ndarray) -> np.ndarray:
        # the left eye alone, 4000 pixels to a metre
        local = points - np.array([0.032, 0.03, 0.075])
        return np.stack([60 + 4000 * local[:, 0], 60 - 4000 * local[:, 1], -points[:, 2]], 1)

    def darkest(yaw: float) -> float:
        eyes = np.array([[0.0, yaw, 0, 0, 0, 0]])
        vertices = head(head.neutral().replace(eyes=eyes)).vertices[0]
        picture = draw_layer(surface, vertices, at, (120, 120), Style(shadows=0, supersample=1))
        dark = (picture[:3].sum(0) < 0.25) & (picture[3] > 0)
        return float(np.nonzero(dark)[1].mean())

    assert darkest(0.0) == pytest.approx(60, abs=3)
    assert darkest(0.4) > 68


def test_shadows_darken_what_is_hidden() -> None:
    ground = np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    lid = ground * np.array([0.4, 1, 0.4]) + np.array([0, 0.2, 0])
    probe = np.array([[0.0, 0, 0], [0.9, 0, 0.9]])
    vertices = np.concatenate([ground, lid, probe])
    faces = np.array([[0, 2, 1], [0, 3, 2], [4, 6, 5], [4, 7, 6]])
    up = np.tile([[0.0, 1, 0]], (len(vertices), 1))
    seen = directional_visibility(vertices, up, faces, np.array([[0.0, 1, 0], [0, -1, 0]]))
    assert seen[0, -2] == 0  # below the lid
    assert seen[0, -1] == 1  # beside it
    assert (seen[0, 4:8] == 1).all()
    assert (seen[1, 4:8] == 0).all()  # the ground hides the lid from below


def test_occlusion_is_that_of_each_direction_and_turns_with_the_surface() -> None:
    head = tiny_head().to_numpy()
    occlusion = Occlusion.of(head.v_template, head.faces, 8)
    one_by_one = directional_visibility(
        head.v_template, occlusion.normals, head.faces, occlusion.directions
    )
    # the four directions that share a drawing with these are seen in its mirror image
    assert np.abs(occlusion.visibility[:4] - one_by_one[:4]).max() < 1e-5
    assert np.abs(occlusion.visibility[4:] - one_by_one[4:]).mean() < 0.02
    turn = axis_angle_to_matrix(np.array([[0.3, -0.6, 0.2]], np.float32))[0]
    turned, light = occlusion.turned(turn), np.array([[0.2, 0.5, 0.7]], np.float32)
    np.testing.assert_allclose(
        turned.received((light @ turned.directions.T).clip(0)),
        occlusion.received((light @ turn @ occlusion.directions.T).clip(0)),
        atol=1e-4,
    )


def test_directions_are_even() -> None:
    directions = sphere_directions(200)
    np.testing.assert_allclose(
        np.linalg.norm(directions, axis=1), np.ones(200), rtol=1e-5, atol=1e-5
    )
    assert np.abs(directions.mean(0)).max() < 0.01
    std = directions.T @ directions / 200
    np.testing.assert_allclose(std, np.eye(3) / 3, atol=0.01, rtol=0)


def test_srgb_curve() -> None:
    # IEC 61966-2-1: 0.5 in sRGB is 0.21404 of the light
    assert float(srgb_to_linear(np.array(0.5))) == pytest.approx(0.214041, abs=1e-5)
    values = np.linspace(0, 1, 50)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(values)), values, rtol=1e-5, atol=1e-5)


def test_composite() -> None:
    picture, layer = np.full((3, 1, 2), 0.2), np.ones((4, 1, 2))
    layer[3] = np.array([[0.0, 0.5]])
    mixed = composite(picture, layer)
    np.testing.assert_allclose(mixed[0], np.array([[0.2, 0.6]]), rtol=1e-5, atol=1e-5)
    assert to_uint8(mixed).tolist() == [[[51] * 3, [153] * 3]]


def test_nothing_to_draw() -> None:
    head = tiny_head().to_numpy()
    surface = picture_surface(head, np.zeros(len(head.part)))
    layer = draw_layer(surface, head.v_template, place, (8, 8))
    assert (layer == 0).all()
