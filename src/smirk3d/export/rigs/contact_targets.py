"""Contact of eyelids and lips as morph targets of a file.

The head model moves eyelids off the eyes and lips off each other after its linear sum. A rig has
no such rule, so what contact moves in the written frames becomes targets of its own: one where the
file has one face, else the leading principal directions of all frames.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.export.rigs.rig import HeadMotion, Rig, RigFrames, rig_frames, rig_of
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_NOTICED = 2e-5
"""Metres of contact in a frame below which no target is written; chosen by us."""
_LEFT = 1e-4
"""Metres by which the targets may miss a vertex in any frame; chosen by us."""
_MOST = 12
"""Targets at most; chosen by us."""
_BATCH = 64
"""Frames evaluated at once, to bound the memory."""


def rig_in_contact(
    head: HeadModel, parameters: FaceParameters, motion: HeadMotion | None
) -> tuple[Rig, RigFrames, RigFrames | None]:
    """Return a person's rig, one face's weights and those of a motion, with contact in them.

    Args:
        head: the head.
        parameters: one face, without batch dimension.
        motion: frames of the same person.
    """
    rig, still = rig_of(head, parameters), rig_frames(head, parameters[None])
    moving = None if motion is None else rig_frames(head, motion.parameters)
    moves = [_moved(head, parameters[None])]
    if motion is not None:
        frames = motion.parameters
        moves += [_moved(head, frames[at : at + _BATCH]) for at in range(0, len(frames), _BATCH)]
    offsets, weights = _directions(torch.cat(moves))
    if not len(offsets):
        return rig, still, moving
    names = tuple(f"contact_{number + 1}" for number in range(len(offsets)))
    rig = replace(
        rig,
        target_names=(*rig.target_names, *names),
        offsets=torch.cat([rig.offsets, offsets.to(rig.offsets)]),
        contact=names,
    )
    if moving is not None:
        moving = _joined(moving, weights[1:])
    return rig, _joined(still, weights[:1]), moving


def _moved(head: HeadModel, frames: FaceParameters) -> Tensor:
    with torch.no_grad():
        return head.contact_offsets(frames).double().cpu()


def _directions(moves: Tensor) -> tuple[Tensor, NDArray[np.float64]]:
    """Return targets ``[K, V, 3]`` and weights ``[T, K]`` whose products are moves ``[T, V, 3]``.

    Each target's largest weight is 1.
    """
    touched = moves.abs().amax((0, 2)) > 0
    flat = moves[:, touched].flatten(1)
    if not flat.numel() or float(flat.abs().max()) < _NOTICED:
        return moves[:0], np.zeros((len(moves), 0))
    left, sizes, right = torch.linalg.svd(flat, full_matrices=False)
    weights = left * sizes
    count = 1
    while count < min(len(sizes), _MOST):
        missed = flat - weights[:, :count] @ right[:count]
        if float(missed.abs().max()) < _LEFT:
            break
        count += 1
    weights, right = weights[:, :count], right[:count]
    scale = weights.gather(0, weights.abs().argmax(0, keepdim=True))[0]
    offsets = torch.zeros(count, *moves.shape[1:], dtype=moves.dtype)
    offsets[:, touched] = (right * scale[:, None]).unflatten(1, (-1, 3))
    return offsets, (weights / scale).numpy()


def _joined(frames: RigFrames, weights: NDArray[np.float64]) -> RigFrames:
    return replace(frames, weights=np.concatenate([frames.weights, weights], 1))
