"""Reads Live Link Face's CSV, the app's own recordings among them."""

from __future__ import annotations

import csv
import io
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, array_namespace, as_like
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.export.arkit_csv import DEFAULT_FPS, HEADER
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_LARGEST = 256 << 20
"""Bytes; a row has about 800, so that this is an hour and a half at 60 frames a second."""
_LARGEST_ANGLE = 2 * math.pi
"""Radians; a whole turn."""
_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[:;](\d{1,3})(?:\.(\d{1,9}))?")


def read_arkit_csv(
    path: str | Path, head: HeadModel, *, fps: Fraction = DEFAULT_FPS
) -> tuple[FaceParameters, NDArray[np.float64]]:
    """Return the T faces ``[T]`` of a recording on a head's mean identity, and their times ``[T]``.

    Args:
        path: the file. Columns are found by their names, and angles may be absent.
        head: the head, with named actions.
        fps: frames a second that the timecodes count.

    Raises:
        AssetError: if the head has no named actions.
        InputError: if the file is missing, damaged or of another kind.
    """
    if not head.has_named_actions:
        raise AssetError(f"head {head.name!r} has no named actions: take the open head")
    origin = Origin(str(path), "recording of Live Link Face", "record or export it again")
    file = origin.require_file()
    with origin.refusing():
        if file.stat().st_size > _LARGEST:
            raise Unfit(f"it has more than {_LARGEST >> 20} MiB")
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
        values, times = _table(rows, fps)
    return _faces(head, values), times


def _table(rows: list[list[str]], fps: Fraction) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 61 values of each frame ``[T, 61]`` and its time ``[T]``, from zero."""
    names = {name.strip().lower(): place for place, name in enumerate(rows[0])} if rows else {}
    lacking = [name for name in (HEADER[0], *ARKIT_NAMES) if name.lower() not in names]
    if lacking:
        raise Unfit(f"it lacks the column {lacking[0]}")
    filled = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    if not filled:
        raise Unfit("it has no frames")
    columns = [names.get(name.lower()) for name in HEADER[2:]]
    values = np.array(
        [[float(row[c]) if c is not None else 0.0 for c in columns] for row in filled]
    )
    if not np.isfinite(values).all() or np.abs(values).max() > _LARGEST_ANGLE:
        raise Unfit("a value is no weight and no angle in radians")
    times = np.array([_seconds(row[names["timecode"]], fps) for row in filled])
    times -= times[0]
    if (np.diff(times) <= 0).any():
        raise Unfit("its timecodes do not increase")
    return values, times


def _seconds(timecode: str, fps: Fraction) -> float:
    match = _TIMECODE.fullmatch(timecode.strip())
    if match is None:
        raise Unfit(f"{timecode[:20]!r} is no timecode")
    hours, minutes, seconds, frame = map(int, match.groups()[:4])
    part = float(f"0.{match[5]}") if match[5] else 0.0
    return 3600 * hours + 60 * minutes + seconds + (frame + part) / float(fps)


def _faces(head: HeadModel, values: NDArray[np.float64]) -> FaceParameters:
    table = as_like(values, head.v_template)
    count = len(ARKIT_NAMES)
    faces = head.from_arkit(table[:, :count].clip(0, 1))
    angles = table[:, count:].reshape(-1, 3, 3)
    turned = matrix_to_axis_angle(rotations_of(angles))
    faces = faces.replace(head_pose=turned[:, 0])
    if faces.eyes.shape[1] and bool(angles[:, 1:].any()):
        faces = faces.replace(eyes=turned[:, 1:].reshape(-1, 6))
    return faces


def rotations_of(angles: Array) -> Array:
    """Return rotations ``[..., 3, 3]`` of yaw, pitch and roll ``[..., 3]`` with the app's signs."""
    yaw, pitch, roll = (-angles[..., 0], angles[..., 1], -angles[..., 2])
    xp = array_namespace(angles)
    zero, one = xp.zeros_like(yaw), xp.ones_like(yaw)

    def rows(*cells: Array) -> Array:
        return xp.stack(cells, axis=-1).reshape(*yaw.shape, 3, 3)

    cy, sy, cx, sx, cz, sz = (f(a) for a in (yaw, pitch, roll) for f in (xp.cos, xp.sin))
    about_y = rows(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_x = rows(one, zero, zero, zero, cx, -sx, zero, sx, cx)
    about_z = rows(cz, -sz, zero, sz, cz, zero, zero, zero, one)
    return about_y @ about_x @ about_z
