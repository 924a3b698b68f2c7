"""Which actions photos do not show, as far as a detector and a fit agree.

Landmarks and a detector's blend shapes say little of what a face does, but they seldom both miss an
action that is there: where neither has it, it is taken to be absent.
"""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_DETECTED, _FITTED = 0.05, 0.2
"""Weights up to which an action counts as absent in MediaPipe's blend shapes and in the fit of the
landmarks; chosen by hand. MediaPipe's are above 0.05 wherever it sees something."""
_FITTED_ALONE = 0.05
"""The weight in the fit of an action that MediaPipe does not estimate; chosen by hand."""
_NOT_ESTIMATED = frozenset(
    {"noseSneerLeft", "noseSneerRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
     "tongueOut"}
)  # fmt: skip
"""Actions of which MediaPipe's blend shapes are 0.000 in the mean of 3,000 photos."""


def absent_actions(
    head: HeadModel, targets: FaceParameters, faces: AnnotatedFaces
) -> Tensor | None:
    """Return whether an action is absent in N photos ``[N, E]`` bool.

    Args:
        head: the head.
        targets: fits of the photos' landmarks, N faces.
        faces: the photos.

    Returns:
        The components of the expression that the photos do not show; None for a head whose
        expressions have no names.
    """
    if not head.has_named_actions:
        return None
    columns = []
    for column, name in enumerate(head.expression_names):
        fitted = targets.expression[:, column]
        if name in _NOT_ESTIMATED or name not in faces.blendshape_names:
            columns.append(fitted < _FITTED_ALONE)
        else:
            columns.append((faces.blendshape(name) < _DETECTED) & (fitted < _FITTED))
    return torch.stack(columns, 1)
