"""Parameters of the same face seen in another crop of the same picture."""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace, constant
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.parameters.face_parameters import FaceParameters


def transform_view(
    parameters: FaceParameters,
    T_target_source: Array,
    source_size: int,
    target_size: int,
    *,
    pivot: Array | None = None,
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
    xp = array_namespace(T_target_source)
    linear = T_target_source[:, :2, :2]
    zoom = xp.sqrt(xp.linalg.det(linear))
    # clockwise in the picture (y down) is negative about head space's z
    roll = xp.zeros_like(parameters.head_pose)
    roll[:, 2] = -xp.atan2(linear[:, 1, 0], linear[:, 0, 0])
    rotated = axis_angle_to_matrix(roll) @ axis_angle_to_matrix(parameters.head_pose)
    scale, shift = parameters.camera[:, :1], parameters.camera[:, 1:]
    fixed = xp.zeros_like(shift) if pivot is None else pivot[:, :2]
    down = constant([1.0, -1.0], shift)
    seen = (scale * (fixed + shift) * down + 1) * (source_size / 2)
    moved = (linear @ seen[..., None])[..., 0] + T_target_source[:, :2, 2]
    new_scale = scale * zoom[:, None] * (source_size / target_size)
    new_shift = (moved * (2 / target_size) - 1) * down / new_scale - fixed
    return parameters.replace(
        head_pose=matrix_to_axis_angle(rotated), camera=xp.concat([new_scale, new_shift], axis=1)
    )
