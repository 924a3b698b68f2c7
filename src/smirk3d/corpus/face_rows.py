"""Faces of clips and photos as tidy rows: one for each frame and person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.corpus.columns import ANGLES, NUMBERS, SCORES
from smirk3d.export.arkit_csv import arkit_rows
from smirk3d.faces import Face
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.tracking.track_file import Track

_ANGLE_PLACES = (0, 1, 2, 3, 4, 6, 7)
"""Places of these among the nine angles of :func:`smirk3d.export.arkit_csv.arkit_rows`."""


def columns_of_track(track: Track, head: HeadModel) -> dict[str, NDArray[np.generic]]:
    """Return the faces of a clip as columns, by frame and person.

    Columns are ``frame``, ``seconds``, ``person`` and :data:`NUMBERS`. A frame that shows nobody
    has one row, whose person is -1 and whose numbers are NaN.
    """
    people, frames = np.nonzero(track.valid)  # the order of the track's rows
    values = np.full((len(frames), len(NUMBERS)), np.nan, np.float32)
    for name in SCORES:
        if name in track.rows:
            values[:, NUMBERS.index(name)] = track.rows[name]
    first = len(SCORES)
    values[:, first : first + 4] = track.rows["box"]
    if len(people):
        parameters = FaceParameters.cat([track.parameters(n) for n in range(len(track.ids))])
        values[:, first + 4 :] = _motion(head, parameters)
    empty = (
        np.flatnonzero(~track.valid.any(0)) if len(track.ids) else np.arange(track.valid.shape[1])
    )
    frames = np.concatenate([frames, empty])
    persons = np.concatenate([track.ids[people], np.full(len(empty), -1)])
    values = np.concatenate([values, np.full((len(empty), len(NUMBERS)), np.nan, np.float32)])
    order = np.lexsort((persons, frames))
    return {
        "frame": frames[order].astype(np.int32),
        "seconds": track.timestamps[frames[order]],
        "person": persons[order].astype(np.int32),
        **_named(values[order]),
    }


def columns_of_faces(faces: Sequence[Face], head: HeadModel) -> dict[str, NDArray[np.generic]]:
    """Return the faces of a photo as the columns of :func:`columns_of_track`, of one frame."""
    count = max(1, len(faces))
    values = np.full((count, len(NUMBERS)), np.nan, np.float32)
    for row, face in zip(values, faces, strict=False):
        if face.detection is not None:
            row[0] = face.detection.score
            row[len(SCORES) : len(SCORES) + 4] = face.detection.box
        if face.quality is not None:
            row[1] = face.quality
        row[len(SCORES) + 4 :] = _motion(head, face.parameters[None])[0]
    persons = np.arange(count) if faces else np.array([-1])
    zeros = np.zeros(count)
    return {
        "frame": zeros.astype(np.int32),
        "seconds": zeros,
        "person": persons.astype(np.int32),
        **_named(values),
    }


def _motion(head: HeadModel, parameters: FaceParameters) -> NDArray[np.float32]:
    """Return angles in degrees and actions ``[B, 59]``; no actions for heads that name none."""
    values = np.full((len(parameters), len(ANGLES) + len(ARKIT_NAMES)), np.nan, np.float32)
    if not head.has_named_actions:
        return values
    rows = to_numpy(arkit_rows(head, parameters))
    actions = len(ARKIT_NAMES)
    values[:, : len(ANGLES)] = np.degrees(rows[:, [actions + place for place in _ANGLE_PLACES]])
    values[:, len(ANGLES) :] = rows[:, :actions]
    return values


def _named(values: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    return {
        name: np.ascontiguousarray(column) for name, column in zip(NUMBERS, values.T, strict=True)
    }
