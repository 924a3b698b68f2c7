"""Surfaces prepared for pictures, and the eyes found on them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smirk3d.errors import ShapeError
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.tiny import tiny_head
from smirk3d.rendering.picture_surface import (
    EYE_LEFT,
    EYE_RIGHT,
    eyeballs,
    picture_surface,
    region_alpha,
    rigid_rotation,
    soft_region,
)


def strip(length: int) -> np.ndarray:
    """Return the triangles of a strip of squares; columns 2 i and 2 i + 1 are opposite."""
    left = 2 * np.arange(length)[:, None]
    return np.concatenate([left + np.array([0, 2, 1]), left + np.array([1, 2, 3])])


def test_refined_surface_passes_through_the_vertices() -> None:
    head = tiny_head().to_numpy()
    surface = picture_surface(head, refinements=2)
    assert len(surface.faces) == 16 * len(head.faces)
    points = surface.refine(head.v_template)
    kept = head.v_template[np.unique(head.faces)]
    distance = np.linalg.norm(kept[:, None] - points, axis=2).min(1)
    assert distance.max() < 1e-6


def test_parts_share_no_vertex() -> None:
    head = tiny_head().to_numpy()
    part = np.zeros_like(head.part)
    part[head.v_template[:, 1] < -0.05] = 6
    faces = head.faces[(head.part[head.faces] == 0).all(1)]
    topology = type("T", (), head.arrays() | {"faces": faces, "part": part})()
    topology.regions = {}
    surface = picture_surface(topology)
    inner = np.unique(surface.faces[surface.face_part == 6])
    outer = np.unique(surface.faces[surface.face_part == 0])
    assert not set(inner.tolist()) & set(outer.tolist())
    assert set(surface.source[inner].tolist()) & set(surface.source[outer].tolist())


def test_transparent_triangles_are_left_out() -> None:
    head = tiny_head().to_numpy()
    alpha = (head.v_template[:, 0] > 0).astype(np.float32)
    surface = picture_surface(head, alpha, refinements=0)
    kept = alpha[head.faces].max(1) > 0
    assert surface.fades
    assert len(surface.faces) == kept.sum()
    assert not picture_surface(head).fades


def test_soft_region_falls_towards_its_edge() -> None:
    faces = strip(30)
    column = np.arange(62) // 2
    alpha = soft_region(faces, column <= 15, rings=3)
    assert (alpha[column > 15] == 0).all()
    assert (alpha[column == 0] > 0.99).all()
    profile = alpha[::2][:16]
    assert (np.diff(profile) <= 1e-6).all()
    assert 0 < profile[-2] < 1


def test_region_keeps_inner_parts_whole() -> None:
    head = tiny_head().to_numpy()
    alpha = region_alpha(head, "face")
    assert (alpha[head.part != 0] == 1).all()
    assert region_alpha(head, None) is None
    assert region_alpha(head, "no such region") is None


@pytest.mark.parametrize("turn", [[0.0, 0, 0], [0.1, 0.4, 0], [0, -0.3, 0.2]])
def test_eyes_are_found_in_any_pose(turn: list[float]) -> None:
    head = tiny_head().to_numpy()
    rotation = axis_angle_to_matrix(np.array(turn))
    shift = np.array([0.1, -0.2, 0.3])
    eyes = eyeballs(picture_surface(head), head.v_template @ rotation.T + shift)
    assert set(eyes) == {EYE_LEFT, EYE_RIGHT}
    left = eyes[EYE_LEFT]
    centre = head.v_template[head.part == EYE_LEFT].mean(0)
    np.testing.assert_allclose(left.centre, rotation @ centre + shift, atol=1e-5, rtol=0)
    np.testing.assert_allclose(left.gaze, rotation[:, 2], atol=1e-5, rtol=0)
    assert left.radius == pytest.approx(0.012, rel=1e-3)


def test_each_eye_has_its_own_gaze() -> None:
    head = tiny_head().to_numpy()
    parameters = head.neutral()
    eyes = np.array([[0.0, 0.3, 0, 0, 0, 0]])
    vertices = head(parameters.replace(eyes=eyes)).vertices[0]
    found = eyeballs(picture_surface(head), vertices)
    expected = np.array([math.sin(0.3), 0, math.cos(0.3)])
    np.testing.assert_allclose(found[EYE_LEFT].gaze, expected, atol=1e-4, rtol=0)
    np.testing.assert_allclose(found[EYE_RIGHT].gaze, np.array([0.0, 0, 1]), atol=1e-4, rtol=0)


def test_rigid_rotation_is_never_a_mirror() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    assert np.linalg.det(rigid_rotation(points, points * np.array([-1.0, 1, 1]))) > 0.99


def test_wrong_shapes_are_refused() -> None:
    head = tiny_head().to_numpy()
    with pytest.raises(ShapeError, match="vertex_alpha"):
        picture_surface(head, np.ones(3))
    with pytest.raises(ShapeError, match="vertices"):
        picture_surface(head).refine(np.zeros((3, 3)))
