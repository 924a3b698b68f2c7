"""Correspondence of two heads: surface points at the same place of a face.

The target's template is brought onto the source's: by a similarity and a smooth warp through the
landmarks that both have, then step by step towards the closest surface, with a displacement that is
kept smooth over the mesh and ever less so (non-rigid iterative closest points, Amberg et al. 2007,
with smoothing in place of a linear system).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import add_at, distances
from smirk3d.conventions import IRIS_RIGHT
from smirk3d.errors import AssetError
from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import faces_within, vertex_normals
from smirk3d.heads.head_model import HeadModel

Values = NDArray[np.float32]
Ids = NDArray[np.int64]

_STABLE_SIGMA = 0.005
"""Largest standard deviation in metres of a landmark that guides the registration; by eye."""

_FEWEST_LANDMARKS = 30
"""Landmarks that both heads must have: with fewer the warp bends between them; chosen by hand."""

_SMOOTHING_STEPS = (40, 20, 10, 5, 2)
"""Rounds of smoothing of each step of the registration, from stiff to loose; chosen by eye."""

_FARTHEST_MATCH = 0.008
"""Metres within which a closest point attracts a vertex during the registration; by eye."""

_FARTHEST_POINT = 0.0025
"""Metres between the registered surfaces up to which a pair of points is kept; by eye."""

_FACING = 0.6
"""Least cosine between the normals of a pair of points; chosen by eye."""

_WARP_RIDGE = 2e-3
"""Metres of regularization of the thin-plate spline; chosen by eye."""

_MARGIN = 0.02
"""Metres of skin around the source's face that give partners to the target's edge; by eye."""


@dataclass(frozen=True)
class SurfaceCorrespondence:
    """Pairs of surface points of a source and a target head.

    Attributes:
        source_corners: vertices of each point's triangle on the source ``[P, 3]``.
        source_bary: barycentric coordinates within these triangles ``[P, 3]``.
        target_corners: vertices of each point's triangle on the target ``[P, 3]``.
        target_bary: barycentric coordinates within these triangles ``[P, 3]``.
        weights: weight of each pair ``[P]``; they sum to 1.
        rotation: ``[3, 3]``; ``rotation @ x + translation`` maps a point of the target's frame to
            the source's, without change of size.
        translation: translation of this motion ``[3]`` in metres.
        distance: distance in metres between the registered templates at each pair ``[P]``.
    """

    source_corners: Ids
    source_bary: Values
    target_corners: Ids
    target_bary: Values
    weights: Values
    rotation: Values
    translation: Values
    distance: Values

    def reversed(self) -> SurfaceCorrespondence:
        """Return the same pairs from target to source."""
        return SurfaceCorrespondence(
            source_corners=self.target_corners,
            source_bary=self.target_bary,
            target_corners=self.source_corners,
            target_bary=self.source_bary,
            weights=self.weights,
            rotation=self.rotation.T,
            translation=-self.rotation.T @ self.translation,
            distance=self.distance,
        )


def find_correspondence(
    source: HeadModel, target: HeadModel, *, num_points: int = 1500, seed: int = 0
) -> SurfaceCorrespondence:
    """Return corresponding points of two heads, on the skin of the face.

    Heads of one mesh correspond triangle by triangle; others need landmarks.

    Args:
        source: a head.
        target: another head.
        num_points: number of points drawn on the target's face; somewhat fewer find a partner.
        seed: seed of the draw.

    Raises:
        AssetError: if heads of different meshes share fewer than 30 landmarks.
    """
    source, target = source.to_numpy(), target.to_numpy()
    corners, bary, weights = _draw(target, _skin(target), num_points, seed)
    if np.array_equal(source.faces, target.faces):
        return _shared_mesh(source, target, corners, bary, weights)
    marks_source, marks_target = _common_landmarks(source, target)
    scale, rotation, translation = _similarity(marks_target, marks_source)
    turn = np.asarray(scale * rotation.T, np.float32)
    warped = target.v_template @ turn + translation
    warped_marks = marks_target @ turn + translation
    warped = warped + _warp(warped_marks, marks_source - warped_marks, warped)
    onto = _skin(source, margin=_MARGIN)
    warped = _registered(warped, target, _skin(target), source, onto)
    normals = _at(vertex_normals(warped[None], target.faces)[0], corners, bary)
    found = closest_points(_at(warped, corners, bary), source.v_template, onto)
    there = onto[found.face_index]
    facing = _at(_normals(source), there, found.barycentric)
    kept = (found.distance < _FARTHEST_POINT) & ((normals * facing).sum(1) > _FACING)
    return SurfaceCorrespondence(
        source_corners=there[kept],
        source_bary=found.barycentric[kept],
        target_corners=corners[kept],
        target_bary=bary[kept],
        weights=weights[kept] / weights[kept].sum(),
        rotation=rotation,
        translation=marks_source.mean(0) - rotation @ marks_target.mean(0),
        distance=found.distance[kept],
    )


def _shared_mesh(
    source: HeadModel, target: HeadModel, corners: Ids, bary: Values, weights: Values
) -> SurfaceCorrespondence:
    """Return the pairs of two heads of one mesh, such as FLAME 2020 and 2023."""
    ours, theirs = _at(source.v_template, corners, bary), _at(target.v_template, corners, bary)
    _, rotation, _ = _similarity(theirs, ours)
    translation = ours.mean(0) - rotation @ theirs.mean(0)
    return SurfaceCorrespondence(
        source_corners=corners,
        source_bary=bary,
        target_corners=corners,
        target_bary=bary,
        weights=weights / weights.sum(),
        rotation=rotation,
        translation=translation,
        distance=np.linalg.norm(theirs @ rotation.T + translation - ours, axis=1),
    )


def _common_landmarks(source: HeadModel, target: HeadModel) -> tuple[Values, Values]:
    theirs = _stable_landmarks(target)
    rows = [
        (row, theirs[mark]) for mark, row in _stable_landmarks(source).items() if mark in theirs
    ]
    if len(rows) < _FEWEST_LANDMARKS:
        raise AssetError(
            f"heads {source.name!r} and {target.name!r} share {len(rows)} landmarks, too few to "
            "compare them: import them again so that landmarks are embedded"
        )
    first, second = np.array(rows).T
    return (
        source.landmarks(source.v_template[None])[0, first],
        target.landmarks(target.v_template[None])[0, second],
    )


def _stable_landmarks(head: HeadModel) -> dict[int, int]:
    """Return the row of each landmark with a stable position on the skin, by its number."""
    ids, sigma = head.landmark_ids.tolist(), head.landmark_sigma.tolist()
    return {
        mark: row
        for row, (mark, std) in enumerate(zip(ids, sigma, strict=True))
        if mark < IRIS_RIGHT and std <= _STABLE_SIGMA
    }


def _similarity(points: Values, onto: Values) -> tuple[float, Values, Values]:
    """Return scale, rotation and translation that map points onto others (Umeyama 1991)."""
    centred, goal = points - points.mean(0), onto - onto.mean(0)
    left, stretch, right = np.linalg.svd(goal.T @ centred)
    sign = np.ones_like(stretch)
    sign[-1] = np.sign(np.linalg.det(left @ right))
    rotation = left * sign @ right
    scale = float((stretch * sign).sum() / (centred * centred).sum())
    return scale, rotation, onto.mean(0) - scale * rotation @ points.mean(0)


def _warp(landmarks: Values, offsets: Values, points: Values) -> Values:
    """Return the smoothest offsets ``[P, 3]`` at points that approximate given offsets.

    Thin-plate spline in space: kernel ``r``, affine part, ridge in metres.
    """
    count = len(landmarks)
    kernel = distances(landmarks, landmarks) - _WARP_RIDGE * np.eye(count, dtype=np.float32)
    affine = np.column_stack([np.ones(count, np.float32), landmarks])
    system = np.block([[kernel, affine], [affine.T, np.zeros((4, 4))]])
    right = np.concatenate([offsets, np.zeros((4, 3))])
    solved = np.linalg.solve(system, right).astype(np.float32)
    reach = np.column_stack([np.ones(len(points), np.float32), points])
    bent: Values = distances(points, landmarks) @ solved[:count] + reach @ solved[count:]
    return bent


def _skin(head: HeadModel, margin: float = 0.0) -> Ids:
    """Return the triangles ``[F', 3]`` of the face's outer skin.

    A margin in metres adds the skin around the face.
    """
    chosen = head.regions["face"] & (head.part == 0)
    if margin:
        face = head.v_template[chosen]
        low, high = face.min(axis=0) - margin, face.max(axis=0) + margin
        chosen = (head.part == 0) & ((head.v_template > low) & (head.v_template < high)).all(1)
    faces: Ids = head.faces[faces_within(head.faces, chosen)]
    return faces


def _normals(head: HeadModel) -> Values:
    normals: Values = vertex_normals(head.v_template[None], head.faces)[0]
    return normals


def _at(values: Values, corners: Ids, bary: Values) -> Values:
    mixed: Values = (values[corners] * bary[..., None]).sum(1)
    return mixed


def _registered(
    warped: Values, target: HeadModel, skin: Ids, source: HeadModel, onto: Ids
) -> Values:
    """Return the target's vertices moved step by step onto the source's skin."""
    used = np.unique(skin)
    edges = np.concatenate([target.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    goal_normals = _normals(source)
    for steps in _SMOOTHING_STEPS:
        normals = vertex_normals(warped[None], target.faces)[0, used]
        found = closest_points(warped[used], source.v_template, onto)
        facing = _at(goal_normals, onto[found.face_index], found.barycentric)
        trusted = (found.distance < _FARTHEST_MATCH) & ((normals * facing).sum(1) > _FACING)
        pull, trust = np.zeros_like(warped), np.zeros_like(warped[:, 0])
        pull[used] = (found.points - warped[used]) * trusted[:, None]
        trust[used] = trusted
        warped = warped + _smoothed(pull, trust, edges, steps)
    return warped


def _smoothed(pull: Values, trust: Values, edges: Ids, steps: int) -> Values:
    """Return offsets averaged over neighbours ``steps`` times; untrusted ones have no weight."""
    field, weight = pull * trust[:, None], trust
    start, end = edges.ravel(), edges[:, ::-1].ravel()
    count = np.bincount(start, minlength=len(pull)).clip(1).astype(pull.dtype)
    for _ in range(steps):
        field = (field + add_at(np.zeros_like(field), 0, start, field[end]) / count[:, None]) / 2
        weight = (weight + add_at(np.zeros_like(weight), 0, start, weight[end]) / count) / 2
    return np.where(weight[:, None] > 1e-3, field / weight[:, None].clip(1e-3), 0)


def _draw(head: HeadModel, faces: Ids, num_points: int, seed: int) -> tuple[Ids, Values, Values]:
    """Return points on triangles, by area, four times as dense on lips and around the eyes.

    Returns:
        Corners ``[P, 3]``, barycentrics ``[P, 3]`` and weights ``[P]``.
    """
    rng = np.random.default_rng(seed)
    a, b, c = head.v_template[faces].swapaxes(0, 1)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    fine = np.zeros(head.num_vertices, bool)
    for region in ("lips", "eyes"):
        fine |= head.regions.get(region, fine)
    chance = area.astype(np.float64) * np.where(fine[faces].all(1), 4.0, 1.0)
    chosen = rng.choice(len(chance), num_points, p=chance / chance.sum())
    u, v = rng.random((2, num_points), np.float32)
    root = np.sqrt(u)
    bary = np.stack([1 - root, root * (1 - v), root * v], 1)
    return faces[chosen], bary, np.ones(num_points, np.float32)
