"""Distances between surfaces of different heads after an alignment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.geometry.closest_points import closest_points_among
from smirk3d.geometry.meshes import faces_within

Array = NDArray[np.floating]

_QUERIES = 400
"""Points that guide the alignment; twice as many change the distances by less than 1 %."""
_ROUNDS = 15
"""Rounds of closest points; the distances change by less than 1 % after ten."""
_LAST_ROUNDS = 3
"""Of these, on points of the surface in place of vertices."""
_TRIMMED = 0.9
"""Of the points that count in a round: the farthest lie where one face ends before the other."""


@dataclass(frozen=True, eq=False)
class FaceSurface:
    """Which part of a mesh is the face, with a margin that gives partners to its edge.

    Attributes:
        face: numbers of the face's vertices ``[N]``.
        around: numbers of the vertices of face and margin ``[M]``.
        triangles: of these ``[F, 3]``, numbered in ``around``.
        at_vertex: triangles at each of them ``[M, K]``, the last one repeated.
    """

    face: NDArray[np.int64]
    around: NDArray[np.int64]
    triangles: Tensor
    at_vertex: Tensor

    def thinned(self, count: int) -> FaceSurface:
        """Return the same surface with so many vertices of the face, spaced evenly."""
        return replace(self, face=spaced(self.face, count))


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
    triangles = number[all_faces[kept]]
    # a vertex at the edge may have no whole triangle: it gives no partners
    used = triangles.unique()
    renumbered = torch.full((len(around),), -1)
    renumbered[used] = torch.arange(len(used))
    triangles = renumbered[triangles]
    return FaceSurface(
        np.flatnonzero(region), around[used].numpy(), triangles, _at_vertices(triangles, len(used))
    )


def _at_vertices(triangles: Tensor, count: int) -> Tensor:
    """Return the triangles at each vertex ``[M, K]``, one of them repeated to fill the row."""
    corner = triangles.flatten()
    order = corner.argsort(stable=True)
    sizes = torch.bincount(corner, minlength=count)
    place = torch.arange(len(corner)) - (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    owner = order // 3
    table = owner[sizes.cumsum(0) - 1][:, None].repeat(1, int(sizes.max()))
    table[corner[order], place] = owner
    return table


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
    moved: Array = np.asarray(answer, np.float64)
    goal = np.asarray(truth, np.float64)
    targets = goal[spaced(true_face.face, _QUERIES)]
    moved = _middled(moved, answered.face, goal[true_face.face], scaled=scaled)
    for number in range(_ROUNDS):
        # vertices first, then points of the surface
        if number < _ROUNDS - _LAST_ROUNDS:
            around = moved[answered.around]
            feet = around[_nearest(targets, around)]
        else:
            feet = _feet(targets, moved, answered)
        far = np.linalg.norm(feet - targets, axis=1)
        kept = far <= np.quantile(far, _TRIMMED)
        scale, rotation, shift = fitted_motion(feet[kept], targets[kept], scaled=scaled)
        moved = scale * moved @ rotation.T + shift
    return Aligned(moved, distances(goal[true_face.face], moved, answered))


def _middled(moved: Array, face: NDArray[np.int64], goal: Array, *, scaled: bool) -> Array:
    middle = moved[face].mean(0)
    size = np.linalg.norm(moved[face] - middle, axis=1).mean()
    scale = np.linalg.norm(goal - goal.mean(0), axis=1).mean() / size if scaled else 1.0
    centred: Array = (moved - middle) * scale + goal.mean(0)
    return centred


def _nearest(queries: Array, points: Array) -> NDArray[np.int64]:
    """Return the number of the point nearest to each query ``[N]``."""
    near = torch.cdist(torch.from_numpy(queries).float(), torch.from_numpy(points).float())
    numbers: NDArray[np.int64] = near.argmin(1).numpy()
    return numbers


def _feet(queries: Array, vertices: Array, face: FaceSurface) -> Array:
    """Return the points of a face's surface closest to queries ``[N, 3]``.

    They are sought on the triangles around the nearest vertex.
    """
    around = vertices[face.around]
    corners = torch.from_numpy(around).float()[face.triangles]
    near = face.at_vertex[torch.from_numpy(_nearest(queries, around))]
    points = closest_points_among(torch.from_numpy(queries).float(), corners, near)
    feet: Array = points.numpy().astype(np.float64)
    return feet


def distances(queries: Array, vertices: Array, face: FaceSurface) -> Array:
    """Return the distance ``[N]`` of points to a face's surface, in metres."""
    found: Array = np.linalg.norm(_feet(queries, vertices, face) - queries, axis=1)
    return found
