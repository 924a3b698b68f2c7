"""Truth protocol: methods against labeled pictures of people, heads and scans, or anyone's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import InputError, UsageError
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import EncoderMethod
from smirk3d.evaluation.photos import as_tensor
from smirk3d.evaluation.report import Cell, Picture, Section, Table
from smirk3d.evaluation.sheets import estimate_sheet
from smirk3d.evaluation.truth.actions import action_truth, confusion
from smirk3d.evaluation.truth.answers import Answers, answers
from smirk3d.evaluation.truth.faces import TruthFaces, found_faces
from smirk3d.evaluation.truth.figures import Figure, figure_table
from smirk3d.evaluation.truth.measure import figures_of
from smirk3d.evaluation.truth.named_sets import (
    PICTURES,
    SetRequest,
    default_cache,
    drawn_set,
    given_set,
)
from smirk3d.evaluation.truth.pose import detection_figures
from smirk3d.evaluation.truth.scan_set import scan_set
from smirk3d.preprocessing.face_crop import warp_crop
from smirk3d.synthesis.people import LabeledSet

ABOUT = (
    "Methods against the truth of labeled pictures. Each row is a figure, with the number of "
    "pictures (or pairs of pictures) and of people that it is made of; each method has its value "
    "and its standard error, by a bootstrap over people. Figures that the labels do not allow are "
    "left out; docs/evaluation.md explains each."
)

TOPICS = {
    "actions": "Actions: ARKit's weights; gaze counts as a direction, below.",
    "shape": "Shape: millimetres on the face; surfaces of other heads after a similarity, or posed "
    "after a rigid motion.",
    "pose": "Pose, gaze and landmarks: degrees, and pixels of the 224 crop.",
}

_LEAST_MISTAKE = 0.15
"""Rise from which an action that is not there counts as a mistake worth a line; by hand."""
_MISTAKES = 30
"""Lines of the table of mistakes at most."""


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section.

    Raises:
        InputError: if a folder holds no labeled set, or labels lack what a method needs.
        UsageError: if MediaPipe is to answer for crops that it did not see.
    """
    config = context.config
    if config.crops == "truth":
        for method in context.methods:
            if method.name == "mediapipe":
                raise UsageError("mediapipe sees faces that it finds: give --crops detected")
    tables: list[Table] = []
    pictures: dict[str, Picture] = {}
    for name, labeled in _sets(context).items():
        context.on_progress(f"finding {len(labeled)} faces of {name}")
        observer = context.observer if config.crops == "detected" else None
        faces = found_faces(labeled, name, config.crops, observer)
        if config.crops == "detected":
            found = figure_table(
                f"{name}: faces found.", {"detector": list(detection_figures(faces))}
            )
            tables += [found] if found else []
        if not len(faces):
            continue
        _check_landmarks(context, faces)
        by_method: dict[str, Answers] = {}
        for method in context.methods:
            context.on_progress(f"{method.name} on {len(faces)} faces of {name}")
            by_method[method.name] = answers(method, faces, context.head)
        tables += _tables(name, faces, by_method)
        if config.shown:
            pictures[name.replace("/", "-")] = _sheet(context, faces, by_method)
    return Section("truth", ABOUT, tables, pictures)


def _check_landmarks(context: EvaluationContext, faces: TruthFaces) -> None:
    """Refuse methods that need landmarks which the labels do not have."""
    needed = faces.landmarks[:, context.head.landmark_ids.numpy()]
    methods = [one.name for one in context.methods if not isinstance(one, EncoderMethod)]
    if methods and not np.isfinite(needed).all():
        raise InputError(
            f"{faces.name} lacks landmarks that {', '.join(methods)} need: give --crops detected"
        )


def _sets(context: EvaluationContext) -> dict[str, LabeledSet]:
    """Return all labeled sets of an evaluation by name."""
    config = context.config
    found: dict[str, LabeledSet] = {}
    for name in config.set:
        if name in ("people", "ict"):
            request = SetRequest(
                name=name,
                head=config.people_head if name == "people" else config.truth_head,
                count=config.limit or PICTURES,
                seed=config.seed,
                assets=config.assets if name == "people" else None,
                wheel=config.wheel,
            )
            parts = drawn_set(request, config.cache, on_progress=context.on_progress)
        elif name == "scan" and config.scan is not None:
            cache = config.cache or default_cache()
            parts = {"scan": scan_set(config.scan, cache, context.observer)}
        else:
            parts = given_set(Path(name))
        for part, labeled in parts.items():
            own = name if name in ("people", "ict", "scan") else Path(name).name
            found[part if part == own else f"{own}/{part}"] = labeled
    return found


def _tables(name: str, faces: TruthFaces, by_method: Mapping[str, Answers]) -> list[Table]:
    tables: list[Table] = []
    figures = {method: figures_of(faces, found) for method, found in by_method.items()}
    for topic, text in TOPICS.items():
        chosen: dict[str, list[Figure]] = {m: topics[topic] for m, topics in figures.items()}
        table = figure_table(f"{name}, {len(faces)} faces. {text}", chosen)
        tables += [table] if table else []
    return [*tables, *_mistakes(name, faces, by_method)]


def _mistakes(name: str, faces: TruthFaces, by_method: Mapping[str, Answers]) -> list[Table]:
    """Return which action is mistaken for which, for each method: the largest rises."""
    truth = action_truth(faces)
    rows: list[list[Cell]] = []
    for method, found in by_method.items():
        if truth is None or not truth.single().any() or not found.head.has_named_actions:
            continue
        shown, matrix = confusion(truth, found)
        wrong = matrix.copy()
        for row, action in enumerate(shown):
            wrong[row, ARKIT_NAMES.index(action)] = 0
        for place in np.argsort(-wrong, axis=None)[:_MISTAKES].tolist():
            row, column = divmod(place, matrix.shape[1])
            if wrong[row, column] >= _LEAST_MISTAKE and column in truth.columns:
                own = matrix[row, ARKIT_NAMES.index(shown[row])]
                rows.append([shown[row], ARKIT_NAMES[column], method, wrong[row, column], own])
    if not rows:
        return []
    columns = ["shown alone at 1", "taken for", "method", "its rise", "rise of the right one"]
    return [Table(f"{name}: which action is mistaken for which.", columns, rows)]


def _sheet(
    context: EvaluationContext, faces: TruthFaces, by_method: Mapping[str, Answers]
) -> Picture:
    count = min(context.config.shown, len(faces))
    rows = np.linspace(0, len(faces) - 1, count).round().astype(np.int64)
    pictures = [
        warp_crop(faces.labels.picture(int(faces.rows[row])), faces.level[row]) for row in rows
    ]
    images, chosen = as_tensor(np.stack(pictures)), torch.from_numpy(rows)
    shown = {name: found.parameters[chosen] for name, found in by_method.items()}
    return estimate_sheet(context.head, images, shown)
