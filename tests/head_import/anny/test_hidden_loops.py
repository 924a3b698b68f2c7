"""Edge loops behind the edges of eyelids and lips, on a small surface of rings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from smirk3d.head_import.anny.repairs.hidden_loops import HiddenLoops

_EYE, _MOUTH, _AROUND = 12, 10, 12
EYE = np.array([0.03, 0.0, -0.01])


def rings() -> tuple[Any, np.ndarray]:
    """Return a surface with the loops of two eyes and a mouth, and its vertices, symmetric."""
    turn = np.arange(_AROUND) * 2 * np.pi / _AROUND

    def around(middle: float, count: int, height: float) -> np.ndarray:
        radii = np.linspace(0.02, 0.012, count)[:, None, None]
        ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
        depth = np.linspace(0, -0.006, count)[:, None] * np.ones(_AROUND)
        points = radii * ring + [middle, height, 0]
        points[..., 2] += depth
        return points

    left, mouth = around(0.03, _EYE, 0.0), around(0.0, _MOUTH, -0.06)
    points = [left.reshape(-1, 3), (left * [-1, 1, 1]).reshape(-1, 3), mouth.reshape(-1, 3)]
    size = _EYE * _AROUND
    ids = np.arange(size).reshape(_EYE, _AROUND)
    following = np.roll(ids, -1, axis=1)
    quads = np.stack([ids[:-1], ids[1:], following[1:], following[:-1]], -1).reshape(-1, 4)
    mouth_ids = 2 * size + np.arange(_MOUTH * _AROUND).reshape(_MOUTH, _AROUND)
    mirror = np.concatenate([ids.ravel() + size, ids.ravel(), mouth_ids.ravel()])
    surface = SimpleNamespace(
        eye_loops=tuple(ids), mouth_loops=tuple(mouth_ids), quads=quads, mirror=mirror
    )
    return surface, np.concatenate(points)


def test_loops_lie_close_behind_the_outer_corner_of_both_eyes() -> None:
    surface, template = rings()
    tucked = HiddenLoops(surface, template).tucked(template, EYE)
    for loop, step in ((surface.eye_loops[10], 1e-4), (surface.eye_loops[11], 2e-4)):
        rim = template[surface.eye_loops[9]]
        assert np.linalg.norm(tucked[loop[0]] - rim[0]) == pytest.approx(step)
        assert np.allclose(tucked[surface.mirror[loop]], tucked[loop] * [-1, 1, 1])
    first, last = (loop[6] for loop in surface.eye_loops[10:])
    assert np.array_equal(tucked[first], template[first])
    assert np.linalg.norm(tucked[last] - tucked[first]) == pytest.approx(2e-4)
    changed = np.flatnonzero((tucked != template).any(1))
    inner = np.concatenate([*surface.eye_loops[10:], *surface.mouth_loops[8:]])
    assert set(changed.tolist()) <= {*inner.tolist(), *surface.mirror[inner].tolist()}


def test_loops_go_where_the_edges_go() -> None:
    surface, template = rings()
    hidden = HiddenLoops(surface, template)
    offsets = np.random.default_rng(0).normal(size=template.shape)
    action, identity = hidden.action(offsets), hidden.identity(offsets)
    rim = surface.eye_loops[9]
    for loop in surface.eye_loops[10:]:
        assert np.allclose(action[loop], offsets[rim])
        assert np.allclose(identity[loop[0]], offsets[rim[0]])
    first, last = surface.eye_loops[10:]
    assert np.array_equal(identity[first[6]], offsets[first[6]])
    assert np.allclose(identity[last], identity[first])
    contact, behind, inside = surface.mouth_loops[7:]
    corners, middle = [0, 6], [3, 9]
    for loop in (behind, inside):
        assert np.allclose(action[loop[corners]], offsets[contact[corners]])
        assert np.allclose(action[loop[middle]], offsets[loop[middle]])
    assert np.allclose(identity[inside], offsets[behind])
    edges = np.concatenate([*surface.eye_loops[:10], contact])
    assert np.array_equal(action[edges], offsets[edges])
