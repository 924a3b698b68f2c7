"""Normals, areas and selections of meshes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.geometry.meshes import (
    area_vectors,
    compact,
    curved_middles,
    edges,
    face_areas,
    face_normals,
    faces_within,
    mirrored_vertices,
    projected_areas,
    smoothed,
    split_by_label,
    subdivide,
    unit,
    vertex_normals,
)

# a unit square in the plane z = 0 seen from +z, and a triangle that folds back at a right angle
SQUARE = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, -2]])
FACES = torch.tensor([[0, 1, 2], [0, 2, 3], [1, 4, 2]])


def random_mesh(batch: int = 2, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 12, 3, dtype=dtype), torch.randint(0, 12, (20, 3))


def test_areas_and_normals_of_a_known_mesh() -> None:
    vertices = SQUARE[None]
    torch.testing.assert_close(face_areas(vertices, FACES), torch.tensor([[0.5, 0.5, 1.0]]))
    expected = torch.tensor([[[0.0, 0, 1], [0, 0, 1], [1, 0, 0]]])
    torch.testing.assert_close(face_normals(vertices, FACES), expected)


def test_vertex_normals_weight_triangles_by_area() -> None:
    normals = vertex_normals(SQUARE[None], FACES)[0]
    # vertex 1 joins area vectors (0, 0, 1) and (2, 0, 0); vertex 2 also (0, 0, 1) once more
    torch.testing.assert_close(normals[1], torch.tensor([2.0, 0, 1]) / math.sqrt(5))
    torch.testing.assert_close(normals[2], torch.tensor([1.0, 0, 1]) / math.sqrt(2))
    torch.testing.assert_close(normals[3], torch.tensor([0.0, 0, 1]))


def test_normals_agree_with_a_loop() -> None:
    vertices, faces = random_mesh()
    expected = torch.zeros_like(vertices)
    for image in range(2):
        for i, j, k in faces.tolist():
            a, b, c = (vertices[image, n] for n in (i, j, k))
            for n in (i, j, k):
                expected[image, n] += torch.linalg.cross(b - a, c - a)
    expected = torch.nn.functional.normalize(expected, dim=-1)
    torch.testing.assert_close(vertex_normals(vertices, faces), expected, atol=1e-5, rtol=1e-4)


def test_batch_equals_one_by_one() -> None:
    vertices, faces = random_mesh(3)
    single = torch.cat([vertex_normals(v[None], faces) for v in vertices])
    torch.testing.assert_close(vertex_normals(vertices, faces), single)
    single = torch.cat([area_vectors(v[None], faces) for v in vertices])
    torch.testing.assert_close(area_vectors(vertices, faces), single)


def test_inputs_stay_as_they_are() -> None:
    vertices, faces = random_mesh()
    before = vertices.clone()
    vertex_normals(vertices, faces)
    face_areas(vertices, faces)
    assert torch.equal(vertices, before)


@pytest.mark.parametrize("function", [vertex_normals, face_normals, face_areas, projected_areas])
def test_gradients_are_right(function) -> None:
    vertices, faces = random_mesh(dtype=torch.float64)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2])]
    faces = faces[faces[:, 0] != faces[:, 2]]
    vertices.requires_grad_()
    assert torch.autograd.gradcheck(lambda v: function(v, faces), vertices)


@pytest.mark.parametrize("function", [vertex_normals, face_normals, face_areas])
def test_triangles_without_area_are_harmless(function) -> None:
    vertices = torch.zeros(1, 4, 3, requires_grad=True)
    result = function(vertices, torch.tensor([[0, 1, 2], [3, 3, 3]]))
    result.sum().backward()
    assert torch.equal(result, torch.zeros_like(result))
    assert torch.isfinite(vertices.grad).all()


def test_empty_meshes() -> None:
    nothing = torch.zeros(0, 3, dtype=torch.int64)
    assert face_areas(torch.zeros(2, 5, 3), nothing).shape == (2, 0)
    assert torch.equal(vertex_normals(torch.ones(2, 5, 3), nothing), torch.zeros(2, 5, 3))
    assert vertex_normals(torch.ones(0, 5, 3), FACES).shape == (0, 5, 3)
    assert split_by_label(nothing, torch.zeros(0, dtype=torch.int64))[1].shape == (0, 3)


def test_projected_area_is_positive_towards_the_viewer() -> None:
    # device axes: y down and z away, which turns the square about x by half a turn
    ndc = SQUARE[None] * torch.tensor([1.0, -1, -1])
    torch.testing.assert_close(projected_areas(ndc, FACES), torch.tensor([[0.5, 0.5, 0.0]]))
    torch.testing.assert_close(projected_areas(ndc, FACES.flip(1))[0, 0], torch.tensor(-0.5))


def test_unit_along_other_dimensions() -> None:
    vectors = torch.tensor([[3.0, 0.0], [4.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(unit(vectors, axis=0)[:, 0], torch.tensor([0.6, 0.8, 0.0]))
    assert torch.equal(unit(vectors, axis=0)[:, 1], torch.zeros(3))


def test_faces_within_needs_all_corners() -> None:
    mask = torch.tensor([True, True, True, False, True])
    assert faces_within(FACES, mask).tolist() == [True, False, True]
    assert faces_within(FACES, mask.to(torch.uint8)).tolist() == [True, False, True]


def test_compact_keeps_the_surface() -> None:
    ids, renumbered = compact(FACES[2:])
    assert ids.tolist() == [1, 2, 4]
    torch.testing.assert_close(SQUARE[ids][renumbered], SQUARE[FACES[2:]])


def test_split_stops_normals_at_the_border() -> None:
    source, faces = split_by_label(FACES, torch.tensor([0, 0, 1]))
    assert torch.equal(source[faces], FACES)
    assert len(source) == 7  # vertices 1 and 2 are on the border
    normals = vertex_normals(SQUARE[source][None], faces)[0]
    expected = torch.tensor([[0.0, 0, 1], [0, 0, 1], [1, 0, 0]])[:, None].expand(3, 3, 3)
    torch.testing.assert_close(normals[faces], expected)


def test_edges_appear_once() -> None:
    assert edges(FACES).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 4], [2, 3], [2, 4]]


def test_edges_of_nothing() -> None:
    assert edges(torch.zeros(0, 3, dtype=torch.int64)).shape == (0, 2)


def test_subdivision_keeps_area_and_orientation() -> None:
    vertices = torch.tensor([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [2, 2, 0]])
    faces = torch.tensor([[0, 1, 2], [1, 3, 2]])
    pairs, finer = subdivide(faces, 4)
    points = torch.cat([vertices, vertices[pairs].mean(1)])
    torch.testing.assert_close(
        area_vectors(points[None], finer)[0], torch.tensor([[0.0, 0, 1]]).expand(8, 3)
    )
    # children of triangle f are at f, F + f, 2 F + f and 3 F + f
    assert finer[0].tolist()[0] == 0
    assert points[finer[0::2]].flatten(0, 1).sum(1).max() <= 2


def test_curved_middles_lie_nearer_to_the_sphere() -> None:
    corners = torch.cat([torch.eye(3), -torch.eye(3)])
    faces = torch.tensor(
        [[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]]
    )
    pairs = edges(faces)
    # the corners' tangent planes are at distance 1: projecting (1/2, 1/2, 0) on x = 1 and y = 1
    # gives the mean (3/4, 3/4, 0), of which curvature 0.8 takes four fifths
    middles = curved_middles(corners[None], faces, pairs, 0.8)[0]
    expected = (0.5 + 0.8 * 0.25) * 2**0.5
    torch.testing.assert_close(middles.norm(dim=1), torch.full((12,), expected))
    flat = curved_middles(corners[None], faces, pairs, 0.0)[0]
    torch.testing.assert_close(flat, corners[pairs].mean(1))


def test_smoothing_averages_with_neighbours() -> None:
    constant = torch.full((5, 2), 3.0)
    torch.testing.assert_close(smoothed(constant, FACES, 4), constant)
    spike = torch.tensor([[0.0], [0], [0], [1], [0]])
    # vertex 3 keeps half; its neighbours 0 and 2 have three and four neighbours
    expected = torch.tensor([[1 / 6], [0], [1 / 8], [0.5], [0]])
    torch.testing.assert_close(smoothed(spike, FACES), expected)
    lone = smoothed(torch.ones(6, 1), FACES)
    assert lone[5] == 1


@pytest.mark.parametrize(
    ("vertices", "faces"),
    [(torch.zeros(5, 3), FACES), (torch.zeros(1, 5, 2), FACES), (SQUARE[None], FACES[:, :2])],
)
def test_wrong_shapes_are_refused(vertices: Tensor, faces: Tensor) -> None:
    with pytest.raises(ShapeError):
        vertex_normals(vertices, faces)
    with pytest.raises(ShapeError):
        face_areas(vertices, faces)


def test_mirrored_vertices_of_a_mesh_without_symmetry_are_the_nearest() -> None:
    generator = torch.Generator().manual_seed(2)
    points = torch.randn(300, 3, generator=generator)
    points[100:200] = points[:100] * torch.tensor([-1, 1, 1])
    distances = torch.cdist(points * torch.tensor([-1, 1, 1]), points)
    assert mirrored_vertices(points).tolist() == distances.argmin(1).tolist()
    assert mirrored_vertices(points[:0]).tolist() == []


def test_mirrored_vertices_are_each_others_partners() -> None:
    points = torch.tensor([[0.02, 1.0, 0.0], [0.0, 0.0, 1.0], [-0.02, 1.0, 0.001]])
    assert mirrored_vertices(points).tolist() == [2, 1, 0]
    with pytest.raises(ShapeError):
        mirrored_vertices(points[:, :2])
