"""Random faces of the tiny heads."""

from __future__ import annotations

import torch

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters


def random_faces(head: HeadModel, batch_size: int) -> FaceParameters:
    groups = {}
    for group in head.spec:
        std = torch.tensor(group.prior_std)
        groups[group.name] = group.clamp(torch.randn(batch_size, group.dim) * std)
    return head.neutral(batch_size).replace(**groups, head_pose=torch.randn(batch_size, 3) * 0.3)
