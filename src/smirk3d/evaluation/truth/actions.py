"""Figures of actions: are they read, and are those read that are not there?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.metrics import correlation
from smirk3d.evaluation.truth.answers import Answers
from smirk3d.evaluation.truth.faces import TruthFaces
from smirk3d.evaluation.truth.figures import Figure, figure, mean_figure
from smirk3d.evaluation.truth.views import ROLL_BINS, angle_between, euler_angles, within
from smirk3d.heads.action_names import GAZE_ACTIONS, mirrored_name

Array = NDArray[np.floating]

_COUNTED = tuple(i for i, name in enumerate(ARKIT_NAMES) if name not in GAZE_ACTIONS)
"""Columns that are held against the truth as actions; gaze is measured as a direction."""

ABSENT = 0.02
"""True weight up to which an action is not there; the least that anyone sees, by eye."""
PRESENT = 0.3
"""True weight from which an action is plainly there, and read weight from which it is invented."""
_SAME_POSE = 3.0
"""Degrees up to which two pictures of a person count as one pose."""
_FACING = 20.0
"""Degrees of yaw and pitch up to which a neutral face counts as seen from the front."""
_NEAR = 5.0
"""Degrees by which a yaw may differ from that of its bin."""
TURNS = (20, 40, 60)
"""Degrees of yaw over which a person is compared with him- or herself."""


class ActionTruth:
    """The true actions of faces, and which faces are neutral or show one action alone.

    Attributes:
        weights: true weights ``[K, 52]``, NaN where not known.
        columns: numbers of the channels that are compared.
        sum: of the true weights of these ``[K]``.
        strongest: number of the strongest channel ``[K]``.
        neutral: faces that do nothing ``[K]``.
    """

    def __init__(self, faces: TruthFaces, weights: Array) -> None:
        """Sort faces by what they do."""
        self.faces, self.weights = faces, weights
        known = np.zeros(len(ARKIT_NAMES), bool)
        if len(weights):
            known = np.asarray(np.isfinite(weights).all(0), bool)
        self.columns = [i for i in _COUNTED if known[i]]
        own = weights[:, self.columns]
        self.sum = own.sum(1)
        self.strongest = (
            np.array(self.columns)[own.argmax(1)] if self.columns else np.zeros(len(own), int)
        )
        still = np.asarray((own <= ABSENT).all(1), bool)
        self.neutral: NDArray[np.bool_] = still & bool(self.columns)
        rotation = faces.label("rotation")
        self.angles = None if rotation is None else euler_angles(rotation)
        self._rotation = rotation

    def single(self) -> NDArray[np.bool_]:
        """Return which faces show exactly one action, at a quarter at least ``[K]``."""
        own = self.weights[:, self.columns]
        single: NDArray[np.bool_] = ((own > ABSENT).sum(1) == 1) & (own.max(1, initial=0) >= 0.25)
        return single

    def neutral_partner(self, row: int) -> int | None:
        """Return the row of the same person's neutral face in the same pose, None if none."""
        if self._rotation is None:
            return None
        mine = np.flatnonzero(self.neutral & (self.faces.person == self.faces.person[row]))
        for other in mine:
            if angle_between(self._rotation[row], self._rotation[other]) < _SAME_POSE:
                return int(other)
        return None

    def facing(self) -> NDArray[np.bool_]:
        """Return which faces are seen from the front ``[K]``; all, where it is not known."""
        if self.angles is None:
            return np.ones(len(self.weights), bool)
        return np.asarray((np.abs(self.angles[:, :2]) < _FACING).all(1), bool)


def action_truth(faces: TruthFaces) -> ActionTruth | None:
    """Return the true actions of faces, None where no channel is known."""
    weights = faces.label("arkit")
    if weights is None or not len(weights):
        return None
    truth = ActionTruth(faces, weights.astype(np.float64))
    return truth if truth.columns else None


def combination_figures(truth: ActionTruth, found: Answers) -> Iterator[Figure]:
    """Yield figures of faces that do something: how well their actions are read."""
    active = truth.sum > PRESENT
    if active.sum() < 2:
        return
    true, read = truth.weights[active][:, truth.columns], found.arkit[active][:, truth.columns]
    person = truth.faces.person[active]
    yield figure(
        "correlation, all values", person, lambda rows: correlation(true[rows], read[rows])
    )
    yield figure(
        "correlation, mean of channels",
        person,
        lambda rows: float(np.nanmean(channel_correlation(true[rows], read[rows]))),
    )
    yield mean_figure("mean absolute error", person, np.abs(true - read).mean(1))
    yield mean_figure("mean absolute error of always zero", person, np.abs(true).mean(1))
    there = true >= PRESENT
    yield figure(
        "true weight of actions from 0.3",
        person,
        lambda rows: float(true[rows][there[rows]].mean()),
    )
    yield figure("read weight of these", person, lambda rows: float(read[rows][there[rows]].mean()))
    yield from invented_figures(person, true, read)


def invented_figures(
    person: NDArray[np.int64], true: Array, read: Array, whose: str = ""
) -> Iterator[Figure]:
    """Yield how much is read that is not there, a face; ``whose`` begins the names."""
    absent = true <= ABSENT
    yield mean_figure(f"{whose}sum of actions that are not there", person, (read * absent).sum(1))
    yield mean_figure(
        f"{whose}channels above 0.3 that are not there",
        person,
        ((read > PRESENT) & absent).sum(1) * 1.0,
    )


def channel_correlation(true: Array, read: Array) -> Array:
    """Return the correlation of each channel ``[C]``; constant estimates count as 0.

    Channels whose truth is constant are nan.
    """
    varied = true.std(0) > 0
    x, y = true - true.mean(0), read - read.mean(0)
    scale = np.sqrt((x * x).sum(0) * (y * y).sum(0))
    each = np.divide((x * y).sum(0), scale, out=np.zeros(len(scale)), where=scale > 1e-12)
    return np.where(varied, each, np.nan)


def neutral_figures(truth: ActionTruth, found: Answers) -> Iterator[Figure]:
    """Yield figures of neutral faces seen from the front: what is read though nothing is there."""
    rows = np.flatnonzero(truth.neutral & truth.facing())
    if len(rows) < 2:
        return
    read = found.arkit[rows][:, truth.columns]
    true, person = truth.weights[rows][:, truth.columns], truth.faces.person[rows]
    yield from invented_figures(person, true, read, "neutral faces: ")


def turned_figures(truth: ActionTruth, found: Answers) -> Iterator[Figure]:
    """Yield by how much, in sum, neutral faces' actions change as the head turns."""
    for angle, pairs in turned_pairs(truth).items():
        if pairs:
            first, second = np.array(pairs).T
            change = np.abs(found.arkit[first] - found.arkit[second])[:, truth.columns].sum(1)
            name = f"sum of changes of a neutral face's actions at {angle} degrees of yaw"
            yield mean_figure(name, truth.faces.person[first], change)


def rolled_figures(truth: ActionTruth, found: Answers) -> Iterator[Figure]:
    """Yield by how much, in the mean of channels, neutral faces' actions change with the roll."""
    upright, rolled = rolled_pairs(truth)
    if not len(rolled) or truth.angles is None:
        return
    change = np.abs(found.arkit[upright] - found.arkit[rolled])[:, truth.columns].mean(1)
    person, roll = truth.faces.person[rolled], truth.angles[rolled, 2]
    yield mean_figure("change of a neutral face's actions, any roll", person, change)
    for low, high in ROLL_BINS:
        chosen = within(roll, low, high)
        yield mean_figure(f"change of a neutral face's actions at roll {low} to {high}",
                          person[chosen], change[chosen])  # fmt: skip


def rolled_pairs(truth: ActionTruth) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of neutral people who are upright, and of the same ones rolled, ``[R]`` each."""
    pairs: list[tuple[int, int]] = []
    if truth.angles is not None:
        size = np.abs(truth.angles)
        for one in np.unique(truth.faces.person):
            rows = np.flatnonzero(truth.neutral & (truth.faces.person == one))
            rows = rows[(size[rows, :2] < _NEAR).all(1)]
            upright = rows[size[rows, 2] < _NEAR]
            if len(upright):
                pairs += [(int(upright[0]), int(row)) for row in rows[size[rows, 2] >= _NEAR]]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return first, second


def turned_pairs(truth: ActionTruth) -> dict[int, list[tuple[int, int]]]:
    """Return, by degrees of yaw, pairs of rows of one neutral person: from the front, and turned.

    Pitch and roll are those of the picture from the front, within a few degrees.
    """
    pairs: dict[int, list[tuple[int, int]]] = {angle: [] for angle in TURNS}
    if truth.angles is None:
        return pairs
    for one in np.unique(truth.faces.person):
        rows = np.flatnonzero(truth.neutral & (truth.faces.person == one))
        if len(rows) < 2:
            continue
        front = rows[np.abs(truth.angles[rows, 1]).argmin()]
        if abs(truth.angles[front, 1]) > _NEAR:
            continue
        for row in rows:
            change = np.abs(truth.angles[row] - truth.angles[front])
            for angle in TURNS:
                if (
                    row != front
                    and abs(change[1] - angle) < _NEAR
                    and max(change[0], change[2]) < 10
                ):
                    pairs[angle].append((int(front), int(row)))
    return pairs


def single_figures(truth: ActionTruth, found: Answers) -> Iterator[Figure]:
    """Yield figures of actions shown alone: their rise above the same person's neutral face."""
    rows, rises = single_rises(truth, found)
    if len(rows) < 2:
        return
    own = truth.strongest[rows]
    weight = truth.weights[rows, own]
    person = truth.faces.person[rows]
    at = {"1": weight > 0.9, "0.5": np.abs(weight - 0.5) < 0.1}
    picked = rises[np.arange(len(rows)), own]
    for text, chosen in at.items():
        if chosen.any():
            yield mean_figure(f"rise of an action shown alone at {text}", person[chosen],
                              picked[chosen])  # fmt: skip
    full = at["1"] if at["1"].any() else np.ones(len(rows), bool)
    counted = np.array(truth.columns)
    strongest = counted[rises[:, counted].argmax(1)]
    yield mean_figure("the right action rises most, of faces", person[full],
                      (strongest == own)[full] * 1.0)  # fmt: skip
    mirror = np.array([ARKIT_NAMES.index(mirrored_name(ARKIT_NAMES[i])) for i in own])
    sided = full & (mirror != own)
    if sided.any():
        other = rises[np.arange(len(rows)), mirror]
        yield mean_figure("rise of the other side's action", person[sided], other[sided])


def single_rises(truth: ActionTruth, found: Answers) -> tuple[NDArray[np.int64], Array]:
    """Return rows of faces with one action ``[R]``, and all channels' rise above neutral."""
    rows: list[int] = []
    partners: list[int] = []
    for row in np.flatnonzero(truth.single()):
        partner = truth.neutral_partner(int(row))
        if partner is not None:
            rows.append(int(row))
            partners.append(partner)
    chosen = np.array(rows, np.int64)
    return chosen, found.arkit[chosen] - found.arkit[np.array(partners, np.int64)]


def confusion(truth: ActionTruth, found: Answers) -> tuple[list[str], Array]:
    """Return names of actions shown alone at full strength, and the mean rises ``[A, 52]``."""
    rows, rises = single_rises(truth, found)
    strong = truth.weights[rows, truth.strongest[rows]] > 0.9
    rows, rises = rows[strong], rises[strong]
    shown = sorted(set(truth.strongest[rows].tolist()))
    means = [rises[truth.strongest[rows] == channel].mean(0) for channel in shown]
    matrix = np.stack(means) if means else np.zeros((0, len(ARKIT_NAMES)))
    return [ARKIT_NAMES[channel] for channel in shown], matrix
