"""Landmark protocol: reprojection error against MediaPipe on held-out photos, by region."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.report import Cell, Section, Table
from smirk3d.evaluation.sheets import overlay_sheet
from smirk3d.fitting import LandmarkFit
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.landmarks.mediapipe import FACE_OVAL
from smirk3d.parameters.face_parameters import FaceParameters

LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
"""MediaPipe's ``FACE_LANDMARKS_LIPS``."""

EYELIDS = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246,
    263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466,
)  # fmt: skip
"""MediaPipe's ``FACE_LANDMARKS_RIGHT_EYE`` and ``FACE_LANDMARKS_LEFT_EYE``."""

BROWS = (
    70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276,
)  # fmt: skip
"""MediaPipe's ``FACE_LANDMARKS_RIGHT_EYEBROW`` and ``FACE_LANDMARKS_LEFT_EYEBROW``."""

_EYE_CORNERS = (33, 263)
"""MediaPipe's outer eye corners, right then left."""

_WORST = 10
"""Photos named in the list of the worst."""

ABOUT = (
    "Landmarks of the estimate against MediaPipe's on held-out photos, in pixels of the 224 crop "
    "(scale 1.5): mean over a region's landmarks, then median over photos; no alignment. "
    "`stable` are those that the head's embedding places within 4 mm; `nme` is their mean error in "
    "per cent of the distance between the outer eye corners."
)


def landmark_errors(head: HeadModel, estimates: FaceParameters, landmarks: Tensor) -> Tensor:
    """Return each landmark's distance ``[B, L]`` in crop pixels.

    Args:
        head: head of the estimates, with landmarks.
        estimates: parameters ``[B]``.
        landmarks: all 478 landmarks of MediaPipe ``[B, 478, 2]`` in crop pixels.
    """
    with torch.no_grad():
        points = head.landmarks(head(estimates).vertices)
        seen = ndc_to_pixels(project(points, estimates.camera)[..., :2], CROP_SIZE)
    return (seen - landmarks[:, head.landmark_ids]).norm(dim=-1)


def regions(head: HeadModel) -> dict[str, Tensor]:
    """Return by region the mask ``[L]`` of the head's landmarks within it."""
    ids = head.landmark_ids
    named = {"lips": LIPS, "eyelids": EYELIDS, "brows": BROWS, "contour": FACE_OVAL}
    found = {name: torch.isin(ids, torch.tensor(members)) for name, members in named.items()}
    stable = (head.landmark_sigma <= LandmarkFit.STABLE_SIGMA) & (ids < 468)
    return {"stable": stable, **found}


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section."""
    photos, head = context.photos, context.head
    marks = photos.crops.landmarks
    between = (marks[:, _EYE_CORNERS[0]] - marks[:, _EYE_CORNERS[1]]).norm(dim=-1).numpy()
    apart = between > 0  # in profile both corners can fall on one point
    rows: list[list[Cell]] = []
    worst: list[list[Cell]] = []
    pictures = {}
    chosen = regions(head)
    for name, estimates in context.estimates().items():
        errors = landmark_errors(head, estimates, marks)
        by_region = {
            region: errors[:, where].mean(1).numpy()
            for region, where in chosen.items()
            if where.any()
        }
        stable = by_region["stable"]
        nme = float((stable[apart] / between[apart]).mean() * 100) if apart.any() else np.nan
        medians: list[Cell] = [float(np.median(values)) for values in by_region.values()]
        rows.append([name, *medians, float(np.percentile(stable, 95)), nme])
        order = np.argsort(-stable)[:_WORST]
        worst.append([name, ", ".join(f"{photos.keys[i]} ({stable[i]:.1f})" for i in order)])
        pictures[name] = _sheet(context, estimates, stable)
    columns = ["method", *(f"{region} px" for region in by_region), "stable px 95 %", "nme %"]
    return Section(
        "landmarks",
        ABOUT,
        [
            Table(f"{len(photos)} photos.", columns, rows),
            Table("The worst photos (px).", ["method", "keys"], worst),
        ],
        pictures,
    )


def _sheet(
    context: EvaluationContext, estimates: FaceParameters, errors: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Return the worst photos first, then others distributed over the set."""
    photos, count = context.photos, min(context.config.shown, len(context.photos))
    worst = np.argsort(-errors)[: count // 2].tolist()
    others = [row for row in range(len(photos)) if row not in set(worst)]
    step = max(1, len(others) // max(1, count - len(worst)))
    rows = worst + others[::step][: count - len(worst)]
    labels = [f"{photos.keys[row]}: {errors[row]:.1f} px" for row in rows]
    chosen = torch.tensor(rows)
    return overlay_sheet(context.head, photos.crops.images[chosen], estimates[chosen], labels)
