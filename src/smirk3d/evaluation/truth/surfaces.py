"""Distances between surfaces of different heads after an alignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import faces_within

Array = NDArray[np.floating]

_QUERIES = 400
"""Points that guide the alignment; twice as many change the distances by less than 1 %."""
_ROUNDS = 15
"""Rounds of closest points; the distances change by less than 1 % after ten."""
_TRIMMED = 0.9
"""Of the points that count in a round: the farthest lie where one face ends before the other."""


@dataclass(frozen=True, eq=False)
class FaceSurface:
    """Which part of a mesh is the face, with a margin that gives partners to its edge.

    Attributes:
        face: numbers of the face's vertices ``[N]``.
        around: numbers of the vertices of face and margin ``[M]``.
        triangles: of these ``[F, 3]``, numbered in ``around``.
    """

    face: NDArray[np.int64]
    around: NDArray[np.int64]
    triangles: Tensor


def face_surface(
    vertices: Array, faces: NDArray[np.integer], region: NDArray[np.bool_], margin: float = 0.02
) -> FaceSurface:
    """Return the face of a mesh.

    Args:
        vertices: a neutral head ``[V, 3]`` in metres.
        faces: triangles ``[F, 3]``.
        region: which vertices are of the face ``[V]``.
        margin: metres around the face.
    """
    points = torch.from_numpy(np.asarray(vertices, np.float32))
    near = torch.cdist(points, points[torch.from_numpy(region)]).amin(1) < margin
    all_faces = torch.from_numpy(np.asarray(faces, np.int64))
    kept = faces_within(all_faces, near)
    around = near.nonzero()[:, 0]
    number = torch.full((len(points),), -1)
    number[around] = torch.arange(len(around))
    return FaceSurface(np.flatnonzero(region), around.numpy(), number[all_faces[kept]])


def spaced(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return so many rows, spaced evenly."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(np.int64)]


def fitted_motion(points: Array, onto: Array, *, scaled: bool) -> tuple[float, Array, Array]:
    """Return scale, rotation and translation that map points onto others (Umeyama 1991)."""
    centred, goal = points - points.mean(0), onto - onto.mean(0)
    left, stretch, right = np.linalg.svd(goal.T @ centred)
    sign = np.ones(3)
    sign[2] = np.sign(np.linalg.det(left @ right))
    rotation = left * sign @ right
    scale = float((stretch * sign).sum() / (centred**2).sum()) if scaled else 1.0
    return scale, rotation, onto.mean(0) - scale * rotation @ points.mean(0)


@dataclass(frozen=True, eq=False)
class Aligned:
    """A surface brought onto another.

    Attributes:
        vertices: of the moved mesh ``[V, 3]`` in metres.
        distance: of each of the other face's vertices to the moved surface ``[N]``, in metres.
    """

    vertices: Array
    distance: Array


def aligned(
    answer: Array, answered: FaceSurface, truth: Array, true_face: FaceSurface, *, scaled: bool
) -> Aligned:
    """Bring an answer's mesh onto the truth by closest points (iterative, from the middles).

    Args:
        answer: vertices ``[V, 3]``, metres, turned about as the truth.
        answered: its face.
        truth: vertices ``[W, 3]``, metres.
        true_face: its face.
        scaled: whether the answer's size is free.
    """
    moved = np.asarray(answer, np.float64)
    goal = np.asarray(truth, np.float64)
    targets = goal[spaced(true_face.face, _QUERIES)]
    moved = _middled(moved, answered.face, goal[true_face.face], scaled=scaled)
    for _ in range(_ROUNDS):
        around = moved[answered.around]
        squared = ((targets[:, None] - around) ** 2).sum(2)
        nearest, far = squared.argmin(1), squared.min(1)
        kept = far <= np.quantile(far, _TRIMMED)
        scale, rotation, shift = fitted_motion(around[nearest[kept]], targets[kept], scaled=scaled)
        moved = scale * moved @ rotation.T + shift
    moved = _foot_aligned(moved, answered, targets, scaled=scaled)
    queries = goal[true_face.face]
    return Aligned(moved, distances(queries, moved, answered))


def _middled(moved: Array, face: NDArray[np.int64], goal: Array, *, scaled: bool) -> Array:
    middle = moved[face].mean(0)
    size = np.linalg.norm(moved[face] - middle, axis=1).mean()
    scale = np.linalg.norm(goal - goal.mean(0), axis=1).mean() / size if scaled else 1.0
    centred: Array = (moved - middle) * scale + goal.mean(0)
    return centred


def _foot_aligned(moved: Array, answered: FaceSurface, targets: Array, *, scaled: bool) -> Array:
    """Align once more, on points of the surface in place of vertices."""
    for _ in range(2):
        feet = _feet(targets, moved, answered).numpy().astype(np.float64)
        far = np.linalg.norm(feet - targets, axis=1)
        kept = far <= np.quantile(far, _TRIMMED)
        scale, rotation, shift = fitted_motion(feet[kept], targets[kept], scaled=scaled)
        moved = scale * moved @ rotation.T + shift
    return moved


def _feet(queries: Array, vertices: Array, face: FaceSurface) -> Tensor:
    points = torch.from_numpy(vertices[face.around]).float()
    return closest_points(torch.from_numpy(queries).float(), points, face.triangles).points


def distances(queries: Array, vertices: Array, face: FaceSurface) -> Array:
    """Return the distance ``[N]`` of points to a face's surface, in metres."""
    feet = _feet(queries, vertices, face).numpy()
    found: Array = np.linalg.norm(feet - queries, axis=1)
    return found
