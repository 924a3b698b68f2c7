from __future__ import annotations

import torch

from smirk3d.geometry.closest_points import closest_points

VERTICES = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
FACES = torch.tensor([[0, 1, 2], [1, 3, 2]])


def test_known_feet() -> None:
    queries = torch.tensor(
        [[0.25, 0.25, 2.0], [0.9, 0.9, -1.0], [-1.0, 0.5, 0.0], [2.0, 2.0, 0.0], [0.5, -1.0, 0.0]]
    )
    found = closest_points(queries, VERTICES, FACES)
    expected = torch.tensor(
        [[0.25, 0.25, 0.0], [0.9, 0.9, 0.0], [0.0, 0.5, 0.0], [1.0, 1.0, 0.0], [0.5, 0.0, 0.0]]
    )
    torch.testing.assert_close(found.points, expected)
    torch.testing.assert_close(found.distance, torch.tensor([2.0, 1.0, 1.0, 2.0**0.5, 1.0]))
    assert found.face_index[:2].tolist() == [0, 1]


def test_no_sampled_point_of_the_mesh_is_closer() -> None:
    vertices, faces = torch.randn(12, 3), torch.randint(0, 12, (20, 3))
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2])]
    faces = faces[faces[:, 0] != faces[:, 2]]
    queries = torch.randn(30, 3) * 2
    found = closest_points(queries, vertices, faces)
    weights = torch.rand(4000, 1, 3)
    weights = weights / weights.sum(-1, keepdim=True)
    samples = (vertices[faces] * weights[..., None]).sum(2).reshape(-1, 3)
    assert (torch.cdist(queries, samples).amin(1) >= found.distance - 1e-5).all()


def test_barycentrics_give_the_points() -> None:
    queries = torch.randn(10, 3)
    found = closest_points(queries, VERTICES, FACES)
    again = (VERTICES[FACES[found.face_index]] * found.barycentric[..., None]).sum(1)
    torch.testing.assert_close(again, found.points)
    assert (found.barycentric >= 0).all()
    torch.testing.assert_close(found.barycentric.sum(1), torch.ones(10))
