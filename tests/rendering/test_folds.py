"""Folds of the skin that actions draw."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import faces_within
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.clay import View, clay
from smirk3d.rendering.folds import SkinFolds, face_slopes, posed_slopes
from smirk3d.rendering.layers import FAST


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open@2", library="numpy")


def face(head: HeadModel, **weights: float) -> FaceParameters:
    row = np.zeros((1, len(ARKIT_NAMES)), np.float32)
    for name, weight in weights.items():
        row[0, ARKIT_NAMES.index(name)] = weight
    return head.from_arkit(row)


def test_an_action_draws_the_folds_of_its_side(head: HeadModel) -> None:
    folds = SkinFolds(head)
    assert folds.strengths(head.neutral()).max() == 0
    points = head.v_template[head.part == 0]
    for name, side in (("mouthSmileLeft", 1.0), ("mouthSmileRight", -1.0)):
        strengths = folds.strengths(face(head, **{name: 1.0}))[0]
        assert strengths.max() > 0.5
        drawn = np.linalg.norm(folds.slopes(strengths)(points), axis=1) > 1e-3
        assert drawn.sum() > 10
        assert (points[drawn, 0] * side > 0).all()


def test_skin_rises_away_from_a_groove_and_is_flat_beyond(head: HeadModel) -> None:
    slopes = face_slopes(head, face(head, browDownLeft=1.0, browDownRight=1.0)[0])
    assert slopes is not None
    # across the left frown line, at the height of its middle
    x = np.linspace(0.0, 0.03, 301)
    landmarks = head.landmarks(head.v_template[None])[0]
    brow = landmarks[[int(np.flatnonzero(head.landmark_ids == n)[0]) for n in (9, 336)]].mean(0)
    line = np.stack([x, np.full(301, brow[1]), np.full(301, brow[2])], 1)
    rise = slopes(line)[:, 0]
    height = rise.cumsum(0)
    lowest = float(x[height.argmin()])
    assert abs(lowest - float(brow[0])) < 0.003
    assert np.abs(rise[x > 0.02]).max() < 1e-6


@pytest.mark.parametrize("name", ["open", "open@2"])
def test_folds_lie_on_the_skin(name: str) -> None:
    head = load_head(name, library="numpy")
    skin = head.faces[faces_within(head.faces, head.part == 0)]
    for relief in SkinFolds(head).reliefs():
        for fold, line in relief.grooves:
            between = (line[1:] + line[:-1]) / 2
            away = closest_points(between, head.v_template, skin).distance
            assert away.max() < fold.width / 2


def test_heights_rise_as_slopes_say(head: HeadModel) -> None:
    relief = next(r for r in SkinFolds(head).reliefs() if "browDown" in r.actions)
    slopes = face_slopes(head, face(head, browDownLeft=1.0, browDownRight=1.0)[0])
    assert slopes is not None
    fold, line = relief.grooves[0]
    middle = line[len(line) // 2]
    across = middle + np.linspace(-0.004, 0.004, 401)[:, None] * [1, 0, 0]
    heights = relief.depth * relief.heights(across)
    assert heights.min() == pytest.approx(-fold.depth, rel=0.05)
    rise = np.diff(heights) / (across[1, 0] - across[0, 0])
    strength = float(SkinFolds(head).strengths(face(head, browDownLeft=1.0)).max())
    expected = slopes(across)[:, 0] / strength
    assert np.allclose(rise, (expected[1:] + expected[:-1]) / 2, atol=0.02)


def test_slopes_are_flat_beyond_the_triangles_that_they_reach(head: HeadModel) -> None:
    slopes = face_slopes(head, face(head, mouthSmileLeft=1.0, browInnerUp=1.0)[0])
    assert slopes is not None
    reached = slopes.reach(head.v_template, head.faces)
    assert 0 < reached.mean() < 0.5
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(3), (len(head.faces), 20)).astype(np.float32)
    points = np.einsum("fsc,fcx->fsx", weights, head.v_template[head.faces])
    steep = (slopes(points.reshape(-1, 3)) != 0).any(1).reshape(-1, 20).any(1)
    assert steep.any()
    assert not (steep & ~reached).any()


def test_each_relief_names_the_actions_of_its_side(head: HeadModel) -> None:
    for relief in SkinFolds(head).reliefs():
        for side, other in (("Left", "Right"), ("Right", "Left")):
            names = relief.drawn_by(side)
            assert set(names) <= set(ARKIT_NAMES)
            assert not any(name.endswith(other) for name in names)


def test_slopes_turn_with_the_skin() -> None:
    rng = np.random.default_rng(0)
    rest = rng.normal(size=(5, 3, 3))
    turn = axis_angle_to_matrix(np.array([[0.3, -0.5, 0.9]]))[0]
    normal = np.cross(rest[:, 1] - rest[:, 0], rest[:, 2] - rest[:, 0])
    normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    gradient = rng.normal(size=(5, 3))
    within = gradient - (gradient * normal).sum(1, keepdims=True) * normal
    found = posed_slopes(gradient, rest, rest @ turn.T)
    assert np.allclose(found, within @ turn.T, atol=1e-5)
    # skin stretched to twice its length rises half as steeply
    assert np.allclose(posed_slopes(gradient, rest, 2 * rest), within / 2, atol=1e-5)


def test_pictures_show_folds_where_they_are(head: HeadModel) -> None:
    smiling = face(head, mouthSmileLeft=1.0)
    vertices = head(smiling).vertices[0]
    view = View(width=160, height=200)
    plain, folded = (
        clay(head, vertices, view, FAST, slopes=slopes).astype(int)
        for slopes in (None, face_slopes(head, smiling[0]))
    )
    changed = np.abs(plain - folded).max(2) > 4
    assert changed.sum() > 5
    assert not changed[:, :78].any()
    assert not changed[:60].any()


def test_heads_without_actions_by_name_have_none() -> None:
    other = tiny_head("pca").to_numpy()
    assert face_slopes(other, other.neutral()[0]) is None
