"""The same encoders for crops of another size."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.encoders.backbones import Backbone
from smirk3d.encoders.face_encoder import FaceEncoder, GroupEncoder, ReadableHead
from smirk3d.encoders.output_layers import GroupOutputs


@torch.no_grad()
def with_input_size(encoder: FaceEncoder, head: ReadableHead, size: int) -> FaceEncoder:
    """Return encoders that resize crops to another size before their backbones.

    A backbone serves any size; output layers that take features cell by cell then meet another
    number of cells. They read them as if resampled to the number that they know. Features of larger
    pictures differ all the same, so that a training has to go on from there.

    Args:
        encoder: what to start from, with spatial channels; it stays as it is.
        head: whose parameters it reads.
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
    output: GroupOutputs, known: GroupOutputs, before: Backbone, after: Backbone
) -> None:
    """Let a fresh output layer read the cells of a backbone as a known one reads another's."""
    old, new = before.spatial_side, after.spatial_side
    cells = torch.eye(new * new, device=known.linear.weight.device).view(-1, 1, new, new)
    # [old * old, new * new], whose rows add up to 1
    to_old = _resized(cells, old).flatten(1).T

    def placed(values: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        fixed, rest = values.split([before.architecture.features, before.num_positions], -1)
        return torch.cat([fixed, change(rest.unflatten(-1, (-1, old, old))).flatten(-3)], -1)

    plain = copy.deepcopy(known)
    if known.normalized:
        plain.normalize_features(
            torch.zeros_like(known.feature_mean), torch.ones_like(known.feature_std)
        )
    output.linear.weight.copy_(
        placed(
            plain.linear.weight, lambda grid: (grid.flatten(-2) @ to_old).unflatten(-1, (new, new))
        )
    )
    output.linear.bias.copy_(plain.linear.bias)
    if known.normalized:
        output.normalize_features(
            *(placed(values, lambda grid: _resized(grid[None], new)[0])
              for values in (known.feature_mean, known.feature_std))
        )  # fmt: skip


def _resized(grid: Tensor, side: int) -> Tensor:
    return F.interpolate(grid, size=(side, side), mode="bilinear", antialias=True)
