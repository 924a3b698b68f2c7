"""Encoders changed to take crops of another size."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.encoders.backbones import Backbone
from smirk3d.encoders.face_encoder import FaceEncoder, GroupEncoder
from smirk3d.encoders.head_description import HeadDescription
from smirk3d.encoders.output_layers import GroupOutputs


@torch.no_grad()
def with_input_size(encoder: FaceEncoder, head: HeadDescription, size: int) -> FaceEncoder:
    """Return encoders that resize crops to another size before their backbones.

    A backbone takes any size, but spatial features then have another number of cells. The output
    layers are changed to act as if the cells were resampled to their former number. Features of
    larger pictures differ all the same, so that the result needs further training.

    Args:
        encoder: encoder with spatial channels, which is not changed.
        head: head whose parameters are estimated.
        size: side of the pictures in pixels.
    """
    resized = FaceEncoder(head, replace(encoder.config, input_size=size, pretrained=False))
    resized.provenance = encoder.provenance
    fresh = {name: value for name, value in resized.state_dict().items() if ".output." in name}
    resized.load_state_dict({**encoder.state_dict(), **fresh})
    for ours, theirs in zip(encoder.encoders(), resized.encoders(), strict=True):
        before, after = _backbone(encoder, ours), _backbone(resized, theirs)
        _take_over(theirs.output, ours.output, before, after)
    return resized.train(encoder.training)


def _backbone(encoder: FaceEncoder, part: GroupEncoder) -> Backbone:
    backbone = encoder.trunk or part.backbone
    assert isinstance(backbone, Backbone)
    return backbone


def _take_over(
    output: GroupOutputs, trained: GroupOutputs, before: Backbone, after: Backbone
) -> None:
    """Set a fresh output layer so that it acts on resampled cells as a trained one on its own."""
    old, new = before.spatial_side, after.spatial_side
    cells = torch.eye(new * new, device=trained.linear.weight.device).view(-1, 1, new, new)
    # [old * old, new * new], whose rows add up to 1
    to_old = _resized(cells, old).flatten(1).T

    def with_cells(values: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        fixed, rest = values.split([before.architecture.features, before.num_positions], -1)
        return torch.cat([fixed, change(rest.unflatten(-1, (-1, old, old))).flatten(-3)], -1)

    plain = copy.deepcopy(trained)
    if trained.normalized:
        plain.normalize_features(
            torch.zeros_like(trained.feature_mean), torch.ones_like(trained.feature_std)
        )
    output.linear.weight.copy_(
        with_cells(
            plain.linear.weight, lambda grid: (grid.flatten(-2) @ to_old).unflatten(-1, (new, new))
        )
    )
    output.linear.bias.copy_(plain.linear.bias)
    if trained.normalized:
        output.normalize_features(
            *(with_cells(values, lambda grid: _resized(grid[None], new)[0])
              for values in (trained.feature_mean, trained.feature_std))
        )  # fmt: skip


def _resized(grid: Tensor, side: int) -> Tensor:
    return F.interpolate(grid, size=(side, side), mode="bilinear", antialias=True)
