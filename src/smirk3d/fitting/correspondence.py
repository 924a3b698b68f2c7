"""Correspondence of two heads: surface points at the same place of a face.

The target's template is brought onto the source's: by a similarity and a smooth warp through the
landmarks that both have, then step by step towards the closest surface, with a displacement that is
kept smooth over the mesh and ever less so (non-rigid iterative closest points, Amberg et al. 2007,
with smoothing in place of a linear system).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smirk3d.array_interface import to_numpy
from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.conventions import IRIS_RIGHT
from smirk3d.errors import AssetError
from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import faces_within, vertex_normals
from smirk3d.heads.head_model import HeadModel

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

    source_corners: Tensor
    source_bary: Tensor
    target_corners: Tensor
    target_bary: Tensor
    weights: Tensor
    rotation: Tensor
    translation: Tensor
    distance: Tensor

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


@torch.no_grad()
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
    corners, bary, weights = _draw(target, _skin(target), num_points, seed)
    if source.faces.shape == target.faces.shape and torch.equal(source.faces, target.faces):
        return _shared_mesh(source, target, corners, bary, weights)
    marks_source, marks_target = _common_landmarks(source, target)
    scale, rotation, translation = _similarity(marks_target, marks_source)
    warped = scale * target.v_template @ rotation.T + translation
    warped_marks = scale * marks_target @ rotation.T + translation
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
    source: HeadModel, target: HeadModel, corners: Tensor, bary: Tensor, weights: Tensor
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
        distance=(theirs @ rotation.T + translation - ours).norm(dim=1),
    )


def _common_landmarks(source: HeadModel, target: HeadModel) -> tuple[Tensor, Tensor]:
    theirs = _stable_landmarks(target)
    rows = [
        (row, theirs[mark]) for mark, row in _stable_landmarks(source).items() if mark in theirs
    ]
    if len(rows) < _FEWEST_LANDMARKS:
        raise AssetError(
            f"heads {source.name!r} and {target.name!r} share {len(rows)} landmarks, too few to "
            "compare them: import them again so that landmarks are embedded"
        )
    first, second = torch.tensor(rows).unbind(1)
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


def _similarity(points: Tensor, onto: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return scale, rotation and translation that map points onto others (Umeyama 1991)."""
    centred, goal = points - points.mean(0), onto - onto.mean(0)
    left, stretch, right = torch.linalg.svd(goal.T @ centred)
    sign = torch.ones_like(stretch)
    sign[-1] = torch.sign(torch.linalg.det(left @ right))
    rotation = left * sign @ right
    scale = (stretch * sign).sum() / centred.square().sum()
    return scale, rotation, onto.mean(0) - scale * rotation @ points.mean(0)


def _warp(landmarks: Tensor, offsets: Tensor, points: Tensor) -> Tensor:
    """Return the smoothest offsets ``[P, 3]`` at points that approximate given offsets.

    Thin-plate spline in space: kernel ``r``, affine part, ridge in metres.
    """
    count = len(landmarks)
    kernel = torch.cdist(landmarks, landmarks) - _WARP_RIDGE * torch.eye(count)
    affine = torch.cat([torch.ones(count, 1), landmarks], 1)
    system = torch.cat(
        [torch.cat([kernel, affine], 1), torch.cat([affine.T, torch.zeros(4, 4)], 1)]
    ).double()
    solved = torch.linalg.solve(system, torch.cat([offsets, torch.zeros(4, 3)]).double()).float()
    reach = torch.cat([torch.ones(len(points), 1), points], 1)
    return torch.cdist(points, landmarks) @ solved[:count] + reach @ solved[count:]


def _skin(head: HeadModel, margin: float = 0.0) -> Tensor:
    """Return the triangles ``[F', 3]`` of the face's outer skin.

    A margin in metres adds the skin around the face.
    """
    chosen = head.regions["face"] & (head.part == 0)
    if margin:
        face = head.v_template[chosen]
        low, high = face.amin(0) - margin, face.amax(0) + margin
        chosen = (head.part == 0) & ((head.v_template > low) & (head.v_template < high)).all(1)
    return head.faces[faces_within(head.faces, chosen)]


def _normals(head: HeadModel) -> Tensor:
    return vertex_normals(head.v_template[None], head.faces)[0]


def _at(values: Tensor, corners: Tensor, bary: Tensor) -> Tensor:
    return (values[corners] * bary[..., None]).sum(1)


def _registered(
    warped: Tensor, target: HeadModel, skin: Tensor, source: HeadModel, onto: Tensor
) -> Tensor:
    """Return the target's vertices moved step by step onto the source's skin."""
    used = skin.unique()
    edges = torch.cat([target.faces[:, [0, 1]], target.faces[:, [1, 2]], target.faces[:, [2, 0]]])
    goal_normals = _normals(source)
    for steps in _SMOOTHING_STEPS:
        normals = vertex_normals(warped[None], target.faces)[0, used]
        found = closest_points(warped[used], source.v_template, onto)
        facing = _at(goal_normals, onto[found.face_index], found.barycentric)
        trusted = (found.distance < _FARTHEST_MATCH) & ((normals * facing).sum(1) > _FACING)
        pull = torch.zeros_like(warped)
        trust = torch.zeros(len(warped))
        pull[used] = torch.where(trusted[:, None], found.points - warped[used], 0.0)
        trust[used] = trusted.float()
        warped = warped + _smoothed(pull, trust, edges, steps)
    return warped


def _smoothed(pull: Tensor, trust: Tensor, edges: Tensor, steps: int) -> Tensor:
    """Return offsets averaged over neighbours ``steps`` times; untrusted ones have no weight."""
    field, weight = pull * trust[:, None], trust
    start, end = edges.unbind(1)
    count = torch.zeros(len(pull)).index_add(0, start, torch.ones(len(start)))
    count = count.index_add(0, end, torch.ones(len(end))).clamp(min=1)
    for _ in range(steps):
        total = torch.zeros_like(field).index_add(0, start, field[end])
        total = total.index_add(0, end, field[start])
        field = (field + total / count[:, None]) / 2
        passed = torch.zeros_like(weight).index_add(0, start, weight[end])
        weight = (weight + passed.index_add(0, end, weight[start]) / count) / 2
    return torch.where(weight[:, None] > 1e-3, field / weight[:, None].clamp(min=1e-3), 0.0)


def _draw(
    head: HeadModel, faces: Tensor, num_points: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return points on triangles, by area, four times as dense on lips and around the eyes.

    Returns:
        Corners ``[P, 3]``, barycentrics ``[P, 3]`` and weights ``[P]``.
    """
    rng = np.random.default_rng(seed)
    a, b, c = head.v_template[faces].unbind(1)
    area = torch.linalg.cross(b - a, c - a).norm(dim=1)
    fine = torch.zeros_like(head.part) > 0
    for region in ("lips", "eyes"):
        fine |= head.regions.get(region, fine)
    density = area * torch.where(fine[faces].all(1), 4.0, 1.0)
    chance = to_numpy(density).astype(np.float64)
    chosen = rng.choice(len(chance), num_points, p=chance / chance.sum())
    u, v = torch.as_tensor(rng.random((2, num_points), np.float32)).unbind(0)
    root = u.sqrt()
    bary = torch.stack([1 - root, root * (1 - v), root * v], 1)
    return faces[chosen], bary, torch.ones(num_points)
