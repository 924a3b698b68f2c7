"""Re-detection protocol: does one detector find the same expression in photo and estimate?

The head is drawn in its crop in simple colours, with brows, lips and irises: on bare clay the
detector takes the shadow under the forehead for lowered brows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.metrics import (
    channel_correlations,
    correlation,
    mean_absolute_error,
    side_correlation,
)
from smirk3d.evaluation.photos import Observer, arkit_row, as_pictures
from smirk3d.evaluation.report import Cell, Picture, Section, Table
from smirk3d.geometry.cameras import project
from smirk3d.head_import.landmark_renderer import LandmarkRenderer
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.contact_sheet import contact_sheet

ABOUT = (
    "Each estimate is drawn in its crop in simple colours and given to MediaPipe, like the photo: "
    "correlation and mean absolute error over all photos and the 51 channels that MediaPipe has, "
    "and the correlation of left minus right."
)
_NO_TONGUE = [i for i, name in enumerate(ARKIT_NAMES) if name != "tongueOut"]


@dataclass(frozen=True)
class Redetection:
    """Blend shapes that one detector finds in photos and in drawn estimates.

    Attributes:
        photo: blend shapes of the photos ``[N, 52]`` in the order of ``conventions.ARKIT_NAMES``.
        drawn: blend shapes of the drawn heads ``[N, 52]``.
        rows: indices ``[N]`` of the photos whose drawn head was detected.
        pictures: drawn heads of these photos.
        lost: number of photos whose drawn head was not detected.
    """

    photo: NDArray[np.float32]
    drawn: NDArray[np.float32]
    rows: list[int]
    pictures: list[Picture]
    lost: int


def redetection(
    head: HeadModel, crops: Crops, estimates: FaceParameters, observer: Observer
) -> Redetection:
    """Return the blend shapes of photos and of estimates drawn in the same crops.

    Args:
        head: head of the estimates.
        crops: the photos with their blend shapes.
        estimates: parameters ``[B]`` of the crops.
        observer: detector for the drawn heads.

    Raises:
        ValueError: if no drawn head is recognised as a face.
    """
    landmark_renderer = LandmarkRenderer(head)
    rows, pictures, drawn = [], [], []
    for row in range(len(crops)):
        face = estimates[row][None]
        with torch.no_grad():
            vertices = head(face).vertices
        picture = landmark_renderer.picture(vertices, project(vertices, face.camera))
        found = observer.detect(picture)
        if found is not None:
            rows.append(row)
            pictures.append(picture)
            drawn.append(arkit_row(found).numpy())
    if not rows:
        raise ValueError("no drawn head was recognised as a face")
    photo = crops.blendshapes[rows].numpy()
    return Redetection(photo, np.stack(drawn), rows, pictures, len(crops) - len(rows))


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section."""
    photos = context.photos
    summary: list[list[Cell]] = []
    each: dict[str, NDArray[np.floating]] = {}
    columns: list[list[Picture]] = []
    for name, estimates in context.estimates().items():
        context.on_progress(f"re-detection of {name}")
        trip = redetection(context.head, photos.crops, estimates, context.observer)
        photo, drawn = trip.photo[:, _NO_TONGUE], trip.drawn[:, _NO_TONGUE]
        summary.append(
            [name, correlation(photo, drawn), side_correlation(trip.photo, trip.drawn),
             mean_absolute_error(photo, drawn), trip.lost]
        )  # fmt: skip
        each[name] = channel_correlations(trip.photo, trip.drawn)
        shown = dict(zip(trip.rows, trip.pictures, strict=True))
        blank = np.full_like(trip.pictures[0], 255)
        columns.append([shown.get(row, blank) for row in _shown_rows(context)])
    means = photos.crops.blendshapes.mean(0).tolist()
    channels: list[list[Cell]] = [
        [channel, means[i], *(float(values[i]) for values in each.values())]
        for i, channel in enumerate(ARKIT_NAMES)
        if i in _NO_TONGUE
    ]
    tables = [
        Table(f"{len(photos)} photos.",
              ["method", "correlation", "left - right", "mean abs. error", "lost"], summary),
        Table("Correlation by channel; empty where one side is constant.",
              ["channel", "mean on photos", *each], channels),
    ]  # fmt: skip
    return Section("redetection", ABOUT, tables, {"drawn": _sheet(context, columns, list(each))})


def _shown_rows(context: EvaluationContext) -> list[int]:
    activity = context.photos.crops.blendshapes.sum(1)
    return activity.argsort(descending=True)[: context.config.shown].tolist()


def _sheet(context: EvaluationContext, columns: list[list[Picture]], names: list[str]) -> Picture:
    rows = _shown_rows(context)
    photos = as_pictures(context.photos.crops.images[torch.tensor(rows)])
    tiles, labels = [], []
    side = columns[0][0].shape[1]
    for number, row in enumerate(rows):
        photo = np.asarray(Image.fromarray(photos[number]).resize((side, side)))
        tiles += [photo, *(column[number] for column in columns)]
        labels += [str(context.photos.keys[row]), *names]
    return contact_sheet(tiles, 1 + len(names), labels)
