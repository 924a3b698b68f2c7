"""A person's head as a rig: neutral mesh, named morph targets, joints, and one face's weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.action_names import BLINKS, GAZE_ACTIONS, expression_sources
from smirk3d.heads.head_model import HeadModel

IDENTITY_GROUPS = ("shape",)


@dataclass(frozen=True)
class Rig:
    """A head that other programs can move by linear morph targets and joints.

    ``skin(vertices + weights @ offsets)`` with the joints' rotations is the head model's own
    surface, except for what :attr:`left_out` names.

    Attributes:
        vertices: this person without expression ``[V, 3]`` in metres.
        target_names: ``[K]``; ARKit's where the head has named actions.
        offsets: morph targets ``[K, V, 3]`` in metres.
        weights: ``[K]``, this face's; gated actions are already multiplied by their gate.
        joint_names: ``[J]``.
        joints: rest positions of this person ``[J, 3]``.
        parents: ``[J]``, -1 for a root.
        rotations: each joint's rotation relative to its parent ``[J, 3, 3]``.
        lbs_weights: ``[V, J]``.
        head_pose: axis-angle ``[3]`` about the origin; zero where a root joint carries it.
        gates: target name to the name of the target whose weight multiplies it.
        left_out: what a linear rig cannot show, in words.
    """

    vertices: Tensor
    target_names: tuple[str, ...]
    offsets: Tensor
    weights: Tensor
    joint_names: tuple[str, ...]
    joints: Tensor
    parents: tuple[int, ...]
    rotations: Tensor
    lbs_weights: Tensor
    head_pose: Tensor
    gates: dict[str, str]
    left_out: tuple[str, ...]


def rig_of(head: HeadModel, parameters: FaceParameters) -> Rig:
    """Return the rig of one face.

    Args:
        head: the head.
        parameters: one face, without batch dimension.
    """
    batch = parameters[None].to(head.v_template)
    neutral = head.neutral().to(head.v_template).replace(shape=batch.shape)
    with torch.no_grad():
        vertices = head.shaped(neutral)[0]
        joints = head.rest_joints(neutral)[0]
        names, offsets = _targets(head)
        weights = rig_weights(head, batch)[0]
        rotations = head.joint_rotations(batch)[0]
    rooted = "root" in head.joint_names
    gates = {head.expression_names[int(i)]: "jawOpen" for i, j in head.gate if int(j) == 0}
    left_out = []
    if head.pose_basis.shape[0]:
        left_out.append("pose correctives: under 1 mm, about 4 mm with the jaw wide open")
    if head.joints_move:
        left_out.append("joints stay where they are on the neutral face")
    if head.eyelids_after_pose and head.group("eyelids").dim:
        left_out.append("eyelids move before the pose, not after it")
    return Rig(
        vertices=vertices,
        target_names=names,
        offsets=offsets,
        weights=weights,
        joint_names=head.joint_names,
        joints=joints,
        parents=head.parents,
        rotations=rotations,
        lbs_weights=head.lbs_weights,
        head_pose=torch.zeros(3) if rooted else batch.head_pose[0].cpu(),
        gates=gates,
        left_out=tuple(left_out),
    )


def rig_weights(head: HeadModel, parameters: FaceParameters) -> Tensor:
    """Return the morph weights ``[B, K]`` of faces, in the order of the rig's targets."""
    gated = head.gated_expression(parameters)
    if not head.has_named_actions:
        return torch.cat([gated, parameters.eyelids], 1)
    columns = dict(zip(ARKIT_NAMES, head.arkit(parameters).unbind(1), strict=True))
    columns |= dict(zip(head.expression_names, gated.unbind(1), strict=True))
    names, _ = _named_rows(head)
    return torch.stack([columns[name] for name in names], 1)


def _targets(head: HeadModel) -> tuple[tuple[str, ...], Tensor]:
    if head.has_named_actions:
        names, offsets = _named_rows(head)
        return tuple(names), offsets
    first, count = head.group("shape").dim, head.group("expression").dim
    expression = head.offsets[first : first + count]
    lids = head.eyelid_offsets
    names = [f"expression{i:03d}" for i in range(count)]
    names += ["eyelidLeft", "eyelidRight"][: len(lids)]
    return tuple(names), torch.cat([expression, lids])


def _named_rows(head: HeadModel) -> tuple[list[str], Tensor]:
    """Return names and offsets; ARKit's 52 names first, in ARKit's order."""
    first = head.group("shape").dim
    rows: dict[str, Tensor] = {}
    for index, name in enumerate(head.expression_names):
        rows[name] = head.offsets[first + index]
    single = {
        arkit: head.expression_names[indices[0]]
        for arkit, indices in expression_sources(head.expression_names).items()
        if len(indices) == 1
    }
    rows |= {arkit: rows.pop(own) for arkit, own in single.items()}
    if head.has_blend_jaw:
        start = first + len(head.expression_names)
        jaw = head.offsets[start : start + 6]
        rows |= {"jawOpen": jaw[0], "jawLeft": jaw[1], "jawForward": jaw[2], "jawRight": jaw[4]}
    rows |= dict(zip(BLINKS, head.eyelid_offsets, strict=False))
    if head.has_gaze_basis:
        rows |= dict(zip(GAZE_ACTIONS, head.offsets[-8:], strict=True))
    order = [name for name in ARKIT_NAMES if name in rows]
    order += [name for name in rows if name not in ARKIT_NAMES]
    return order, torch.stack([rows[name] for name in order])
