"""Carry an encoder's weights of an older bake of the open head to a newer one.

    python scripts/carry_weights.py OLD_WEIGHTS OLD_HEAD NEW_HEAD OUT.safetensors

Identity outputs are mapped linearly (scripts/carry_identity.py); all others keep their meaning. The
result is a start for training on the new head.
"""

from __future__ import annotations

import sys

import torch

from carry_identity import carried_identity
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.output_layers import GroupOutputs
from smirk3d.heads.registry import load_head


@torch.no_grad()
def _rescaled(new: GroupOutputs, old: GroupOutputs) -> None:
    """Keep the outputs' values where the units of the two heads differ."""
    ratio = torch.where(new.scale > 0, old.scale / new.scale.clamp(min=1e-9), 0.0)
    shift = torch.where(new.scale > 0, (old.default - new.default) / new.scale.clamp(min=1e-9), 0.0)
    new.linear.weight.copy_(ratio[:, None] * old.linear.weight)
    new.linear.bias.copy_(ratio * old.linear.bias + shift)


@torch.no_grad()
def main(weights: str, old_name: str, new_name: str, out: str) -> None:
    old_head, new_head = load_head(old_name), load_head(new_name)
    old = FaceEncoder.from_file(weights, old_head)
    new = FaceEncoder(new_head, old.config)
    new.load_state_dict(old.state_dict())
    for ours, theirs in zip(new.encoders(), old.encoders(), strict=True):
        _rescaled(ours.output, theirs.output)
    matrix, offset = (
        torch.from_numpy(part).float() for part in carried_identity(old_head, new_head)
    )
    layer, before = new.shape_encoder.output, old.shape_encoder.output
    weight = before.scale[:, None] * before.linear.weight
    bias = before.scale * before.linear.bias + before.default
    layer.linear.weight.copy_((matrix @ weight) / layer.scale[:, None])
    layer.linear.bias.copy_((matrix @ bias + offset - layer.default) / layer.scale)
    new.provenance = {**old.provenance, "carried_from": old_name}
    new.save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
