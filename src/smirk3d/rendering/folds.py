"""Folds of the skin that actions draw: nasolabial, frown and forehead lines, crow's feet.

A fold is a groove along a line on the template, given by MediaPipe's landmarks, finer than the
mesh: it changes normals, not positions. Pictures evaluate it at each ray, GLB as a normal map, the
HTML page as heights by which it bends normals while actions change.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy, without_gradients
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import faces_within, unit
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.landmarks.mediapipe import mirrored_ids
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters

Values = NDArray[np.float32]

Place = tuple[int, int, float]
"""A point between two of MediaPipe's landmarks: the first, the second, the fraction of the way."""

_LEAST = 0.02
"""Strength up to which a fold is left out: it could not be seen."""
_REACH = 4.0
"""Widths of a groove beyond which it is flat: its profile has fallen to a thousandth."""
_TAPER = 0.22
"""Fraction of a line's length over which a groove begins and ends; set by eye."""
_STEPS = 4
"""Pieces of a line between two of its places: its corners are then not seen, and of a line that is
laid on the skin at their ends the rest lies within half a width; set by eye."""
_BULGE = 0.35
"""Height of the skin that a groove pushes up beside it, as a fraction of its depth; set by eye."""
_BULGE_AT = 1.9
"""Widths from a groove's middle at which that skin is highest; set by eye."""
_BULGE_WIDTH = 1.1
"""Of its Gaussian profile, in widths of the groove; set by eye."""


_LAYING = threading.Lock()
"""Held while folds are laid on a head, so that a second thread waits for them."""


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A groove of the right half of the face; the left half has its mirror image.

    Attributes:
        line: the places that it passes, in order.
        width: of its Gaussian profile, in metres.
        depth: in metres where it is whole.
        actions: how much each action draws it, by name without side; 1 in all is whole.
    """

    line: tuple[Place, ...]
    width: float
    depth: float
    actions: Mapping[str, float]


_ACTIONS = {
    "nasolabial": {"mouthSmile": 0.75, "noseSneer": 0.6, "mouthUpperUp": 0.5, "cheekSquint": 0.3},
    "forehead": {"browInnerUp": 0.55, "browOuterUp": 0.65},
    "frown": {"browDown": 0.95, "noseSneer": 0.15},
    "crow's feet": {"cheekSquint": 0.55, "eyeSquint": 0.45, "mouthSmile": 0.3},
}
"""How deep each fold is at the full weight of the actions that make it, as a fraction of its depth
where it is whole; set by eye."""

FOLDS = (
    Fold(
        line=((129, 129, 0.0), (203, 129, 0.2), (206, 186, 0.3), (216, 57, 0.4), (212, 57, 0.3),
              (212, 202, 0.6)),
        width=0.0032, depth=0.0008, actions=_ACTIONS["nasolabial"],
    ),
    *(
        Fold(
            line=((9, 10, at), (107, 109, at), (105, 103, 0.95 * at), (63, 54, 0.7 * at)),
            width=0.0016, depth=0.0006, actions=_ACTIONS["forehead"],
        )
        for at in (0.30, 0.46, 0.62)
    ),
    Fold(line=((8, 55, 0.5), (9, 107, 0.5), (107, 151, 0.5)), width=0.0014, depth=0.0008,
         actions=_ACTIONS["frown"]),
    *(
        Fold(line=((130, first, 0.3), (130, first, 0.85)), width=0.0010, depth=0.0004,
             actions=_ACTIONS["crow's feet"])
        for first in (139, 34, 227)
    ),
)  # fmt: skip
"""Lines, widths, depths and strengths are ours: set by eye on pictures of the 52 actions."""


@dataclass(frozen=True)
class Relief:
    """Folds that the same actions draw, on both sides.

    Attributes:
        actions: how much each action draws them, by name without side.
        depth: in metres of the deepest where it is whole.
        grooves: each fold with its line ``[P, 3]`` on the template.
    """

    actions: Mapping[str, float]
    depth: float
    grooves: tuple[tuple[Fold, Values], ...]

    def drawn_by(self, side: str) -> dict[str, float]:
        """Return how much each of ARKit's actions draws the folds of a side, Left or Right."""
        return _drawn_by(self.actions, side)

    def heights(self, points: Values) -> Values:
        """Return the height ``[N]`` of the skin at points ``[N, 3]`` of the template.

        It is a fraction of the depth, from -1 in a groove that is whole to 0.35 beside it.
        """
        found = np.zeros_like(points[:, 0])
        for fold, line in self.grooves:
            ids = _near(points, line, fold.width)
            found[ids] += fold.depth / self.depth * _height(points[ids], line, fold.width)
        return found


@dataclass(frozen=True)
class Slopes:
    """The gradient of the height of a face's skin.

    Attributes:
        grooves: depth and width in metres, and the line ``[P, 3]`` on the template, of each fold.
    """

    grooves: tuple[tuple[float, float, Values], ...]

    def __call__(self, points: Values) -> Values:
        """Return the gradient ``[N, 3]`` at points ``[N, 3]`` of the template."""
        found = np.zeros_like(points)
        for depth, width, line in self.grooves:
            ids = _near(points, line, width)
            found[ids] += _groove(points[ids], line, depth, width)
        return found

    def reach(self, template: Values, faces: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which triangles ``[F]`` of a template may have a gradient.

        Args:
            template: vertices at rest ``[V, 3]``.
            faces: ``[F, 3]``.
        """
        reached = np.zeros(len(faces), np.bool_)
        axes = [[axis[corner] for corner in faces.T] for axis in template.T]
        lows = [np.minimum(np.minimum(a, b), c) for a, b, c in axes]
        highs = [np.maximum(np.maximum(a, b), c) for a, b, c in axes]
        for _, width, line in self.grooves:
            inside = np.ones(len(faces), np.bool_)
            for low, high, *bounds in zip(lows, highs, *_box(line, width), strict=True):
                inside &= (low < bounds[1]) & (high > bounds[0])
            reached |= inside
        return reached


class SkinFolds:
    """The folds of a head's template, for faces of that head."""

    def __init__(self, head: HeadModel) -> None:
        """Lay the folds on a head with named actions and MediaPipe's landmarks."""
        points = to_numpy(head.landmarks(head.v_template[None])[0]).astype(np.float32)
        where = dict(zip(head.landmark_ids.tolist(), points, strict=True))
        rest, faces = to_numpy(head.v_template).astype(np.float32), to_numpy(head.faces)
        faces = faces[faces_within(faces, to_numpy(head.part) == PARTS.index("skin"))]
        other = mirrored_ids().tolist()
        self._head = head
        self._grooves: list[tuple[Fold, Values]] = []
        drawn_by: list[Values] = []
        for fold in FOLDS:
            for side in ("Right", "Left"):
                ids = [
                    (a, b, at) if side == "Right" else (other[a], other[b], at)
                    for a, b, at in fold.line
                ]
                if all(a in where and b in where for a, b, _ in ids):
                    line = np.stack([where[a] + at * (where[b] - where[a]) for a, b, at in ids])
                    # between landmarks the line is a chord, which can pass millimetres below
                    on_skin = closest_points(_curve(line), rest, faces).points
                    self._grooves.append((fold, on_skin))
                    row = np.zeros(len(ARKIT_NAMES), np.float32)
                    for name, share in _drawn_by(fold.actions, side).items():
                        row[ARKIT_NAMES.index(name)] = share
                    drawn_by.append(row)
        self._drawn_by = np.array(drawn_by, np.float32).reshape(-1, len(ARKIT_NAMES)).T

    @without_gradients
    def strengths(self, faces: FaceParameters) -> Values:
        """Return how whole each fold is ``[B, K]``, in [0, 1], in B faces."""
        weights = to_numpy(self._head.arkit(faces.to(self._head.v_template)))
        strengths: Values = (weights @ self._drawn_by).clip(0, 1)
        return strengths

    def slopes(self, strengths: Values) -> Slopes:
        """Return what gives the gradient at points of the template, for strengths ``[K]``."""
        return Slopes(
            tuple(
                (fold.depth * float(strength), fold.width, line)
                for (fold, line), strength in zip(self._grooves, strengths, strict=True)
                if strength > _LEAST
            )
        )

    def reliefs(self) -> tuple[Relief, ...]:
        """Return the folds by the actions that draw them."""
        by_actions: dict[tuple[tuple[str, float], ...], list[tuple[Fold, Values]]] = {}
        for fold, line in self._grooves:
            by_actions.setdefault(tuple(fold.actions.items()), []).append((fold, line))
        return tuple(
            Relief(dict(actions), max(fold.depth for fold, _ in grooves), tuple(grooves))
            for actions, grooves in by_actions.items()
        )


def folds_of(head: HeadModel) -> SkinFolds:
    """Return the folds of a head, the same ones for all its pictures."""
    with _LAYING:
        return _laid_folds(head)


@lru_cache(maxsize=2)
def _laid_folds(head: HeadModel) -> SkinFolds:
    return SkinFolds(head)


def has_folds(head: object) -> bool:
    """Whether a head can have folds: it names its actions and has landmarks."""
    return (
        isinstance(head, HeadModel)
        and len(head.landmark_ids) > 0
        and "mouthSmileLeft" in head.expression_names
    )


def face_slopes(head: object, parameters: FaceParameters) -> Slopes | None:
    """Return the skin's gradient of one face without batch dimension; None without folds."""
    return mean_slopes(head, parameters[None])


def mean_slopes(head: object, faces: FaceParameters) -> Slopes | None:
    """Return the skin's gradient for the mean strength of folds in B faces; None without folds."""
    if not isinstance(head, HeadModel) or not has_folds(head):
        return None
    folds = folds_of(head)
    strengths = folds.strengths(faces).mean(0)
    return folds.slopes(strengths) if (strengths > _LEAST).any() else None


def _drawn_by(actions: Mapping[str, float], side: str) -> dict[str, float]:
    """Return how much each of ARKit's actions draws a fold of a side, by its whole name."""
    return {name if name in ARKIT_NAMES else name + side: share for name, share in actions.items()}


def _curve(line: Values) -> Values:
    """Return a line's points ``[P, 3]`` with more between them, on Catmull and Rom's spline."""
    padded = np.concatenate([2 * line[:1] - line[1:2], line, 2 * line[-1:] - line[-2:-1]])
    before, here, after, beyond = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = (np.arange(_STEPS, dtype=np.float32) / _STEPS)[:, None]
    curve = here + t / 2 * (
        after - before
        + t * (2 * before - 5 * here + 4 * after - beyond
               + t * (3 * (here - after) + beyond - before))
    )  # fmt: skip
    return np.concatenate([curve.reshape(-1, 3), line[-1:]])


def _box(line: Values, width: float) -> tuple[Values, Values]:
    """Return the lowest and the highest coordinates ``[3]`` at which a groove may be."""
    return line.min(axis=0) - _REACH * width, line.max(axis=0) + _REACH * width


def _near(points: Values, line: Values, width: float) -> NDArray[np.intp]:
    """Return which of points ``[N, 3]`` lie where a groove may change the skin."""
    low, high = _box(line, width)
    near = np.ones(len(points), np.bool_)
    for axis in range(3):  # one column after another: all() of short rows takes far longer
        near &= (points[:, axis] > low[axis]) & (points[:, axis] < high[axis])
    return np.flatnonzero(near)


def _beside(points: Values, line: Values) -> tuple[Values, Values]:
    """Return vectors ``[N, 3]`` to points from a line, and how whole a groove is there ``[N]``."""
    steps = np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    # beyond its ends a line goes on straight, so that the profile there has no corner
    low, high = np.zeros_like(lengths), np.ones_like(lengths)
    low[0], high[-1] = -1.0, 2.0
    away, at = np.zeros_like(points.T), np.zeros_like(points[:, 0])
    nearest = np.full_like(at, np.inf)
    walked = lengths.cumsum(0) - lengths
    # one piece after another, axis by axis: all at once takes several times as long
    columns = np.ascontiguousarray(points.T)
    for piece, step in enumerate(steps):
        offset = [column - start for column, start in zip(columns, line[piece], strict=True)]
        along = sum(
            part * share for part, share in zip(offset, step / lengths[piece] ** 2, strict=True)
        )
        along = np.clip(along, low[piece], high[piece])
        offset = [part - along * share for part, share in zip(offset, step, strict=True)]
        square = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2
        nearer = square < nearest
        for kept, found in zip(
            (nearest, at, *away), (square, walked[piece] + along * lengths[piece], *offset),
            strict=True,
        ):  # fmt: skip
            np.copyto(kept, found, where=nearer)
    at /= lengths.sum()
    ends = (at / _TAPER).clip(0, 1) * ((1 - at) / _TAPER).clip(0, 1)
    return away.T, ends * ends * (3 - 2 * ends)


def _groove(points: Values, line: Values, depth: float, width: float) -> Values:
    """Return the gradient ``[N, 3]`` of a groove's height at points ``[N, 3]``."""
    away, ends = _beside(points, line)
    distance = np.linalg.norm(away, axis=1).clip(1e-9)
    across = distance / width
    bulge = (across - _BULGE_AT) / _BULGE_WIDTH
    slope = 2 * across * np.exp(-(across**2))
    slope = slope - _BULGE * 2 * bulge / _BULGE_WIDTH * np.exp(-(bulge**2))
    gradient: Values = (depth / width * ends * slope / distance)[:, None] * away
    return gradient


def _height(points: Values, line: Values, width: float) -> Values:
    """Return a groove's height ``[N]`` at points ``[N, 3]``, as a fraction of its depth."""
    away, ends = _beside(points, line)
    across = np.linalg.norm(away, axis=1) / width
    bulge = (across - _BULGE_AT) / _BULGE_WIDTH
    height: Values = ends * (_BULGE * np.exp(-(bulge**2)) - np.exp(-(across**2)))
    return height


def posed_slopes(gradient: Values, rest: Values, posed: Values) -> Values:
    """Return gradients carried from triangles at rest to posed ones, ``[N, 3]``.

    Args:
        gradient: of a height over the triangles at rest ``[N, 3]``.
        rest: corners of each point's triangle at rest ``[N, 3, 3]``.
        posed: the same corners, posed ``[N, 3, 3]``.
    """
    sides = rest[:, 1:] - rest[:, :1]
    rises = (sides * gradient[:, None]).sum(2)
    edges = posed[:, 1:] - posed[:, :1]
    one, two = edges[:, 0], edges[:, 1]
    a, b, c = (one * one).sum(1), (one * two).sum(1), (two * two).sum(1)
    determinant = (a * c - b * b).clip(1e-20)
    first = (c * rises[:, 0] - b * rises[:, 1]) / determinant
    second = (a * rises[:, 1] - b * rises[:, 0]) / determinant
    carried: Values = first[:, None] * one + second[:, None] * two
    return carried


def folded(normals: Values, gradient: Values) -> Values:
    """Return unit normals ``[3, N]`` of skin with a gradient ``[N, 3]`` along it."""
    bent: Values = unit(normals - gradient.T, axis=0)
    return bent
