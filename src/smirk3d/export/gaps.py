"""Fills frames that do not show a person: the last face for a moment, then the face at rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, as_like
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

HOLD_SECONDS = 1.0
"""Seconds that the last face stays: as long as a hand before the face or a glance aside lasts."""
EASE_SECONDS = 0.5
"""Seconds from there to the face at rest."""

_STAYING = ("shape", "camera")


def towards_rest(head: HeadModel, parameters: FaceParameters, fractions: Array) -> FaceParameters:
    """Return faces between themselves and rest; shape and camera stay.

    Args:
        head: the head.
        parameters: B faces ``[B, D]``.
        fractions: fraction that is left of each face ``[B]``, from 1 to 0, the neutral face
            straight ahead.
    """
    rest = head.neutral(len(parameters)).to(parameters.head_pose)
    left = as_like(fractions, parameters.head_pose)[:, None]
    moved = {
        name: getattr(rest, name) + left * (values - getattr(rest, name))
        for name, values in parameters.items()
        if name not in _STAYING
    }
    return parameters.replace(**moved)


def with_gaps_filled(
    head: HeadModel,
    parameters: FaceParameters,
    frames: NDArray[np.int64],
    timestamps: Sequence[float] | NDArray[np.float64],
) -> FaceParameters:
    """Return the parameters of one person in all T frames of a clip.

    Frames in which the person is seen stay as they are. After them the last face is held for
    :data:`HOLD_SECONDS`, and goes to rest in :data:`EASE_SECONDS`; before the first it rests.

    Args:
        head: the head.
        parameters: of the F frames that show the person, at least one.
        frames: numbers ``[F]`` of these frames, increasing.
        timestamps: times ``[T]`` of all frames of the clip, in seconds.
    """
    times = np.asarray(timestamps, np.float64)
    last = np.searchsorted(frames, np.arange(len(times)), "right") - 1
    gone = times - times[frames[np.maximum(last, 0)]]
    fractions = np.clip(1 - (gone - HOLD_SECONDS) / EASE_SECONDS, 0, 1)
    fractions[last < 0] = 0
    return towards_rest(head, parameters[np.maximum(last, 0)], fractions)
