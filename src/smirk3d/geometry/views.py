"""Parameters of the same face seen in another crop of the same picture."""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.parameters.face_parameters import FaceParameters


def transform_view(
    parameters: FaceParameters,
    T_target_source: Tensor,
    source_size: int,
    target_size: int,
    *,
    pivot: Tensor | None = None,
) -> FaceParameters:
    """Return parameters with head pose and camera of another crop of the same picture.

    Args:
        parameters: B faces in the frame of the source crop.
        T_target_source: similarities ``[B, 3, 3]`` in pixels, without reflection.
        source_size: side of the source crop in pixels.
        target_size: side of the target crop in pixels.
        pivot: the point ``[B, 3]`` about which the head pose rotates, in metres; the origin unless
            given. See :meth:`smirk3d.heads.head_model.HeadModel.pivot`.
    """
    linear = T_target_source[:, :2, :2]
    zoom = torch.linalg.det(linear).sqrt()
    # clockwise in the picture (y down) is negative about head space's z
    roll = torch.zeros_like(parameters.head_pose)
    roll[:, 2] = -torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
    rotated = axis_angle_to_matrix(roll) @ axis_angle_to_matrix(parameters.head_pose)
    scale, shift = parameters.camera[:, :1], parameters.camera[:, 1:]
    fixed = torch.zeros_like(shift) if pivot is None else pivot[:, :2]
    down = shift.new_tensor([1.0, -1.0])
    seen = (scale * (fixed + shift) * down + 1) * (source_size / 2)
    moved = (linear @ seen[..., None])[..., 0] + T_target_source[:, :2, 2]
    new_scale = scale * zoom[:, None] * (source_size / target_size)
    new_shift = (moved * (2 / target_size) - 1) * down / new_scale - fixed
    return parameters.replace(
        head_pose=matrix_to_axis_angle(rotated), camera=torch.cat([new_scale, new_shift], 1)
    )
