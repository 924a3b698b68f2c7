"""Contact of eyelids and lips as morph targets of a file.

The head model moves eyelids off the eyes and lips off each other after its linear sum. A rig has
no such rule, so what contact moves in the written frames becomes targets of its own: one where the
file has one face, else the leading principal directions of all frames.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.rigs.rig import HeadMotion, Rig, RigFrames, rig_frames, rig_of
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

Values = NDArray[np.float64]

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
    head = head.to_numpy()
    rig, still = rig_of(head, parameters), rig_frames(head, parameters[None])
    moving = None if motion is None else rig_frames(head, motion.parameters)
    moves = [_moved(head, parameters[None])]
    if motion is not None:
        frames = motion.parameters
        moves += [_moved(head, frames[at : at + _BATCH]) for at in range(0, len(frames), _BATCH)]
    offsets, weights = _directions(np.concatenate(moves))
    if not len(offsets):
        return rig, still, moving
    names = tuple(f"contact_{number + 1}" for number in range(len(offsets)))
    rig = replace(
        rig,
        target_names=(*rig.target_names, *names),
        offsets=np.concatenate([rig.offsets, offsets.astype(rig.offsets.dtype)]),
        contact=names,
    )
    if moving is not None:
        moving = _joined(moving, weights[1:])
    return rig, _joined(still, weights[:1]), moving


def _moved(head: HeadModel, frames: FaceParameters) -> Values:
    offsets = head.contact_offsets(frames.to(head.v_template))
    return np.asarray(offsets, np.float64)


def _directions(moves: Values) -> tuple[Values, Values]:
    """Return targets ``[K, V, 3]`` and weights ``[T, K]`` whose products are moves ``[T, V, 3]``.

    Each target's largest weight is 1.
    """
    touched = moves.any((0, 2))
    flat = moves[:, touched].reshape(len(moves), -1)
    if not flat.size or np.abs(flat).max() < _NOTICED:
        return moves[:0], np.zeros((len(moves), 0))
    left, sizes, right = np.linalg.svd(flat, full_matrices=False)
    weights = left * sizes
    count = 1
    while count < min(len(sizes), _MOST):
        missed = flat - weights[:, :count] @ right[:count]
        if np.abs(missed).max() < _LEFT:
            break
        count += 1
    weights, right = weights[:, :count], right[:count]
    scale = weights[np.abs(weights).argmax(0), np.arange(count)]
    offsets = np.zeros((count, *moves.shape[1:]))
    offsets[:, touched] = (right * scale[:, None]).reshape(count, -1, 3)
    return offsets, weights / scale


def _joined(frames: RigFrames, weights: NDArray[np.float64]) -> RigFrames:
    return replace(frames, weights=np.concatenate([frames.weights, weights], 1))
