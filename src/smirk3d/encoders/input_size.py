"""The same encoders for crops of another size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.encoders.backbones import Backbone
from smirk3d.encoders.face_encoder import FaceEncoder, ReadableHead
from smirk3d.encoders.output_layers import GroupOutputs


@torch.no_grad()
def with_input_size(encoder: FaceEncoder, head: ReadableHead, size: int) -> FaceEncoder:
    """Return encoders that resize crops to another size before their backbones.

    A backbone serves any size; output layers that take features cell by cell then meet another
    number of cells. They read them as if resampled to the number that they know. Features of larger
    pictures differ all the same, so that a training has to go on from there.

    Args:
        encoder: what to start from; it stays as it is.
        head: whose parameters it reads.
        size: side of the pictures in pixels.
    """
    resized = FaceEncoder(head, replace(encoder.config, input_size=size, pretrained=False))
    resized.provenance = encoder.provenance
    weights = encoder.state_dict()
    for name in ("pose_encoder", "shape_encoder", "expression_encoder"):
        ours, theirs = getattr(encoder, name), getattr(resized, name)
        before = encoder.trunk or ours.backbone
        after = resized.trunk or theirs.backbone
        if before.num_cells:
            layer = _resampled(ours.output, before, after)
            weights |= {f"{name}.output.{key}": value for key, value in layer.items()}
    resized.load_state_dict(weights)
    return resized.train(encoder.training)


def _resampled(output: GroupOutputs, before: Backbone, after: Backbone) -> dict[str, Tensor]:
    """Return an output layer's state for a backbone with another number of cells."""
    old, new = before.place_side, after.place_side
    cells = torch.eye(new * new, device=output.linear.weight.device).view(-1, 1, new, new)
    # [old * old, new * new], whose rows add up to 1
    to_old = _resized(cells, old).flatten(1).T

    def placed(values: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        fixed, rest = values.split([before.architecture.features, before.num_cells], -1)
        return torch.cat([fixed, change(rest.unflatten(-1, (-1, old, old))).flatten(-3)], -1)

    weight: Tensor = output.linear.weight
    bias: Tensor = output.linear.bias
    if output.standardised:
        weight = weight / output.spread
        bias = bias - weight @ output.centre
    weight = placed(weight, lambda grid: (grid.flatten(-2) @ to_old).unflatten(-1, (new, new)))
    if not output.standardised:
        return {"linear.weight": weight, "linear.bias": bias}
    centre, spread = (
        placed(values, lambda grid: _resized(grid[None], new)[0])
        for values in (output.centre, output.spread)
    )
    bias = bias + weight @ centre
    return {"linear.weight": weight * spread, "linear.bias": bias, "centre": centre,
            "spread": spread}  # fmt: skip


def _resized(grid: Tensor, side: int) -> Tensor:
    return F.interpolate(grid, size=(side, side), mode="bilinear", antialias=True)
