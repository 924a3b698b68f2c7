"""The actions of a head against another's, where MediaPipe has landmarks.

    python benchmarks/head_actions.py [HEAD ...] [--against ict]

For each of ARKit's actions that both heads have, the displacements of the 468 landmarks at weight 1
on the mean face are compared: the other head is turned onto this one by its steady landmarks and
scaled to the same distance of the eyes. The cosine is that of all displacements as one vector, the
amplitude the ratio of their lengths. ``mouthClose`` is what it adds to a wide open jaw. Several
HEADs (names or files) give a column each; the table goes to ``results/head_actions.md``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from common import write_results
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head

STEADY_SIGMA = 0.003
NUM_SURFACE = 468


@dataclass(frozen=True)
class Agreement:
    """How an action of a head compares with that of another.

    Attributes:
        cosine: of all displacements as one vector.
        amplitude: ratio of their lengths.
        largest: largest displacement here and there, in millimetres.
    """

    cosine: float
    amplitude: float
    largest: tuple[float, float]


@torch.no_grad()
def displacements(head: HeadModel, ids: list[int]) -> dict[str, NDArray[np.float64]]:
    """Return the displacements ``[L, 3]`` in metres of each action of ARKit at weight 1."""
    place = {int(number): index for index, number in enumerate(head.landmark_ids)}
    rows = [place[number] for number in ids]
    weights = torch.eye(len(ARKIT_NAMES))
    close, jaw = ARKIT_NAMES.index("mouthClose"), ARKIT_NAMES.index("jawOpen")
    weights[close, jaw] = 1
    weights[ARKIT_NAMES.index("tongueOut"), jaw] = 1
    moved = head.landmarks(head(head.from_arkit(weights)).vertices)
    rest = head.landmarks(head(head.neutral()).vertices)
    field = (moved - rest)[:, rows].double().numpy()
    for row in (close, ARKIT_NAMES.index("tongueOut")):
        field[row] -= field[jaw]
    return dict(zip(ARKIT_NAMES, field, strict=True))


@torch.no_grad()
def turn_and_scale(
    head: HeadModel, other: HeadModel, ids: list[int]
) -> tuple[NDArray[np.float64], float]:
    """Return the rotation (from the right) and factor that carry the other's displacements here.

    Args:
        head: the head that stays.
        other: the head that is turned and scaled.
        ids: MediaPipe's numbers of the landmarks that both have, steady ones.
    """
    points = []
    for which in (head, other):
        place = {int(number): index for index, number in enumerate(which.landmark_ids)}
        found = which.landmarks(which(which.neutral()).vertices)[0, [place[n] for n in ids]]
        points.append((found - found.mean(0)).double().numpy())
    u, _, vt = np.linalg.svd(points[1].T @ points[0])
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    return u @ sign @ vt, _eye_distance(head) / _eye_distance(other)


def _eye_distance(head: HeadModel) -> float:
    joints = head.rest_joints(head.neutral())[0]
    left, right = (joints[head.joint_names.index(name)] for name in ("eyeL", "eyeR"))
    return float((left - right).norm())


def common_landmarks(head: HeadModel, other: HeadModel, sigma: float) -> list[int]:
    """Return MediaPipe's numbers of landmarks on both heads' skin that spread at most so far."""
    sets = []
    for which in (head, other):
        steady = (which.landmark_sigma <= sigma) & (which.landmark_ids < NUM_SURFACE)
        sets.append(set(which.landmark_ids[steady].tolist()))
    return sorted(sets[0] & sets[1])


def compare(head: HeadModel, other: HeadModel) -> dict[str, Agreement]:
    """Return the agreement of each action that moves on both heads, by name."""
    ids = common_landmarks(head, other, np.inf)
    turn, scale = turn_and_scale(head, other, common_landmarks(head, other, STEADY_SIGMA))
    ours, theirs = displacements(head, ids), displacements(other, ids)
    found = {}
    for name in ARKIT_NAMES:
        a, b = ours[name], theirs[name] @ turn * scale
        lengths = np.linalg.norm(a), np.linalg.norm(b)
        if min(lengths) < 1e-6:
            continue
        largest = tuple(float(np.linalg.norm(x, axis=1).max() * 1e3) for x in (a, b))
        found[name] = Agreement(
            float((a * b).sum() / (lengths[0] * lengths[1])),
            float(lengths[0] / lengths[1]),
            (largest[0], largest[1]),
        )
    return found


def table(columns: dict[str, dict[str, Agreement]]) -> str:
    """Return a Markdown table: a row an action, cosine, amplitude, largest motion a head."""
    heads = list(columns)
    titles = [f"{h}: {t}" for h in heads for t in ("cosine", "amplitude", "largest, theirs (mm)")]
    lines = ["| action | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for name in ARKIT_NAMES:
        if not all(name in found for found in columns.values()):
            continue
        cells = [name]
        for found in columns.values():
            agreement = found[name]
            cells += [f"{agreement.cosine:.2f}", f"{agreement.amplitude:.2f}"]
            cells.append("{:.1f}, {:.1f}".format(*agreement.largest))
        lines.append("| " + " | ".join(cells) + " |")
    for head, found in columns.items():
        cosines = [agreement.cosine for agreement in found.values()]
        good = [a for a in found.values() if 0.8 <= a.amplitude <= 1.25]
        lines.append("")
        lines.append(
            f"{head}: {len(cosines)} actions; cosine {np.median(cosines):.2f} in the median, "
            f"{min(cosines):.2f} at least, under 0.7 in {sum(c < 0.7 for c in cosines)}; "
            f"amplitude within 0.8 to 1.25 in {len(good)}."
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("heads", nargs="*", default=[DEFAULT_HEAD], metavar="HEAD")
    parser.add_argument("--against", default="ict", metavar="HEAD")
    options = parser.parse_args()
    other = load_head(options.against)
    columns = {}
    for name in options.heads:
        label = name.rsplit("/", 1)[-1].removesuffix(".npz")
        columns[label] = compare(load_head(name), other)
    text = table(columns)
    print(text)
    rows = [
        {"head": label, "action": name, **vars(agreement)}
        for label, found in columns.items()
        for name, agreement in found.items()
    ]
    write_results("head_actions", rows, text)


if __name__ == "__main__":
    main()
