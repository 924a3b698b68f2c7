"""Footage protocol: methods on clips without labels: are they steady, do they follow MediaPipe?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from smirk3d.errors import InputError
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import KeptFits, MeanFaceMethod, Method
from smirk3d.evaluation.photos import as_tensor
from smirk3d.evaluation.report import Cell, Picture, Section, Table
from smirk3d.evaluation.sheets import estimate_sheet
from smirk3d.evaluation.truth.answers import Answers, answers
from smirk3d.evaluation.truth.clips import Clip, clip_figures, clip_paths, read_clip, readable
from smirk3d.evaluation.truth.faces import TruthFaces
from smirk3d.evaluation.truth.figures import Figure, figure_table
from smirk3d.evaluation.truth.pose import landmark_figures
from smirk3d.fitting import LandmarkFit
from smirk3d.preprocessing.face_crop import warp_crop
from smirk3d.synthesis.people import LabeledSet

FRAMES = 150
"""Frames of a clip unless ``--limit`` is given: five seconds; bounds the time."""

ABOUT = (
    "Clips without labels: the largest face of each frame, each by itself, nothing smoothed. "
    "Steadiness: the size of second differences between frames, of a face that is still and of one "
    "that moves. Agreement: correlation over time with MediaPipe's channels that vary in the clip, "
    "and distances to its landmarks by yaw, which is that of a mean face laid on them. That is "
    "agreement, not truth: `evaluate truth` measures truth. Standard errors are over clips."
)


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section.

    Raises:
        InputError: if there is no clip that shows a face.
    """
    config = context.config
    if config.footage is None:
        raise InputError("give a folder of clips: smirk3d evaluate footage FOLDER")
    most = config.limit or FRAMES
    failures: list[str] = []
    fit = KeptFits(LandmarkFit(context.head))
    upright = MeanFaceMethod(fit, context.head)
    clips: list[Clip] = []
    for clip in readable(
        clip_paths(config.footage),
        lambda path, number: read_clip(path, number, most, config.shown, context.observer),
        failures.append,
    ):
        context.on_progress(f"{clip.faces.name}: {len(clip.frames)} faces in {clip.total} frames")
        clips.append(_with_view(clip, upright, context))
    if not clips:
        raise InputError(f"{config.footage}: no clip shows a face: {'; '.join(failures)}")
    by_method: dict[str, list[Figure]] = {}
    all_answers: dict[str, list[Answers]] = {}
    for method in context.methods:
        context.on_progress(f"{method.name} on {len(clips)} clips")
        found = [answers(method, clip.faces, context.head) for clip in clips]
        all_answers[method.name] = found
        by_method[method.name] = [*clip_figures(clips, found), *_landmarks(clips, found)]
    tables = [_found(clips)]
    figures = figure_table(f"{len(clips)} clips.", by_method)
    tables += [figures] if figures else []
    if failures:
        tables.append(Table("Left out.", ["clip and reason"], [[line] for line in failures]))
    pictures = {
        f"clip-{number}": _sheet(context, clip, {m: a[number] for m, a in
                                                              all_answers.items()})
        for number, clip in enumerate(clips) if clip.images
    }  # fmt: skip
    return Section("footage", ABOUT, tables, pictures)


def _with_view(clip: Clip, method: Method, context: EvaluationContext) -> Clip:
    """Return a clip with the rotation of a mean face on its landmarks, by which yaw is told."""
    rotation = answers(method, clip.faces, context.head).rotation
    labels = clip.faces.labels
    kept = LabeledSet(labels.folder, labels.meta, {**labels.arrays, "rotation": rotation})
    return replace(clip, faces=replace(clip.faces, labels=kept))


def _landmarks(clips: list[Clip], found: list[Answers]) -> list[Figure]:
    """Return distances to the detector's landmarks over all clips."""
    faces = [clip.faces for clip in clips]
    names = ("picture", "person", "landmarks", "rotation")
    arrays = {name: np.concatenate([one.labels[name] for one in faces]) for name in names}
    labels = LabeledSet(faces[0].labels.folder, {}, arrays)
    together = TruthFaces(
        "footage", labels, np.arange(len(labels)), np.concatenate([f.pictures for f in faces]),
        np.concatenate([f.landmarks for f in faces]), None,
        np.concatenate([f.T_crop_image for f in faces]),
    )  # fmt: skip
    answered = replace(found[0], landmarks=np.concatenate([one.landmarks for one in found]))
    return [
        replace(figure, name=figure.name.replace("visible", "MediaPipe's"))
        for figure in landmark_figures(together, answered)
        if figure.count
    ]


def _found(clips: list[Clip]) -> Table:
    rows: list[list[Cell]] = [
        [number, clip.faces.name, clip.total, len(clip.frames)] for number, clip in enumerate(clips)
    ]
    return Table("Clips.", ["number", "clip", "frames", "with a face"], rows)


def _sheet(context: EvaluationContext, clip: Clip, found: dict[str, Answers]) -> Picture:
    rows = np.array(sorted(clip.images), np.int64)
    pictures = [warp_crop(clip.images[int(row)], clip.faces.level[row]) for row in rows]
    chosen = torch.from_numpy(rows)
    shown = {name: one.parameters[chosen] for name, one in found.items()}
    labels = [f"frame {clip.frames[row]}" for row in rows]
    return estimate_sheet(context.head, as_tensor(np.stack(pictures)), shown, labels)
