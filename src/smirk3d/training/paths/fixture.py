"""The fixture of both paths: a head's landmarks, its renderings, weights of its points."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.landmarks.mediapipe import FACE_OVAL
from smirk3d.losses.closure import EYELID_PAIRS, LIP_CORNER_PAIRS, LIP_PAIRS, pair_rows
from smirk3d.losses.landmark import landmark_weights
from smirk3d.neural_renderer.pixel_sampling import sampling_weights
from smirk3d.rendering.mesh_renderer import MeshRenderer
from smirk3d.training.paths.config import LandmarkConfig


class TrainingFixture(nn.Module):
    """A head with the landmarks, renderer and weights that training takes from it.

    Attributes:
        head: the head.
        landmark_head: head of the landmarks alone, which evaluates faster.
        surface: mesh renderer of the face region.
        landmark_weight: weight of each landmark ``[L]``, 1 on average.
        outline: mask of the landmarks on the face's outline ``[L]`` bool.
        opening_rows: pairs of landmarks on eyelids and lips ``[N, 2]``.
        point_weight: relative frequency ``[F']`` with which points of each rendered triangle are
            drawn for its area.
        face_gram: ``[S, S]``, see :func:`face_gram`.
    """

    landmark_weight: Tensor
    outline: Tensor
    opening_rows: Tensor
    point_weight: Tensor
    face_gram: Tensor

    def __init__(self, head: HeadModel, config: LandmarkConfig, render_size: int) -> None:
        """Measure the head, on its device."""
        super().__init__()
        self.head = head
        self.landmark_head = head.at_landmarks()
        self.surface = MeshRenderer(head.faces, render_size, vertex_mask=head.regions["face"])
        weight = torch.ones_like(head.landmark_sigma)
        if config.noise:
            weight = landmark_weights(head.landmark_sigma, config.noise)
        expressive = head.regions.get("lips", head.part < 0) | head.regions.get(
            "eyelids", head.part < 0
        )
        on_expressive = expressive[head.landmark_corners].any(1)
        weight = weight * torch.where(on_expressive, config.emphasis, 1.0)
        pairs = (*EYELID_PAIRS, *LIP_PAIRS, *LIP_CORNER_PAIRS)
        oval = torch.tensor(FACE_OVAL, device=head.landmark_ids.device)
        buffers = {
            "landmark_weight": weight / weight.mean(),
            "outline": torch.isin(head.landmark_ids, oval),
            "opening_rows": pair_rows(head.landmark_ids, pairs),
            "face_gram": face_gram(head),
            "point_weight": sampling_weights(self.surface.faces, head.regions),
        }
        for name, values in buffers.items():
            self.register_buffer(name, values, persistent=False)


def face_gram(head: HeadModel) -> Tensor:
    """Return the matrix ``[S, S]`` that measures differences of identity coefficients.

    For a difference d, ``d @ face_gram @ d`` is the mean squared distance of the two neutral faces'
    vertices in square metres.
    """
    count = head.group("shape").dim
    basis = head.basis[:count].unflatten(1, (-1, 3))[:, head.regions["face"]]
    flat = basis.flatten(1)
    return flat @ flat.T / basis.shape[1]
