"""Live Link Face's CSV: 61 columns, as animation programs import them.

Head and eye angles are radians: yaw positive to the subject's right, pitch positive down, roll
positive towards the subject's left shoulder, ``R = R_y(-yaw) R_x(pitch) R_z(-roll)``. Epic
documents neither unit nor sign. In recordings of the app that users published, the eyes' angles
follow the gaze weights by 0.61 a unit of ``EyeLookDown``, -0.45 of ``EyeLookUp``, -0.59 of
``EyeLookOutLeft`` and -0.62 of ``EyeLookInRight``, and their roll is yaw times pitch; the head's
columns are zero there, and are assumed to be alike.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from smirk3d.array_interface import Array, array_namespace, without_gradients
from smirk3d.assets.atomic import atomic_path
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.export.rigs.rig import check_times, skull_rotation
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
HEADER = (
    "Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in ARKIT_NAMES), *ANGLES,
)  # fmt: skip
"""Columns; in the file the name of a blend shape starts with a capital."""

DEFAULT_FPS = Fraction(60)
"""Frame rate of the timecodes in the app's own recordings, whatever their camera gives."""


def rotation_angles(matrix: Array) -> Array:
    """Return yaw, pitch and roll ``[B, 3]`` in radians, with the app's signs, of ``[B, 3, 3]``."""
    xp = array_namespace(matrix)
    yaw = -xp.atan2(matrix[:, 0, 2], matrix[:, 2, 2])
    pitch = -xp.asin(matrix[:, 1, 2].clip(-1, 1))
    roll = -xp.atan2(matrix[:, 1, 0], matrix[:, 1, 1])
    return xp.stack([yaw, pitch, roll], axis=1)


def timecode(seconds: float, fps: Fraction) -> str:
    """Return ``HH:MM:SS:FF.sub`` of a time, at any frame rate.

    Hours to seconds are true time; FF.sub counts frames of 1 / fps since the whole second, sub in
    thousandths of a frame. Nothing is dropped at 30000/1001.
    """
    # a float's last bits must not move a time to the second before
    micros = round(seconds * 1e6)
    whole, rest = divmod(micros, 1_000_000)
    thousandths = round(rest * fps / 1000)
    # the last frame of a second at a fractional rate may round up to the next second's first
    frame, sub = divmod(min(thousandths, math.ceil(fps * 1000) - 1), 1000)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{frame:02d}.{sub:03d}"


@without_gradients
def arkit_rows(head: HeadModel, parameters: FaceParameters) -> Array:
    """Return the 61 values ``[B, 61]`` of faces, in the head's library and precision.

    Raises:
        AssetError: if the head has no named actions.
    """
    parameters = parameters.to(head.v_template)
    xp = array_namespace(head.v_template)
    angles = [rotation_angles(skull_rotation(head, parameters))]
    if parameters.eyes.shape[1]:
        eyes = axis_angle_to_matrix(parameters.eyes.reshape(-1, 2, 3))
        angles += [rotation_angles(eyes[:, side]) for side in (0, 1)]
    else:
        angles += [xp.zeros_like(parameters.head_pose)] * 2
    return xp.concat([head.arkit(parameters), *angles], axis=1)


def write_arkit_csv(
    path: str | Path,
    head: HeadModel,
    parameters: FaceParameters,
    *,
    timestamps: Sequence[float] | None = None,
    fps: Fraction = DEFAULT_FPS,
) -> None:
    """Write frames as Live Link Face does, atomically.

    Args:
        path: file to write.
        head: the head, with named actions.
        parameters: one face ``[D]``, or T frames ``[T, D]``.
        timestamps: seconds ``[T]``, not negative, increasing; frame numbers over fps unless given.
            Timecodes are these times, so that a variable frame rate stays in step with its video.
        fps: frame rate of the timecode.

    Raises:
        AssetError: if the head has no named actions.
        OutputError: if the file cannot be written.
        ValueError: if timestamps do not increase from zero or more, or are not one a frame.
    """
    frames = parameters if parameters.shape.ndim == 2 else parameters[None]
    rows = arkit_rows(head, frames).tolist()
    times = timestamps if timestamps is not None else [float(t / fps) for t in range(len(rows))]
    check_times(times, len(rows))
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for time, row in zip(times, rows, strict=True):
            values = [f"{value:.10f}" for value in row]
            writer.writerow([timecode(time, fps), len(values), *values])
