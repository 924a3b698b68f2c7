"""Figures of head pose, gaze, landmarks and detection, by how far the head is turned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from smirk3d.evaluation.truth.answers import Answers
from smirk3d.evaluation.truth.faces import TruthFaces
from smirk3d.evaluation.truth.figures import Figure, Rows, figure, mean_figure
from smirk3d.evaluation.truth.views import (
    ROLL_BINS,
    YAW_BINS,
    angles_between,
    directions,
    euler_angles,
    within,
)
from smirk3d.fitting import LandmarkFit

Array = NDArray[np.floating]

_OTHERS = 20.0
"""Degrees up to which the two other angles count as small where one is varied."""
_VARIED = 15.0
"""Least standard deviation in degrees of an angle, or least range of gaze, that gives a gain."""
_GAIN_UP_TO = 65.0
"""Degrees up to which the gain of yaw is measured: beyond, half of the face is hidden."""


def pose_figures(faces: TruthFaces, found: Answers) -> Iterator[Figure]:
    """Yield gains and errors of head pose: by angle, and by bins of yaw and roll."""
    rotation = faces.label("rotation")
    if rotation is None or len(faces) < 2:
        return
    true, read = euler_angles(rotation), euler_angles(found.rotation)
    person = faces.person
    for axis, name in enumerate(("pitch", "yaw", "roll")):
        others = np.delete(np.abs(true), axis, 1).max(1) < _OTHERS
        chosen = others & (np.abs(true[:, axis]) < _GAIN_UP_TO)
        if chosen.sum() > 2 and true[chosen, axis].std() > _VARIED:
            yield _gain(f"gain of {name}", person[chosen], true[chosen, axis], read[chosen, axis])
    error = angles_between(rotation, found.rotation)
    yield mean_figure("error of rotation, degrees", person, error)
    level = np.abs(true[:, 2]) < ROLL_BINS[0][1]
    for low, high in YAW_BINS:
        chosen = level & within(true[:, 1], low, high)
        yield mean_figure(f"error of rotation at yaw {low} to {high}", person[chosen],
                          error[chosen])  # fmt: skip
    for low, high in ROLL_BINS[1:]:
        chosen = within(true[:, 2], low, high)
        yield mean_figure(f"error of rotation at roll {low} to {high}", person[chosen],
                          error[chosen])  # fmt: skip


def _gain(name: str, person: NDArray[np.int64], true: Array, read: Array) -> Figure:
    def slope(rows: Rows) -> float:
        x, y = true[rows] - true[rows].mean(), read[rows] - read[rows].mean()
        size = float(x @ x)
        return float(x @ y) / size if size > 0 else float("nan")

    return figure(name, person, slope)


def gaze_figures(faces: TruthFaces, found: Answers) -> Iterator[Figure]:
    """Yield gains and error of gaze, of heads that are seen from the front."""
    gaze, rotation = faces.label("gaze"), faces.label("rotation")
    if gaze is None or rotation is None or np.isnan(found.gaze).all():
        return
    angles = euler_angles(rotation)
    front = (np.abs(angles) < _OTHERS).all(1)
    if front.sum() < 3:
        return
    person = faces.person[front]
    # both eyes look nearly one way; their mean is less noisy
    true, read = (directions(v[front]).mean(1) for v in (gaze, found.gaze))
    for axis, name in ((1, "aside"), (0, "up and down")):
        if np.ptp(true[:, axis]) > _VARIED:
            yield _gain(f"gain of gaze {name}", person, true[:, axis], read[:, axis])
    cosine = (gaze[front] * found.gaze[front]).sum(2).clip(-1, 1)
    yield mean_figure("error of gaze, degrees", person, np.degrees(np.arccos(cosine)).mean(1))


def landmark_figures(faces: TruthFaces, found: Answers) -> Iterator[Figure]:
    """Yield distances of the head's stable landmarks to the true ones in crop pixels."""
    truth = faces.label("landmarks")
    if truth is None or not len(faces):
        return
    ids = found.head.landmark_ids.numpy()
    stable = (found.head.landmark_sigma.numpy() <= LandmarkFit.STABLE_SIGMA) & (ids < 468)
    linear, shift = faces.level[:, :2, :2], faces.level[:, :2, 2]
    true = np.einsum("kij,knj->kni", linear, truth) + shift[:, None]
    distance = np.linalg.norm(true[:, ids[stable]] - found.landmarks[:, stable], axis=2)
    visible = faces.label("landmarks_visible")
    seen = (
        np.ones(distance.shape, bool) if visible is None else visible[:, ids[stable]].astype(bool)
    )
    person = faces.person
    yield mean_figure("visible landmarks, px", person, _mean(distance, seen))
    if visible is not None:
        yield mean_figure("hidden landmarks, px", person, _mean(distance, ~seen))
    rotation = faces.label("rotation")
    if rotation is not None:
        yaw = euler_angles(rotation)[:, 1]
        for low, high in YAW_BINS:
            chosen = within(yaw, low, high)
            yield mean_figure(f"visible landmarks at yaw {low} to {high}, px", person[chosen],
                              _mean(distance, seen)[chosen])  # fmt: skip


def _mean(values: Array, mask: NDArray[np.bool_]) -> Array:
    known = mask & np.isfinite(values)
    total = np.where(known, values, 0.0).sum(1)
    count = known.sum(1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def detection_figures(faces: TruthFaces) -> Iterator[Figure]:
    """Yield the fraction of faces that were found: all, and by yaw and roll."""
    labels = faces.labels
    found = np.zeros(len(labels))
    found[faces.rows] = 1
    person = labels["person"].astype(np.int64)
    yield mean_figure("faces found", person, found)
    if "rotation" in labels:
        angles = euler_angles(labels["rotation"])
        level = np.abs(angles[:, 2]) < ROLL_BINS[0][1]
        for low, high in YAW_BINS:
            chosen = level & within(angles[:, 1], low, high)
            yield mean_figure(f"faces found at yaw {low} to {high}", person[chosen], found[chosen])
        for low, high in ROLL_BINS[1:]:
            chosen = within(angles[:, 2], low, high)
            yield mean_figure(f"faces found at roll {low} to {high}", person[chosen], found[chosen])
