"""Figures of shape: the person's face, the posed face, and whether a person stays the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.truth.actions import ActionTruth, turned_pairs
from smirk3d.evaluation.truth.answers import Answers
from smirk3d.evaluation.truth.faces import TruthFaces
from smirk3d.evaluation.truth.figures import Figure, figure, mean_figure
from smirk3d.evaluation.truth.subsets import EXPRESSIONS, expression_weights
from smirk3d.evaluation.truth.surfaces import (
    FaceSurface,
    aligned,
    distances,
    face_surface,
    spaced,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import installed_heads, load_head

Array = NDArray[np.floating]

_MOST = 40
"""Faces of a set whose surfaces are compared; bounds the time."""
_POINTS = 800
"""Points of the true face whose distance is measured; spaced evenly over its vertices."""
_FEWEST = 3
"""People who count as a population; with two there is one distance."""
_ALIKE = 0.9
"""Cosine between actions from which a face counts as one of the named expressions; by hand."""


class ShapeTruth:
    """The true surfaces of a set's people.

    Attributes:
        faces: the faces.
        surface: which part of these meshes is the face.
    """

    def __init__(self, faces: TruthFaces) -> None:
        """Read neutral heads; the set must have ``neutral``, ``faces`` and ``face_region``."""
        self.faces = faces
        self._people = people = faces.labels["neutral"]
        self._person = faces.labels.person_rows[faces.rows]
        region = faces.labels["face_region"].astype(bool)
        whole = face_surface(people.mean(0), faces.labels["faces"], region)
        self.surface = whole.thinned(_POINTS)
        self._posed = _posed(faces)

    def neutral(self, row: int) -> Array:
        """Return the vertices ``[V, 3]`` of a face's person without expression, metres."""
        neutral: Array = self._people[self._person[row]].astype(np.float64)
        return neutral

    def posed(self, row: int) -> Array | None:
        """Return the posed vertices ``[V, 3]`` of a face, metres; None where not known."""
        return None if self._posed is None else self._posed(row)


def shape_truth(faces: TruthFaces) -> ShapeTruth | None:
    """Return the true surfaces of a set, None where its labels lack them."""
    needed = ("neutral", "faces", "face_region")
    if not len(faces) or not all(name in faces.labels for name in needed):
        return None
    return ShapeTruth(faces)


def _posed(faces: TruthFaces) -> Callable[[int], Array] | None:
    """Return what gives a face's posed vertices, None where they are not known."""
    posed = faces.label("posed")
    if posed is not None:
        return lambda row: posed[row].astype(np.float64)
    parameters, meta = faces.labels.parameters(), faces.labels.meta
    if parameters is None or str(meta.get("head")) not in dict(installed_heads()):
        return None
    head = load_head(str(meta["head"]))
    if head.fingerprint != meta.get("fingerprint"):
        return None
    own = parameters[torch.from_numpy(faces.rows)]

    @torch.no_grad()
    def pose(row: int) -> Array:
        vertices: Array = head(own[row : row + 1]).vertices[0].numpy().astype(np.float64)
        return vertices

    return pose


def own_surface(head: HeadModel) -> FaceSurface:
    """Return the face of a head's meshes: skin alone."""
    skin = head.part == 0
    triangles = head.faces[skin[head.faces].all(1)].numpy()
    region = (head.regions["face"] & skin).numpy()
    return face_surface(head.v_template.numpy(), triangles, region).thinned(_POINTS)


def shape_figures(truth: ShapeTruth, found: Answers) -> Iterator[Figure]:
    """Yield distances from the true to the answered surfaces, neutral and posed."""
    if "face" not in found.head.regions:
        return
    rows, own = spaced(np.arange(len(truth.faces)), _MOST), own_surface(found.head)
    person = truth.faces.person[rows]
    mean_face = found.head(found.head.neutral()).vertices[0].detach().numpy()
    errors: list[Array] = []
    of_mean: list[Array] = []
    posed: list[float] = []
    neutral, moved = found.neutral(rows), found.posed(rows)
    for place, row in enumerate(rows.tolist()):
        true = truth.neutral(row)
        for vertices, kept in ((neutral[place], errors), (mean_face, of_mean)):
            kept.append(aligned(vertices, own, true, truth.surface, scaled=True).distance)
        seen = truth.posed(row)
        if seen is not None:
            posed.append(chamfer(moved[place], own, seen, truth.surface))
    median, mean = (1e3 * reduce(errors, axis=1) for reduce in (np.median, np.mean))
    reference = 1e3 * np.median(of_mean, axis=1)
    yield mean_figure("scan to surface, median, mm", person, median)
    yield mean_figure("scan to surface, mean, mm", person, mean)
    yield mean_figure("scan to the mean face's surface, median, mm", person, reference)
    yield mean_figure("fraction nearer than the mean face", person, (median < reference) * 1.0)
    if posed:
        yield mean_figure("posed, rigid: Chamfer, mm", person, 1e3 * np.array(posed))


def chamfer(answer: Array, own: FaceSurface, truth: Array, true_face: FaceSurface) -> float:
    """Return the mean of both mean distances between posed faces, aligned without scale, metres."""
    brought = aligned(answer, own, truth, true_face, scaled=False)
    back = distances(brought.vertices[own.face], np.asarray(truth, np.float64), true_face)
    return float(brought.distance.mean() + back.mean()) / 2


def sameness_figures(truth: ActionTruth, found: Answers) -> Iterator[Figure]:
    """Yield how far a person's neutral face moves as he or she turns or smiles, in mm.

    Vertices of the face are compared in the head's own frame, without alignment.
    """
    person = truth.faces.person
    for angle, pairs in turned_pairs(truth).items():
        yield from _change(f"same person over {angle} degrees, mm", person, found, pairs)
    for name, pairs in expression_pairs(truth).items():
        yield from _change(f"same person over {name}, mm", person, found, pairs)


def _change(
    name: str, person: NDArray[np.int64], found: Answers, pairs: list[tuple[int, int]]
) -> Iterator[Figure]:
    if not pairs:
        return
    first, second = np.array(pairs).T
    moved = _distance(found, first, second)
    yield mean_figure(name, person[first], moved)


def _distance(found: Answers, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
    """Return the mean distances ``[R]`` in mm of neutral faces' vertices."""
    face = found.head.regions.get("face", found.head.part == 0).numpy()
    between = found.neutral(first)[:, face] - found.neutral(second)[:, face]
    distance: Array = 1e3 * np.linalg.norm(between, axis=2).mean(1)
    return distance


def expression_pairs(truth: ActionTruth) -> dict[str, list[tuple[int, int]]]:
    """Return, by named expression, rows of a person's neutral face and of the expression."""
    pairs: dict[str, list[tuple[int, int]]] = {}
    for name in EXPRESSIONS:
        wanted = np.zeros(len(ARKIT_NAMES))
        for action, weight in expression_weights(name).items():
            wanted[ARKIT_NAMES.index(action)] = weight
        own = truth.weights[:, truth.columns]
        wanted = wanted[truth.columns]
        size = np.linalg.norm(own, axis=1) * np.linalg.norm(wanted)
        alike = np.divide(own @ wanted, size, out=np.zeros(len(own)), where=size > 0) > _ALIKE
        found = [(truth.neutral_partner(int(row)), int(row)) for row in np.flatnonzero(alike)]
        pairs[name] = [(first, row) for first, row in found if first is not None]
    return pairs


def population_figures(truth: TruthFaces, found: Answers) -> Iterator[Figure]:
    """Yield what a population's answers are like: distances between people, and the codes.

    Each person counts once, by the first picture.
    """
    _, rows = np.unique(truth.person, return_index=True)
    if len(rows) < _FEWEST:
        return
    person = truth.person[rows]
    partners = np.roll(rows, 1)
    yield mean_figure("distance between people's answers, mm", person,
                      _distance(found, rows, partners))  # fmt: skip
    if "neutral" in truth.labels and "face_region" in truth.labels:
        face = truth.labels["face_region"].astype(bool)
        heads = truth.labels["neutral"][truth.labels.person_rows[truth.rows[rows]]][:, face]
        apart = 1e3 * np.linalg.norm(heads - np.roll(heads, 1, 0), axis=2).mean(1)
        yield mean_figure("true distance between people, mm", person, apart)
    codes = found.parameters.shape.numpy()[rows]
    if codes.shape[1]:
        yield figure("identity code: largest absolute mean", person,
                     lambda r: float(np.abs(codes[r].mean(0)).max()))  # fmt: skip
        yield figure("identity code: mean std of components", person,
                     lambda r: float(codes[r].std(0).mean()))  # fmt: skip
