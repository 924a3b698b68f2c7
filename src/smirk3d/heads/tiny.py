"""A synthetic head of 60 vertices with every capability, so that tests need no assets."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.action_names import EXPRESSION_ACTIONS
from smirk3d.heads.head_model import HeadModel

Kind = Literal["named", "pca", "ruled"]

_RADII = np.array([0.075, 0.105, 0.09])
"""Metres of the ellipsoid's half axes, about those of a human head."""
_EYES = np.array([[0.032, 0.03, 0.075], [-0.032, 0.03, 0.075]])
"""Centres of both eyeballs in metres, about those of a human head."""
_NUM_SKIN = 42
"""Vertices of an icosahedron that is split once."""


def tiny_head(kind: Kind = "named") -> HeadModel:
    """Return the synthetic head.

    Args:
        kind: ``named`` has the open head's groups (named actions, blend jaw, gaze eyelids, gates);
            ``ruled`` also opposites, more gates, correctives, actions that scale with the person;
            ``pca`` has FLAME's (unbounded expression, jaw joint, pose correctives, root).
    """
    return HeadModel(*tiny_head_arrays(kind))


def tiny_head_arrays(
    kind: Kind = "named",
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and metadata of the synthetic head, as a head file holds them."""
    rng = np.random.default_rng(7)
    skin, skin_faces = _icosphere()
    eye, eye_faces = _octahedron()
    vertices = np.concatenate([skin * _RADII, *(eye * 0.012 + centre for centre in _EYES)])
    teeth = np.array([[1, -3.0, 6], [-1, -3, 6], [0, -4, 6], [0, -3, 5], [1, -4, 6], [-1, -4, 6]])
    vertices = np.concatenate([vertices, teeth * 0.01])
    teeth_faces = np.array([[0, 1, 2], [0, 2, 3], [0, 4, 2], [1, 2, 5]])
    faces = np.concatenate([skin_faces, eye_faces + 42, eye_faces + 48, teeth_faces + 54])
    part = np.repeat(np.array([0, 1, 2, 4], np.uint8), [_NUM_SKIN, 6, 6, 6])
    arrays: dict[str, NDArray[Any]] = {
        "v_template": vertices,
        "faces": faces.astype(np.int32),
        "uv": (vertices[:, :2] / 0.3 + 0.5).astype(np.float32),
        "uv_faces": faces.astype(np.int32),
        "part": part,
        "shape_basis": _smooth_basis(rng, vertices, 6, 0.004),
        **_regions(vertices, part),
        **_landmarks(vertices, faces, part),
    }
    arrays |= _pca_motion(rng, vertices) if kind == "pca" else _named_motion(rng, vertices, part)
    if kind == "ruled":
        arrays |= _rules(rng, vertices, part)
    arrays |= _joints(arrays, vertices, part, root=kind == "pca")
    meta = {"name": f"tiny-{kind}", "version": "1", "source": "synthetic", "licence": "CC0-1.0"}
    return arrays, meta


def _icosphere() -> tuple[NDArray[Any], NDArray[Any]]:
    """Return an icosahedron split once: 42 unit vertices, 80 outward triangles."""
    golden = (1 + math.sqrt(5)) / 2
    corners = [
        p
        for a in (-1.0, 1.0)
        for b in (-golden, golden)
        for p in ((0.0, a, b), (a, b, 0.0), (b, 0.0, a))
    ]
    vertices = [np.array(c) / np.linalg.norm(c) for c in corners]
    edge = 2 / math.sqrt(1 + golden**2) + 1e-9
    near = [[np.linalg.norm(a - b) < edge for b in vertices] for a in vertices]
    coarse = [
        (i, j, k)
        for i in range(12)
        for j in range(i + 1, 12)
        for k in range(j + 1, 12)
        if near[i][j] and near[j][k] and near[i][k]
    ]
    middle: dict[tuple[int, int], int] = {}
    faces: list[tuple[int, int, int]] = []
    for i, j, k in coarse:
        if np.dot(np.cross(vertices[j] - vertices[i], vertices[k] - vertices[i]), vertices[i]) < 0:
            j, k = k, j  # noqa: PLW2901 - the triangle is turned to face outwards
        mids = []
        for a, b in ((i, j), (j, k), (k, i)):
            key = (min(a, b), max(a, b))
            if key not in middle:
                middle[key] = len(vertices)
                point = vertices[a] + vertices[b]
                vertices.append(point / np.linalg.norm(point))
            mids.append(middle[key])
        ij, jk, ki = mids
        faces += [(i, ij, ki), (ij, j, jk), (ki, jk, k), (ij, jk, ki)]
    return np.array(vertices), np.array(faces)


def _octahedron() -> tuple[NDArray[Any], NDArray[Any]]:
    vertices = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    front = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4]]
    return vertices, np.array(front + [[b, a, 5] for a, b, _ in front])


def _smooth_basis(
    rng: np.random.Generator, vertices: NDArray[Any], count: int, amplitude: float
) -> NDArray[Any]:
    """Return offsets ``[count, V, 3]`` that vary smoothly over the head, in metres."""
    frequency = rng.normal(size=(count, 3, 3)) * 12
    phase = rng.uniform(0, 2 * math.pi, (count, 1, 3))
    return amplitude * np.sin(vertices @ frequency + phase)


def _regions(vertices: NDArray[Any], part: NDArray[Any]) -> dict[str, NDArray[Any]]:
    x, y, z = vertices.T
    skin = part == 0
    masks = {
        "face": skin & (z > -0.01) & (y > -0.09),
        "lips": skin & (z > 0.04) & (y < -0.02) & (y > -0.07),
        "nose": skin & (z > 0.06) & (abs(x) < 0.03) & (y > -0.03) & (y < 0.05),
        "eyes": skin & (z > 0.03) & (y > 0) & (y < 0.06) & (abs(x) > 0.01),
        "brows": skin & (z > 0.02) & (y > 0.05) & (y < 0.09),
        "ears": skin & (abs(x) > 0.06) & (abs(z) < 0.03),
        "neck": skin & (y < -0.08) & (z < 0.03),
        "scalp": skin & (z < 0) & (y > 0),
    }
    return {f"region_{name}": mask.astype(np.uint8) for name, mask in masks.items()}


def _landmarks(
    vertices: NDArray[Any], faces: NDArray[Any], part: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """Put one landmark on each front skin triangle, and the iris centres on the eyes."""
    skin = np.flatnonzero((part[faces] == 0).all(1) & (vertices[faces].mean(1)[:, 2] > 0.02))
    irises = [int(np.flatnonzero((part[faces] == eye).all(1))[0]) for eye in (2, 1)]
    ids = np.concatenate([np.linspace(0, 467, len(skin)).astype(np.int32), [468, 473]])
    bary = np.full((len(ids), 3), 1 / 3)
    bary[-2:] = (0, 0, 1)
    return {
        "lmk_mp_id": ids.astype(np.int32),
        "lmk_mp_tri": np.concatenate([skin, irises]).astype(np.int32),
        "lmk_mp_bary": bary.astype(np.float32),
        "lmk_mp_sigma": np.full(len(ids), 0.002, np.float32),
    }


def _named_motion(
    rng: np.random.Generator, vertices: NDArray[Any], part: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    count = len(EXPRESSION_ACTIONS)
    skin = (part == 0)[:, None]
    left, right = vertices[:, :1] > 0.005, vertices[:, :1] < -0.005
    expression = _smooth_basis(rng, vertices, count, 0.006) * skin
    for index, name in enumerate(EXPRESSION_ACTIONS):
        if name.endswith("Left"):
            expression[index] *= left
        elif name.endswith("Right"):
            expression[index] *= right
    below = np.clip(-vertices[:, 1:2] / 0.1, 0, 1)
    jaw = np.stack([below * axis for axis in ([0, -0.03, -0.005], [0.012, 0, 0], [0, 0, 0.01])])
    eyelid = np.exp(-((vertices[:, 1:2] - 0.03) ** 2) / 0.0006) * [0, -0.01, 0.002] * skin
    gaze = np.stack(
        [eyelid * side * gain for side in (left, right) for gain in (0.5, 0.1, 0.1, -0.4)]
    )
    return {
        "expr_basis": expression,
        "expr_names": np.array(EXPRESSION_ACTIONS),
        "expr_lo": np.zeros(count),
        "expr_hi": np.ones(count),
        "expr_prior_std": np.full(count, 0.25),
        "eyelid_basis": np.stack([eyelid * left, eyelid * right]),
        "jaw_basis": jaw,
        "jaw_basis_neg": -0.9 * jaw,
        "gaze_basis": gaze,
        "gaze_range": np.tile([0.5, 0.6, 0.6, 0.45], 2),
        "gate": np.array([[EXPRESSION_ACTIONS.index("mouthClose"), 0]], np.int32),
    }


def _rules(
    rng: np.random.Generator, vertices: NDArray[Any], part: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    at = {name: index for index, name in enumerate(EXPRESSION_ACTIONS)}
    opened, blink = len(at), len(at) + 6
    slopes = np.zeros((2, len(at) + 16))
    slopes[0, [opened, at["mouthClose"]]] = 2.0, -1.0
    slopes[1, blink] = -1.0
    pairs = [(at["mouthSmileLeft"], at["mouthFunnel"]), (blink, at["eyeSquintLeft"])]
    return {
        "opposed": np.array([[at["mouthLeft"], at["mouthRight"]]], np.int32),
        "gate_channel": np.array([at["tongueOut"], at["eyeWideLeft"]], np.int32),
        "gate_base": np.array([0.0, 1.0]),
        "gate_slope": slopes,
        "corrective_pair": np.array(pairs, np.int32),
        "corrective_basis": _smooth_basis(rng, vertices, 2, 0.002) * (part == 0)[:, None],
        "action_scale": rng.normal(size=(4, 6)) * 0.05,
    }


def _pca_motion(rng: np.random.Generator, vertices: NDArray[Any]) -> dict[str, NDArray[Any]]:
    count = 10
    eyelid = np.exp(-((vertices[:, 1:2] - 0.03) ** 2) / 0.0006) * [0, -0.01, 0.002]
    sides = (vertices[:, :1] > 0.005, vertices[:, :1] < -0.005)
    return {
        "expr_basis": _smooth_basis(rng, vertices, count, 0.004),
        "expr_names": np.full(count, "", "<U1"),
        "expr_lo": np.full(count, -np.inf),
        "expr_hi": np.full(count, np.inf),
        "expr_prior_std": np.ones(count),
        "eyelid_basis": np.stack([eyelid * side for side in sides]),
        "pose_basis": rng.normal(size=(36, vertices.size)) * 1e-3,
        "joint_expr_basis": rng.normal(size=(count, 5, 3)) * 1e-3,
    }


def _joints(
    arrays: dict[str, NDArray[Any]], vertices: NDArray[Any], part: NDArray[Any], *, root: bool
) -> dict[str, NDArray[Any]]:
    names = ["root" if root else "head", "neck", "jaw", "eyeL", "eyeR"]
    joints = np.array([[0, -0.08, -0.03], [0, -0.1, -0.03], [0, -0.02, 0.0], *_EYES])
    below = np.clip(-vertices[:, 1] / 0.1, 0, 1)
    weights = np.zeros((len(vertices), 5))
    weights[:, 2] = np.where(part == 4, 1.0, below * (vertices[:, 2] > 0))
    weights[part == 1] = np.eye(5)[3]
    weights[part == 2] = np.eye(5)[4]
    weights[:, 1] = np.where(part == 0, 1 - weights[:, 2], 0) * 0.8
    weights[:, 0] = 1 - weights[:, 1:].sum(1)
    eyes = arrays["shape_basis"][:, 42:54].reshape(-1, 2, 6, 3).mean(2)
    moves = np.concatenate([np.zeros((len(eyes), 3, 3)), eyes], 1)
    return {
        "joint_names": np.array(names),
        "joint_parents": np.array([-1, 0, 1, 1, 1], np.int32),
        "joints": joints,
        "joint_shape_basis": moves,
        "lbs_weights": weights,
    }
