"""Emotion protocol: a linear probe on expression parameters, beside MediaPipe's blend shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.errors import InputError
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.photos import emotion_labels, held_out_photos, training_photos
from smirk3d.evaluation.report import Cell, Section, Table
from smirk3d.parameters.face_parameters import FaceParameters

EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "anger")
PENALTIES = (1e-3, 1e-2, 1e-1)
"""Weight penalties that cross-validation chooses from: a decade apart, range chosen by hand."""

_FOLDS = 4
"""Folds of the cross-validation, a usual number."""

_TRAINING_PHOTOS_PER_LIMIT = 8
"""Training photos for each photo of ``--limit``; keeps a quick look quick."""

ABOUT = (
    "Linear probe (logistic regression with classes weighted to count alike, penalty chosen by "
    f"{_FOLDS}-fold cross-validation) from expression, jaw, eyelids and eyes to the photos' "
    "labels, which are the prompts they were made from and so noisy. Trained on labelled training "
    "photos, measured on held-out ones; recall is the mean over classes. "
    "The interval is that of the accuracy, 95 % (Wilson)."
)


def features(parameters: FaceParameters) -> Tensor:
    """Return the groups that describe an expression as one vector ``[B, D]`` for each face."""
    return torch.cat(
        [parameters.expression, parameters.jaw, parameters.eyelids, parameters.eyes], 1
    )


class LinearProbe:
    """Logistic regression on normalized features."""

    def __init__(self, x: Tensor, y: Tensor, classes: int, penalty: float) -> None:
        """Fit features ``[N, D]`` to class numbers ``[N]`` with a penalty on squared weights."""
        self._mean, self._std = x.mean(0), x.std(0).clamp(min=1e-6)
        counts = torch.bincount(y, minlength=classes).clamp(min=1)
        balance = len(y) / (classes * counts.float())
        self._weight = torch.zeros(classes, x.shape[1], requires_grad=True)
        self._bias = torch.zeros(classes, requires_grad=True)
        optimizer = torch.optim.LBFGS([self._weight, self._bias], max_iter=200,
                                      line_search_fn="strong_wolfe")  # fmt: skip
        scaled = (x - self._mean) / self._std

        def closure() -> Tensor:
            optimizer.zero_grad()
            logits = scaled @ self._weight.T + self._bias
            loss = F.cross_entropy(logits, y, weight=balance)
            loss = loss + penalty * self._weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)  # type: ignore[arg-type]

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Return the class numbers ``[N]`` of features ``[N, D]``."""
        return ((x - self._mean) / self._std @ self._weight.T + self._bias).argmax(1)


def recall(predicted: Tensor, y: Tensor) -> float:
    """Return the mean over the present classes of the fraction that is recognised."""
    fractions = [(predicted[y == c] == c).float().mean() for c in y.unique()]
    return float(torch.stack(fractions).mean())


def probe(x: Tensor, y: Tensor, classes: int, generator: torch.Generator) -> LinearProbe:
    """Return a probe whose penalty gives the best recall in cross-validation."""
    fold = torch.randperm(len(x), generator=generator) % _FOLDS

    def score(penalty: float) -> float:
        parts = []
        for number in range(_FOLDS):
            left_out = fold == number
            fitted = LinearProbe(x[~left_out], y[~left_out], classes, penalty)
            parts.append(recall(fitted(x[left_out]), y[left_out]))
        return float(np.mean(parts))

    return LinearProbe(x, y, classes, max(PENALTIES, key=score))


def wilson(fraction: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval of a fraction of ``count`` trials (Wilson 1927)."""
    middle = (fraction + z * z / (2 * count)) / (1 + z * z / count)
    half = (
        z
        * np.sqrt(fraction * (1 - fraction) / count + z * z / (4 * count**2))
        / (1 + z * z / count)
    )
    return float(middle - half), float(middle + half)


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section.

    Raises:
        InputError: if there are too few labelled photos.
    """
    config = context.config
    labels = {k: v for k, v in emotion_labels(config.faces).items() if v in EMOTIONS}
    context.on_progress("reading labelled photos")
    # held-out photos are few: all of them are used, whatever the limit
    test = held_out_photos(config.faces, keep=labels.__contains__)
    train = training_photos(
        config.faces, _TRAINING_PHOTOS_PER_LIMIT * config.limit, labels.__contains__
    )
    wanted, given = (_numbers([labels[key] for key in photos.keys]) for photos in (test, train))
    if len(set(given.tolist())) < 2 or not len(test):
        raise InputError(f"{config.faces}: too few photos are labelled with {', '.join(EMOTIONS)}")
    inputs = {"MediaPipe's 52": (train.crops.blendshapes, test.crops.blendshapes)}
    for method in context.methods:
        context.on_progress(f"{method.name} estimates {len(train) + len(test)} labelled photos")
        inputs[method.name] = (features(method(train.crops)), features(method(test.crops)))
    rows: list[list[Cell]] = []
    for name, (seen, unseen) in inputs.items():
        generator = torch.Generator().manual_seed(config.seed)
        estimate = probe(seen, given, len(EMOTIONS), generator)(unseen)
        accuracy = float((estimate == wanted).float().mean())
        low, high = wilson(accuracy, len(wanted))
        fractions: list[Cell] = [
            float((estimate[wanted == c] == c).float().mean()) for c in range(len(EMOTIONS))
        ]
        rows.append(
            [name, accuracy, f"{low:.2f} to {high:.2f}", recall(estimate, wanted), *fractions]
        )
    counts = Counter(labels[key] for key in test.keys)
    title = (
        f"{len(train)} photos to train on, {len(test)} held out: "
        + ", ".join(f"{name} {counts[name]}" for name in EMOTIONS)
        + "."
    )
    columns = ["method", "accuracy", "interval", "recall", *EMOTIONS]
    return Section("emotion", ABOUT, [Table(title, columns, rows)])


def _numbers(labels: Sequence[str]) -> Tensor:
    return torch.tensor([EMOTIONS.index(label) for label in labels])
