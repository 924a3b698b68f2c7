"""Live Link Face's CSV: 61 columns, as animation programs import them.

Head and eye angles are radians; yaw is positive to the subject's left, pitch positive up, roll
positive towards the subject's left shoulder.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from smirk3d.assets.atomic import atomic_path
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.face_parameters import FaceParameters
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.action_names import gaze_angles
from smirk3d.heads.head_model import HeadModel

ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
HEADER = (
    "Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in ARKIT_NAMES), *ANGLES,
)  # fmt: skip
"""Columns; the file's name of a blend shape starts with a capital."""

DEFAULT_FPS = Fraction(60)


def head_angles(head_pose: Tensor) -> Tensor:
    """Return yaw, pitch and roll ``[B, 3]`` in radians of axis-angle head poses ``[B, 3]``.

    Turned about y, then x, then z: ``R = R_y(yaw) R_x(-pitch) R_z(-roll)``.
    """
    matrix = axis_angle_to_matrix(head_pose)
    yaw = torch.atan2(matrix[:, 0, 2], matrix[:, 2, 2])
    pitch = torch.asin(matrix[:, 1, 2].clamp(-1, 1))
    roll = -torch.atan2(matrix[:, 1, 0], matrix[:, 1, 1])
    return torch.stack([yaw, pitch, roll], 1)


def timecode(seconds: float, fps: Fraction) -> str:
    """Return ``HH:MM:SS:FF.sub`` of a time at a frame rate; sub is the part of a frame."""
    whole = int(seconds)
    frame = (seconds - whole) * float(fps)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    # a frame number rounded up to the rate itself would be no frame of this second
    frame = min(frame, float(fps) - 1e-3)
    return f"{hours:02d}:{minutes:02d}:{second:02d}:{frame:06.3f}"


def arkit_rows(head: HeadModel, parameters: FaceParameters) -> Tensor:
    """Return the 61 values ``[B, 61]`` of faces.

    Raises:
        AssetError: if the head has no named actions.
    """
    weights = head.arkit(parameters)
    eyes = torch.zeros(len(parameters), 6, device=weights.device)
    if parameters.eyes.shape[1]:
        yaw, pitch = gaze_angles(parameters.eyes)
        eyes[:, 0::3], eyes[:, 1::3] = yaw, pitch
    return torch.cat([weights, head_angles(parameters.head_pose), eyes], 1)


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
        timestamps: seconds ``[T]``; frame numbers over fps unless given.
        fps: frame rate of the timecode.

    Raises:
        AssetError: if the head has no named actions.
        OutputError: if the file cannot be written.
    """
    frames = parameters if parameters.shape.ndim == 2 else parameters[None]
    with torch.no_grad():
        rows = arkit_rows(head, frames.to(head.v_template)).cpu().tolist()
    times = timestamps if timestamps is not None else [t / float(fps) for t in range(len(rows))]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for time, row in zip(times, rows, strict=True):
            values = [f"{value:.8f}" for value in row]
            writer.writerow([timecode(time, fps), len(values), *values])
