"""Retention protocol: how much of an action that a photo was warped to do methods estimate?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.report import Cell, Section, Table
from smirk3d.evaluation.sheets import estimate_sheet
from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.photo_warps import PhotoWarper

ONE_SIDED: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeBlinkRight", "browOuterUpLeft", "browOuterUpRight", "browDownLeft",
    "browDownRight", "mouthSmileLeft", "mouthSmileRight", "noseSneerLeft", "noseSneerRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "jawLeft", "jawRight",
)  # fmt: skip
UNSIDED: tuple[str, ...] = ("jawOpen", "cheekPuff", "mouthPucker", "mouthFunnel", "browInnerUp")
ABOUT = (
    "Fitted heads textured from held-out photos are moved to one strong action each and drawn back "
    "into the photo. Retained: the mean rise against the method's estimate for the unchanged "
    "photo, as a fraction of what was added; wrong side: the mirrored action's rise likewise. "
    "Pictures in which MediaPipe finds no face are left out."
)
_MOST = 96
"""Photos of the protocol at most; bounds its time."""

_SHOWN = ("eyeBlinkLeft", "browOuterUpRight", "mouthSmileLeft", "noseSneerRight", "jawLeft",
          "cheekPuff")  # fmt: skip

Predict = Callable[[Crops], FaceParameters]
Observe = Callable[[Tensor], tuple[Crops, NDArray[np.bool_]]]


@dataclass(frozen=True)
class Retention:
    """Retention of one action that was added to photos.

    Attributes:
        name: ARKit's name of the action.
        asked: mean rise of the action's weight that was added to the photos.
        fraction: mean rise of the estimated weight, as a fraction of ``asked``.
        wrong_side: mean rise of the mirrored action's estimate, as a fraction of ``asked``; None
            for actions without a side.
    """

    name: str
    asked: float
    fraction: float
    wrong_side: float | None


@torch.no_grad()
def measure_retention(
    head: HeadModel,
    photos: Crops,
    fitted: FaceParameters,
    methods: Mapping[str, Predict],
    observe: Observe,
    *,
    names: Sequence[str] = ONE_SIDED + UNSIDED,
    amplitude: float = 0.9,
) -> dict[str, list[Retention]]:
    """Return by method how much of each added action is estimated.

    The estimates for the unchanged photos are subtracted, so that a constant bias does not count.

    Args:
        head: head of the parameters, with named actions.
        photos: B crops.
        fitted: parameters of the photos ``[B]``.
        methods: functions from crops to parameters, by name.
        observe: returns crops of changed pictures and the mask ``[B]`` of those with a face.
        names: ARKit's names of the actions, which are added one at a time.
        amplitude: weight that each action is raised to where it is lower.
    """
    warper = PhotoWarper(head)
    own = head.arkit(fitted)
    before = {name: head.arkit(predict(photos)) for name, predict in methods.items()}
    found: dict[str, list[Retention]] = {name: [] for name in methods}
    for action in names:
        index = ARKIT_NAMES.index(action)
        asked = (amplitude - own[:, index]).clamp(min=0)
        chosen = asked > 0.4
        if not chosen.any():
            continue
        target = raised(head, fitted[chosen], action, amplitude)
        warped = warper(photos.images[chosen], fitted[chosen], target).images
        crops, seen = observe(warped)
        if not seen.any():
            continue
        kept = torch.from_numpy(seen)
        faces = crops[kept]
        total = float(asked[chosen][kept].sum())
        for name, predict in methods.items():
            rise = (head.arkit(predict(faces)) - before[name][chosen][kept]).sum(0)
            other = mirrored_name(action)
            wrong = float(rise[ARKIT_NAMES.index(other)]) / total if other != action else None
            mean = total / int(kept.sum())
            found[name].append(Retention(action, mean, float(rise[index]) / total, wrong))
    return found


def raised(head: HeadModel, fitted: FaceParameters, name: str, amplitude: float) -> FaceParameters:
    """Return parameters ``[B]`` with one of ARKit's actions raised to an amplitude."""
    weights = head.arkit(fitted)
    index = ARKIT_NAMES.index(name)
    weights[:, index] = weights[:, index].clamp(min=amplitude)
    if name in {"jawLeft", "jawRight"}:
        weights[:, ARKIT_NAMES.index(mirrored_name(name))] = 0
    moved = head.from_arkit(weights)
    return fitted.replace(
        expression=moved.expression, jaw=moved.jaw, eyelids=moved.eyelids, eyes=moved.eyes
    )


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section."""
    photos, fitted = context.some_photos(_MOST)
    methods: dict[str, Predict] = {method.name: method for method in context.methods}
    context.on_progress(f"retention on {len(photos)} photos")
    found = measure_retention(context.head, photos.crops, fitted, methods, context.observer.crops)
    summary: list[list[Cell]] = []
    for name, results in found.items():
        sided = [r for r in results if r.wrong_side is not None]
        unsided = [r.fraction for r in results if r.wrong_side is None]
        wrong = [r.wrong_side or 0.0 for r in sided]
        fractions = [r.fraction for r in sided]
        reached = sum(r.fraction >= 0.7 and (r.wrong_side or 0.0) < 0.2 for r in sided)
        summary.append(
            [name, _mean(fractions), _mean(wrong), _mean(unsided), f"{reached} of {len(sided)}"]
        )
    actions = [result.name for result in next(iter(found.values()))]
    rows: list[list[Cell]] = []
    for number, action in enumerate(actions):
        row: list[Cell] = [action, next(iter(found.values()))[number].asked]
        for results in found.values():
            row += [results[number].fraction, results[number].wrong_side]
        rows.append(row)
    columns = ["action", "asked", *(f"{n} {c}" for n in found for c in ("retained", "wrong side"))]
    tables = [
        Table(f"{len(photos)} photos.",
              ["method", "one-sided retained", "wrong side", "unsided retained",
               "one-sided with retained >= 0.7 and wrong side < 0.2"], summary),
        Table("Each action, as fractions of the added amplitude.", columns, rows),
    ]  # fmt: skip
    return Section("retention", ABOUT, tables, {"warps": _sheet(context, photos.crops, fitted)})


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _sheet(context: EvaluationContext, photos: Crops, fitted: FaceParameters) -> NDArray[np.uint8]:
    head, warper = context.head, PhotoWarper(context.head)
    own = head.arkit(fitted)
    images, labels = [], []
    for number, action in enumerate(_SHOWN):
        # the faces with the least expression, another one each time
        order = own.sum(1).argsort()
        row = order[number % len(order)][None]
        target = raised(head, fitted[row], action, 0.9)
        images.append(warper(photos.images[row], fitted[row], target).images)
        labels.append(action)
    crops, _ = context.observer.crops(torch.cat(images))
    estimates = {method.name: method(crops) for method in context.methods}
    return estimate_sheet(head, crops.images, estimates, labels)
