"""Geometry that converters share."""

import numpy as np
import pytest

from smirk3d.errors import AssetError
from smirk3d.head_import.flame.eyelid_closing import closing_offsets
from smirk3d.head_import.head_regions import region_masks
from smirk3d.head_import.mesh_parts import (
    connected_components,
    fit_sphere,
    following_weights,
    inside_polygon,
)
from smirk3d.head_import.plain_texture import plain_texture
from smirk3d.heads.head_file import read_head_file
from smirk3d.heads.registry import find_head


@pytest.fixture(scope="module")
def open_head():
    return read_head_file(find_head("open")).arrays


def test_pieces_are_labelled_by_their_lowest_vertex():
    faces = np.array([[5, 3, 4], [0, 2, 7], [7, 1, 0]])
    assert connected_components(faces, 9).tolist() == [0, 0, 0, 3, 3, 3, 6, 0, 8]


def test_a_long_strip_is_one_piece():
    order = np.random.default_rng(0).permutation(2000)
    faces = np.stack([order[:-2], order[1:-1], order[2:]], 1)
    assert (connected_components(faces, 2000) == 0).all()


def test_a_sphere_with_a_bulge_is_fitted_without_it():
    points = np.random.default_rng(0).normal(size=(500, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points[points[:, 2] > 0.7] *= 1.1
    centre, radius = fit_sphere(points * 0.012 + [1, 2, 3])
    assert np.allclose(centre, [1, 2, 3], atol=2e-5)
    assert radius == pytest.approx(0.012, abs=2e-5)


def test_a_place_follows_its_points():
    points = np.random.default_rng(0).normal(size=(50, 3))
    place = np.array([0.2, -0.1, 0.3])
    weights = following_weights(points, place)
    assert np.allclose(weights @ points, place)
    assert np.allclose(weights @ (points * 2 + 1), place * 2 + 1)


def test_inside_a_polygon_with_a_notch():
    polygon = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4.0]])
    points = np.array([[1, 1], [2, 2], [3.5, 2], [5, 1], [2, 0.5]])
    assert inside_polygon(points, polygon).tolist() == [True, False, True, False, True]


@pytest.mark.parametrize(("eye", "part"), [("eyeL", 1), ("eyeR", 2)])
def test_closed_lids_hide_the_eyeball(open_head, eye, part):
    vertices = open_head["v_template"].astype(float)
    faces = open_head["faces"].astype(int)
    centre, radius = fit_sphere(vertices[open_head["part"] == part])
    skin = open_head["part"] == 0
    offsets = closing_offsets(vertices, faces, skin, open_head["part"] == part, centre)
    corners = faces[skin[faces].all(1)]

    def seen(amount):
        """Share of lines from the eye's centre, forward, that meet no skin."""
        turn, side = np.radians(np.meshgrid(np.arange(-25, 26, 2.5), np.arange(-25, 36, 2.5)))
        way = np.stack([np.sin(side), np.cos(side) * np.sin(turn), np.cos(side) * np.cos(turn)], -1)
        way = way.reshape(-1, 3)
        triangles = (vertices + amount * offsets)[corners] - centre
        triangles = triangles[(np.linalg.norm(triangles, axis=2) < 3 * radius).all(1)]
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        free = 0
        for direction in way:
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = (normals * triangles[:, 0]).sum(1) / (normals @ direction)
            hit = direction * distance[:, None]
            inside = distance > 0
            for k in range(3):
                edge = triangles[:, (k + 1) % 3] - triangles[:, k]
                inside &= (np.cross(edge, hit - triangles[:, k]) * normals).sum(1) >= 0
            free += not inside.any()
        return free / len(way)

    assert seen(0.0) > 0.3
    assert seen(0.5) > 0.05
    assert seen(1.0) == 0
    moved = np.linalg.norm(offsets, axis=1) > 0
    distance = np.linalg.norm(vertices + offsets - centre, axis=1)[moved & skin]
    assert distance.min() > 0.8 * radius


def test_a_skin_without_lids_is_refused(open_head):
    vertices = open_head["v_template"].astype(float)
    ball = open_head["part"] == 1
    nothing = np.zeros(len(vertices), bool)
    with pytest.raises(AssetError, match="no eyelids around the eyeball"):
        closing_offsets(vertices, open_head["faces"], nothing, ball, vertices[ball].mean(0))


def test_regions_scale_with_the_head(open_head):
    vertices = open_head["v_template"].astype(float)
    names = list(open_head["joint_names"])
    eyes = open_head["joints"][[names.index("eyeL"), names.index("eyeR")]].astype(float)
    skin = open_head["part"] == 0
    once = region_masks(vertices, skin, eyes)
    twice = region_masks(vertices * 2 + 1, skin, eyes * 2 + 1)
    for name, mask in once.items():
        assert mask.sum() > 20
        assert np.array_equal(mask, twice[name])
    overlap = (once["region_face"] & open_head["region_face"]).sum()
    assert overlap / open_head["region_face"].sum() > 0.85


def test_a_plain_texture_has_no_triangle_across_it(open_head):
    texture = plain_texture(
        open_head["v_template"].astype(float), open_head["faces"].astype(int), open_head["part"]
    )
    uv = texture["uv"][texture["uv_faces"]]
    assert uv.min() >= 0
    assert uv.max() <= 1
    # but for the triangles around the pole on top
    assert (np.ptp(uv[..., 0], axis=1) > 0.4).sum() <= 8
