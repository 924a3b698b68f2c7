"""Mirrored faces: landmarks and parameters of photos that are flipped."""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.landmarks.mediapipe import mirror_landmarks
from smirk3d.heads.parameter_mirror import ParameterMirror
from smirk3d.parameters.face_parameters import FaceParameters


class Mirror:
    """Flips landmarks and parameters of one head left to right.

    Attributes:
        landmark_order: row ``[L]`` of the landmark on the other side, for each embedded landmark.
        shape_map: ``[S, S]``; ``shape @ shape_map`` is the mirrored person's shape, to the accuracy
            with which the identity basis can show it.
    """

    def __init__(self, head: HeadModel) -> None:
        """Measure the head's symmetry."""
        template = head.landmarks(head.v_template[None])[0]
        self.landmark_order = mirror_landmarks(template)
        self.shape_map = _mirrored_shape_map(head)
        self.has_actions = head.has_named_actions
        self._mirrored = ParameterMirror(head)

    def landmarks(self, points: Tensor, size: int) -> Tensor:
        """Return embedded landmarks ``[B, L, 2]`` in pixels of the flipped picture."""
        flipped = points[:, self.landmark_order.to(points.device)].clone()
        flipped[..., 0] = size - flipped[..., 0]
        return flipped

    def parameters(self, parameters: FaceParameters) -> FaceParameters:
        """Return the parameters ``[B]`` of the mirrored faces.

        The mirror image of PCA expressions is unknown, and they are returned as they are.
        """
        shape = parameters.shape @ self.shape_map.to(parameters.shape.device)
        return self._mirrored(parameters).replace(shape=shape)


def _mirrored_shape_map(head: HeadModel) -> Tensor:
    """Return ``[S, S]`` that maps shape coefficients to those of the mirrored surface."""
    flip = head.v_template.new_tensor([-1.0, 1.0, 1.0])
    distance = torch.cdist(head.v_template * flip, head.v_template)
    other_part = head.part[:, None] != _swapped_parts(head.part)[None]
    partner = distance.masked_fill(other_part.T, torch.inf).argmin(1)
    size = head.group("shape").dim
    basis = head.basis[:size].unflatten(1, (-1, 3))
    mirrored = (basis[:, partner] * flip).flatten(1)
    plain = basis.flatten(1)
    # coefficients c of the mirrored surface solve c @ plain = s @ mirrored
    gram = plain @ plain.T
    ridge = 1e-6 * gram.diagonal().mean() * torch.eye(size, device=gram.device)
    return torch.linalg.solve(gram + ridge, plain @ mirrored.T).T


def _swapped_parts(part: Tensor) -> Tensor:
    swapped = part.clone()
    swapped[part == 1], swapped[part == 2] = 2, 1
    return swapped
