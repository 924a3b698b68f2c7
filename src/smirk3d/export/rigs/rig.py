"""A person's head as a rig: neutral mesh, named morph targets, joints; and frames that move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, array_namespace, as_like, identity_like
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_quaternion_wxyz
from smirk3d.heads.action_names import BLINKS, CHANNEL_NAMES, expression_sources
from smirk3d.heads.action_rules import Gate
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Rig:
    """A head that other programs can move by linear morph targets and joints.

    ``skin(vertices + weights @ offsets)`` with the joints' rotations is the head model's own
    surface, except for what :attr:`left_out` names.

    Attributes:
        vertices: positions of this person without expression ``[V, 3]``, in metres.
        target_names: ``[K]``; ARKit's where the head has named actions.
        offsets: morph targets ``[K, V, 3]`` in metres.
        joint_names: ``[J]``.
        joints: rest positions ``[J, 3]`` of this person, in metres.
        parents: ``[J]``, -1 for a root.
        lbs_weights: ``[V, J]``.
        gates: by target name, the gate that multiplies its weight.
        opposed: pairs of targets of which only the difference acts.
        correctives: by target name, the two targets whose product is its weight.
        arkit: for ARKit's names that are no target, the targets that share them; none where the
            head lacks the action. Empty for heads without named actions.
        left_out: motions that a linear rig cannot show, in words.
        contact: the targets that hold eyelids off the eyes and lips off each other in the frames
            that they were made for.
    """

    vertices: Values
    target_names: tuple[str, ...]
    offsets: Values
    joint_names: tuple[str, ...]
    joints: Values
    parents: tuple[int, ...]
    lbs_weights: Values
    gates: dict[str, Gate]
    opposed: tuple[tuple[str, str], ...]
    correctives: dict[str, tuple[str, str]]
    arkit: dict[str, tuple[str, ...]]
    left_out: tuple[str, ...]
    contact: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraPath:
    """Where a video's camera is in T frames, seen from the head: the head stays, the camera moves.

    Attributes:
        rotation: from the camera's axes (x right, y up, z back) to the head's ``[T, 3, 3]``.
        position: in metres, in the space of the posed head ``[T, 3]``.
        focal: focal length in pixels.
        image_size: width and height of the video in pixels; the optical axis is in the middle.
    """

    rotation: NDArray[np.float64]
    position: NDArray[np.float64]
    focal: float
    image_size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class HeadMotion:
    """Frames of one person's head for an animated file.

    Attributes:
        parameters: of the T frames.
        timestamps: seconds ``[T]``, not negative, increasing.
        camera: of the T frames, for formats that hold one.
    """

    parameters: FaceParameters
    timestamps: Sequence[float]
    camera: CameraPath | None = None

    def __post_init__(self) -> None:
        """Check that there is one time a frame and that times increase."""
        check_times(self.timestamps, len(self.parameters))


def check_times(timestamps: Sequence[float], num_frames: int) -> None:
    """Refuse times that are not one a frame, or do not increase from zero or more.

    Raises:
        ValueError: if so.
    """
    times = np.asarray(timestamps, np.float64)
    if times.shape != (num_frames,) or not num_frames:
        raise ValueError(f"need one timestamp for each of {num_frames} frames, got {times.shape}")
    if not np.isfinite(times).all() or times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError("timestamps must increase strictly from zero or more")


@dataclass(frozen=True)
class RigFrames:
    """Weights and rotations of a rig in T frames.

    Attributes:
        weights: of the morph targets ``[T, K]``; gated ones are already multiplied by their gate.
        joints_wxyz: rotation of each joint relative to its parent ``[T, J, 4]``. Neighbouring
            frames have the nearer of both signs.
        head_pose_wxyz: rotation of the whole head about the origin ``[T, 4]``; none where a root
            joint carries it.
    """

    weights: NDArray[np.float64]
    joints_wxyz: NDArray[np.float64]
    head_pose_wxyz: NDArray[np.float64]


def rig_of(head: HeadModel, parameters: FaceParameters) -> Rig:
    """Return the rig of one person.

    Args:
        head: the head.
        parameters: one face, without batch dimension; its shape is the person's.
    """
    head = head.to_numpy()
    shape = as_like(parameters.shape[None], head.v_template)
    neutral = head.neutral().replace(shape=shape)
    rows = _rows(head)
    left_out = []
    if head.pose_basis.shape[0]:
        left_out.append("pose correctives: under 1 mm, about 4 mm with the jaw wide open")
    if head.joints_move:
        left_out.append("joints stay where they are on the neutral face")
    if head.eyelids_after_pose and head.group("eyelids").dim:
        left_out.append("eyelids move before the pose, not after it")
    names = _names(head)
    opposed = [(names[int(i)], names[int(j)]) for i, j in head.rules.opposed]
    if {"jawLeft", "jawRight"} <= set(rows):
        opposed.append(("jawLeft", "jawRight"))
    return Rig(
        vertices=head.shaped(neutral)[0],
        target_names=tuple(rows),
        offsets=_offsets(head, shape)[list(rows.values())],
        joint_names=head.joint_names,
        joints=head.rest_joints(neutral)[0],
        parents=head.parents,
        lbs_weights=head.lbs_weights,
        gates=head.rules.named_gates(names),
        opposed=tuple(opposed),
        correctives=_correctives(head),
        arkit=_shared_names(head, rows),
        left_out=tuple(left_out),
    )


def rig_frames(head: HeadModel, frames: FaceParameters) -> RigFrames:
    """Return the weights and rotations that move the rig of :func:`rig_of` to faces.

    Args:
        head: the head.
        frames: ``[T, D]``.
    """
    head = head.to_numpy()
    frames = frames.to(head.v_template)
    weights = _weights(head, frames).astype(np.float64)
    turns = matrix_to_quaternion_wxyz(head.joint_rotations(frames).astype(np.float64))
    rooted = "root" in head.joint_names
    pose = frames.head_pose.astype(np.float64) * (0.0 if rooted else 1.0)
    head_pose = matrix_to_quaternion_wxyz(axis_angle_to_matrix(pose))
    return RigFrames(weights, _continuous(turns), _continuous(head_pose))


def skull_rotation(head: HeadModel, parameters: FaceParameters) -> Array:
    """Return the rotation of the skull ``[B, 3, 3]``, by head pose and neck together."""
    turns = head.joint_rotations(parameters)
    names = head.joint_names
    bearer = names.index("neck") if "neck" in names else 0
    joint = head.parents[names.index("eyeL")] if "eyeL" in names else bearer
    xp = array_namespace(turns)
    total = xp.broadcast_to(identity_like(3, turns), (len(turns), 3, 3))
    while joint >= 0:
        total = turns[:, joint] @ total
        joint = head.parents[joint]
    if "root" in names:
        return total
    return axis_angle_to_matrix(parameters.head_pose) @ total


def _weights(head: HeadModel, frames: FaceParameters) -> Values:
    weights = head.channel_weights(frames)
    if head.eyelids_after_pose:
        weights = np.concatenate([weights, frames.eyelids], 1)
    chosen: Values = weights[:, list(_rows(head).values())]
    return chosen


def _continuous(quaternions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quaternions ``[T, ..., 4]`` with signs such that neighbours are nearest."""
    opposed = (quaternions[1:] * quaternions[:-1]).sum(-1) < 0
    flips = np.cumsum(opposed, axis=0) % 2 == 1
    turns = quaternions.copy()
    turns[1:][flips] *= -1
    return turns


def _names(head: HeadModel) -> list[str]:
    """Return the name of each channel; ARKit's where it is the only one of an action."""
    count = head.group("expression").dim
    if not head.has_named_actions:
        eyelids = ["eyelidLeft", "eyelidRight"][: head.group("eyelids").dim]
        return [f"expression{i:03d}" for i in range(count)] + eyelids
    names = list(head.expression_names)
    for arkit, indices in expression_sources(names).items():
        if len(indices) == 1:
            names[indices[0]] = arkit
    for block, actions in CHANNEL_NAMES.items():
        names += actions[: head.basis_rows.size(block)]
    if head.eyelids_after_pose:
        names += BLINKS[: head.group("eyelids").dim]
    return names


def _correctives(head: HeadModel) -> dict[str, tuple[str, str]]:
    names = _names(head)
    pairs = [(names[int(i)], names[int(j)]) for i, j in head.rules.corrective_pair]
    return {f"{first}_{second}": (first, second) for first, second in pairs}


def _rows(head: HeadModel) -> dict[str, int]:
    """Return each target's channel by name: ARKit's in ARKit's order, others, correctives."""
    names = _names(head)
    at = {name: channel for channel, name in enumerate(names) if name}
    order = [name for name in ARKIT_NAMES if name in at]
    order += [name for name in at if name not in ARKIT_NAMES]
    rows = {name: at[name] for name in order}
    return rows | {name: len(names) + i for i, name in enumerate(_correctives(head))}


def _offsets(head: HeadModel, shape: Values) -> Values:
    """Return the offsets ``[C + N, V, 3]`` of channels and correctives at a person's size."""
    offsets: Values = head.offsets[head.basis_rows.moving]
    if head.eyelids_after_pose:
        return np.concatenate([offsets, head.eyelid_offsets])
    scales = head.rules.scales(shape)
    return offsets if scales is None else offsets * scales[0, :, None, None]


def _shared_names(head: HeadModel, targets: dict[str, int]) -> dict[str, tuple[str, ...]]:
    if not head.has_named_actions:
        return {}
    sources = expression_sources(head.expression_names)
    return {
        name: tuple(head.expression_names[i] for i in sources.get(name, ()))
        for name in ARKIT_NAMES
        if name not in targets
    }
