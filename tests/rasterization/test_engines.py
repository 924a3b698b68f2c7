"""All engines draw the same pictures, and the right ones."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from smirk3d.rasterization import array_rasterizer, rasterize

INF, NAN = float("inf"), float("nan")


def pixels(points: list[tuple[float, float, float]], height: int, width: int) -> Tensor:
    """Return device coordinates ``[1, V, 3]`` of pixel coordinates."""
    scale = torch.tensor([2 / width, 2 / height, 1], dtype=torch.float64)
    shift = torch.tensor([1, 1, 0], dtype=torch.float64)
    return (torch.tensor(points, dtype=torch.float64) * scale - shift)[None]


def draw(vertices: Tensor, faces: list, size: tuple[int, int], engine: str, **options) -> Tensor:
    triangles = torch.tensor(faces, dtype=torch.int64).view(-1, 3)
    return seen(vertices, triangles, size, engine, **options)


def seen(
    vertices: Tensor, faces: Tensor, size: tuple[int, int], engine: str, **options: bool
) -> Tensor:
    """Return the triangle in each pixel, drawn from tensors and the same from NumPy arrays."""
    found = rasterize(vertices, faces, *size, engine=engine, **options).face_index
    again = rasterize(vertices.numpy(), faces.numpy(), *size, engine=engine, **options).face_index
    np.testing.assert_array_equal(again, found)
    return found


def random_mesh(seed: int, batch: int = 2) -> tuple[Tensor, Tensor]:
    """Triangles of all sizes, some off screen; every third seed on a grid, so that ties abound."""
    generator = torch.Generator().manual_seed(seed)
    vertices = torch.rand(batch, 24, 3, generator=generator) * 3 - 1.5
    if seed % 3 == 0:
        vertices = (vertices * 8).round() / 8
    return vertices, torch.randint(0, 24, (30, 3), generator=generator)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cull", [False, True])
def test_equal_to_the_reference(fast_engine: str, seed: int, cull: bool) -> None:
    vertices, faces = random_mesh(seed)
    expected = seen(vertices, faces, (20, 32), "reference", cull_backfaces=cull)
    assert (expected >= 0).any()
    assert torch.equal(seen(vertices, faces, (20, 32), fast_engine, cull_backfaces=cull), expected)


def test_small_triangles_equal_the_reference(fast_engine: str) -> None:
    generator = torch.Generator().manual_seed(1)
    centre = torch.rand(1, 400, 1, 3, generator=generator) * 2 - 1
    offset = torch.randn(1, 400, 3, 3, generator=generator) * torch.tensor([0.05, 0.05, 0.01])
    vertices, faces = (centre + offset).view(1, -1, 3), torch.arange(1200).view(-1, 3)
    expected = seen(vertices, faces, (40, 40), "reference")
    assert torch.equal(seen(vertices, faces, (40, 40), fast_engine), expected)


def exact_side(triangle: Tensor, row: int, column: int) -> int:
    """Return 1 if a pixel centre is strictly inside a triangle, -1 outside, 0 on its border."""
    corners = [(Fraction(x), Fraction(y)) for x, y, _ in triangle.tolist()]
    x, y = Fraction(2 * column + 1, 2), Fraction(2 * row + 1, 2)
    signs = []
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        signs.append((turn > 0) - (turn < 0))
    if 1 in signs and -1 in signs:
        return -1
    return 0 if 0 in signs else 1


def test_reference_coverage_agrees_with_exact_arithmetic() -> None:
    size = 16  # a power of two, so that device coordinates are pixels without rounding
    for seed in range(5):
        vertices, faces = random_mesh(seed, batch=1)
        corners = (vertices[0].double() + 1) * size / 2
        for face in faces.tolist():
            if len(set(face)) < 3:
                continue
            covered = draw(vertices, [face], (size, size), "reference")[0] == 0
            for row in range(size):
                for column in range(size):
                    side = exact_side(corners[face], row, column)
                    assert side == 0 or covered[row, column] == (side > 0)


def test_half_pixel_convention(engine: str) -> None:
    corners = [(10.0, 10.0, 0.0), (20.0, 10.0, 0.0), (20.0, 20.0, 0.0), (10.0, 20.0, 0.0)]
    ids = draw(pixels(corners, 32, 32), [[0, 1, 2], [0, 2, 3]], (32, 32), engine)[0]
    rows, columns = (ids >= 0).nonzero(as_tuple=True)
    assert len(rows) == 100
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 19, 10, 19)


def test_centres_on_the_border_belong_to_the_upper_left(engine: str) -> None:
    # borders run through pixel centres: left and top ones are in, right and bottom ones out
    corners = [(2.5, 3.5, 0.0), (6.5, 3.5, 0.0), (6.5, 7.5, 0.0), (2.5, 7.5, 0.0)]
    ids = draw(pixels(corners, 16, 16), [[0, 1, 2], [0, 2, 3]], (16, 16), engine)[0]
    rows, columns = (ids >= 0).nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 6, 2, 5)


def test_neighbours_share_no_pixel_and_leave_no_gap(engine: str) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        middle = (torch.rand(2, generator=generator) * 8).round() / 2 + 3
        corners = [(1.5, 1.5), (9.5, 1.5), (9.5, 9.5), (1.5, 9.5), tuple(middle.tolist())]
        vertices = pixels([(x, y, 0.0) for x, y in corners], 11, 11)
        faces = [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
        together = draw(vertices, faces, (11, 11), engine) >= 0
        alone = sum((draw(vertices, [face], (11, 11), engine) >= 0).int() for face in faces)
        assert alone.max() == 1
        assert torch.equal(alone.bool(), together)
        assert together.sum() == 64


def test_nearest_wins_whatever_the_order(engine: str) -> None:
    shape = [(1.0, 1.0), (15.0, 1.0), (1.0, 15.0)]
    corners = [(x, y, depth) for depth in (0.5, -0.5, 0.25) for x, y in shape]
    vertices = pixels(corners, 16, 16)
    assert draw(vertices, [[0, 1, 2], [3, 4, 5], [6, 7, 8]], (16, 16), engine)[0, 4, 4] == 1
    assert draw(vertices, [[3, 4, 5], [6, 7, 8], [0, 1, 2]], (16, 16), engine)[0, 4, 4] == 0


def test_equally_near_triangles_go_by_index(engine: str) -> None:
    vertices = pixels([(1.0, 1.0, 0.3), (15.0, 1.0, 0.3), (1.0, 15.0, 0.3)], 16, 16)
    assert draw(vertices, [[1, 2, 0], [0, 1, 2], [2, 0, 1]], (16, 16), engine)[0, 4, 4] == 0


def test_triangles_pierce_each_other(engine: str) -> None:
    ramp = [(0.0, 0.0, -1.0), (16.0, 0.0, 1.0), (16.0, 16.0, 1.0), (0.0, 16.0, -1.0)]
    wall = [(x, y, 0.0) for x, y, _ in ramp]
    faces = [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]
    ids = draw(pixels(ramp + wall, 16, 16), faces, (16, 16), engine)[0]
    assert ((ids < 2) == (torch.arange(16) < 8)).all()


def test_back_faces(engine: str) -> None:
    vertices = pixels([(1.0, 1.0, 0.0), (1.0, 15.0, 0.0), (15.0, 1.0, 0.0)], 16, 16)
    front, back = [[0, 1, 2]], [[0, 2, 1]]  # y is down: this front runs counter-clockwise
    assert (draw(vertices, front, (16, 16), engine, cull_backfaces=True) == 0).any()
    assert (draw(vertices, back, (16, 16), engine, cull_backfaces=True) == -1).all()
    assert (draw(vertices, back, (16, 16), engine) == 0).any()


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_vertices_that_are_not_finite_spoil_their_triangles_only(
    engine: str, bad: float, axis: int
) -> None:
    shape = [(1.0, 1.0, 0.0), (15.0, 1.0, 0.0), (1.0, 15.0, 0.0), (14.0, 14.0, -1.0)]
    vertices = pixels(shape, 16, 16)
    vertices[0, 3, axis] = bad
    ids = draw(vertices, [[1, 3, 2], [0, 3, 1], [0, 1, 2]], (16, 16), engine)
    alone = draw(vertices, [[0, 1, 2]], (16, 16), engine)
    assert torch.equal(ids >= 0, alone >= 0)
    assert set(ids.unique().tolist()) == {-1, 2}


def test_degenerate_triangles_draw_nothing(engine: str) -> None:
    line = pixels([(1.0, 1.0, 0.0), (15.0, 15.0, 0.0), (8.0, 8.0, 0.0)], 16, 16)
    assert (draw(line, [[0, 1, 2], [0, 0, 1], [2, 2, 2]], (16, 16), engine) == -1).all()


@pytest.mark.parametrize(
    "move", [(40.0, 0.0), (-40.0, 0.0), (0.0, 40.0), (0.0, -40.0), (1e30, 0.0)]
)
def test_off_screen(engine: str, move: tuple[float, float]) -> None:
    shape = [(1.0, 1.0), (15.0, 1.0), (1.0, 15.0)]
    vertices = pixels([(x + move[0], y + move[1], 0.0) for x, y in shape], 16, 16)
    assert (draw(vertices, [[0, 1, 2]], (16, 16), engine) == -1).all()


def test_a_triangle_larger_than_the_picture(engine: str) -> None:
    vertices = pixels([(-100.0, -100.0, 0.0), (300.0, -100.0, 0.0), (-100.0, 300.0, 0.0)], 9, 12)
    assert (draw(vertices, [[0, 1, 2]], (9, 12), engine) == 0).all()


def test_nothing_to_draw(engine: str) -> None:
    assert (draw(torch.zeros(2, 4, 3), [], (3, 5), engine) == -1).all()
    assert draw(torch.zeros(0, 4, 3), [[0, 1, 2]], (3, 5), engine).shape == (0, 3, 5)
    assert (draw(torch.zeros(1, 0, 3), [], (3, 5), engine) == -1).all()


def test_batch_equals_one_by_one(fast_engine: str) -> None:
    vertices, faces = random_mesh(1, batch=5)
    together = seen(vertices, faces, (30, 30), fast_engine)
    alone = [seen(v[None], faces, (30, 30), fast_engine) for v in vertices]
    assert torch.equal(together, torch.cat(alone))


def test_threads_change_nothing() -> None:
    pytest.importorskip("numba", reason="pip install 'smirk3d[train]'")
    vertices, faces = random_mesh(1, batch=5)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        threaded = rasterize(vertices, faces, 30, 30, engine="numba").face_index
    finally:
        torch.set_num_threads(before)
    assert torch.equal(threaded, seen(vertices, faces, (30, 30), "array"))


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, faces = random_mesh(2, batch=4)
    whole = seen(vertices, faces, (30, 30), "array")
    monkeypatch.setitem(array_rasterizer._FRAGMENTS_PER_CHUNK, "cpu", 50)
    monkeypatch.setitem(array_rasterizer._FACES_PER_CHUNK, "cpu", 60)
    assert torch.equal(seen(vertices, faces, (30, 30), "array"), whole)
