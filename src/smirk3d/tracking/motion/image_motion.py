"""Motion of faces in picture coordinates, independent of each frame's crop.

A crop's camera jumps with the crop. For smoothing, the translation of a face is where a fixed point
in the middle of its head is seen, in picture pixels; so a rotation about the neck does not count as
a translation too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import as_like, constant, to_numpy
from smirk3d.conventions import CROP_SIZE
from smirk3d.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_quaternion_wxyz,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

Array = NDArray[np.float64]

GROUPS = ("expression", "jaw", "eyelids", "eyes")
"""Groups that move from frame to frame; the neck follows the head pose, the shape stays."""


@dataclass(frozen=True)
class ImageMotion:
    """Motion of one face in T frames.

    Attributes:
        rotation: head pose as quaternions ``[T, 4]``, real part first.
        translation: where the head's anchor is seen ``[T, 2]``, in picture pixels.
        log_scale: natural logarithm of the pixels that a metre spans ``[T, 1]``.
        groups: the values ``[T, D]`` of :data:`GROUPS`, by name.
    """

    rotation: Array
    translation: Array
    log_scale: Array
    groups: dict[str, Array]


def signal_std(std: Mapping[str, NDArray[np.floating]]) -> dict[str, Array]:
    """Return standard deviations of a motion's signals, whose course over time alone has meaning.

    Args:
        std: standard deviations ``[T, D]`` of the moving parameter groups, by name.

    Returns:
        ``[T, 1]`` of ``rotation``, ``translation`` and ``log_scale``, ``[T, D]`` of each group.
    """
    rows = {name: np.asarray(values, np.float64) for name, values in std.items()}
    return {name: rows[name] for name in GROUPS} | {
        "rotation": np.linalg.norm(rows["head_pose"], axis=1, keepdims=True),
        "log_scale": rows["camera"][:, :1],
        "translation": np.linalg.norm(rows["camera"][:, 1:], axis=1, keepdims=True),
    }


@dataclass(frozen=True)
class HeadAnchor:
    """A point in the middle of a head, which a head pose R moves to ``R @ arm + pivot``.

    Attributes:
        arm: ``[3]`` from the pivot to the point, in metres.
        pivot: ``[3]`` in metres; zero for heads that rotate about the origin.
    """

    arm: Array
    pivot: Array

    @classmethod
    def of(cls, head: HeadModel) -> HeadAnchor:
        """Return the mean of the head's landmarks, or of its vertices where it has none."""
        points = head.at_landmarks() if len(head.landmark_ids) else head
        poses = constant([[0, 0, 0], [np.pi, 0, 0], [0, 0, np.pi]], head.v_template)
        placed = head.neutral(3).replace(head_pose=poses)
        seen = to_numpy(points(placed).vertices).astype(np.float64).mean(1)
        # half turns about x and z change the sign of two coordinates each
        x = (seen[0, 0] + seen[2, 0]) / 2
        pivot = np.array([x, *((seen[0, 1:] + seen[1, 1:]) / 2)])
        return cls(seen[0] - pivot, pivot)

    def position(self, rotation: Array) -> Array:
        """Return positions ``[T, 3]`` of the anchor, in metres, under rotations ``[T, 3, 3]``."""
        return rotation @ self.arm + self.pivot


def to_image(parameters: FaceParameters, T_crop_image: Array, anchor: HeadAnchor) -> ImageMotion:
    """Return the motion of a face in T frames.

    Args:
        parameters: of the T frames, each in its crop.
        T_crop_image: ``[T, 3, 3]``, picture pixels to crop pixels.
        anchor: of the head.
    """
    values = {name: to_numpy(array).astype(np.float64) for name, array in parameters.items()}
    rotation, camera = axis_angle_to_matrix(values["head_pose"]), values["camera"]
    seen = camera[:, :1] * (anchor.position(rotation)[:, :2] + camera[:, 1:])
    crop = (seen * [1.0, -1.0] + 1) * (CROP_SIZE / 2)
    zoom = T_crop_image[:, 0, 0]
    return ImageMotion(
        rotation=continuous(matrix_to_quaternion_wxyz(rotation)),
        translation=(crop - T_crop_image[:, :2, 2]) / zoom[:, None],
        log_scale=np.log(camera[:, :1] * (CROP_SIZE / 2) / zoom[:, None]),
        groups={name: values[name] for name in GROUPS},
    )


def to_crops(
    motion: ImageMotion, like: FaceParameters, T_crop_image: Array, anchor: HeadAnchor
) -> FaceParameters:
    """Return the parameters of T frames that show a motion in their crops.

    Args:
        motion: of the T frames.
        like: parameters of T frames, whose shape and neck are kept.
        T_crop_image: ``[T, 3, 3]``, picture pixels to crop pixels.
        anchor: of the head.
    """
    rotation = rotations_of(motion.rotation)
    zoom = T_crop_image[:, :1, 0]
    scale = np.exp(motion.log_scale) * zoom / (CROP_SIZE / 2)
    crop = motion.translation * zoom + T_crop_image[:, :2, 2]
    seen = (crop / (CROP_SIZE / 2) - 1) * [1.0, -1.0]
    shift = seen / scale - anchor.position(rotation)[:, :2]
    camera = np.concatenate([scale, shift], 1)
    moved = {**motion.groups, "head_pose": matrix_to_axis_angle(rotation), "camera": camera}
    return like.replace(**{name: as_like(values, like.shape) for name, values in moved.items()})


def rotations_of(quaternions: Array) -> Array:
    """Return rotation matrices ``[T, 3, 3]`` of quaternions ``[T, 4]`` of any length."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def continuous(quaternions: Array) -> Array:
    """Return quaternions ``[T, 4]`` with signs such that neighbours are nearest."""
    opposed = (quaternions[1:] * quaternions[:-1]).sum(1) < 0
    signs = np.where(np.cumsum(opposed) % 2 == 1, -1.0, 1.0)
    return np.concatenate([quaternions[:1], quaternions[1:] * signs[:, None]])


def rows_of(motion: ImageMotion, rows: slice | NDArray[np.intp]) -> ImageMotion:
    """Return the motion in some of its frames."""
    return replace(
        motion,
        rotation=motion.rotation[rows],
        translation=motion.translation[rows],
        log_scale=motion.log_scale[rows],
        groups={name: values[rows] for name, values in motion.groups.items()},
    )
