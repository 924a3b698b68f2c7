"""Encoders changed to take crops of another size."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smirk3d.encoders.backbones import Backbone
from smirk3d.encoders.face_encoder import FaceEncoder, GroupEncoder
from smirk3d.encoders.head_description import HeadDescription
from smirk3d.encoders.output_layers import GroupOutputs, renormalize


@torch.no_grad()
def with_input_size(encoder: FaceEncoder, head: HeadDescription, size: int) -> FaceEncoder:
    """Return encoders that resize crops to another size before their backbones.

    A backbone takes any size, but spatial features then have another number of cells. The layers
    that see these are changed to act as if the cells were resampled to their former number.
    Features of larger pictures differ all the same, so that the result needs further training.

    Args:
        encoder: encoder with spatial channels, which is not changed.
        head: head whose parameters are estimated.
        size: side of the pictures in pixels.
    """
    resized = FaceEncoder(head, replace(encoder.config, input_size=size, pretrained=False))
    resized.provenance = encoder.provenance
    weights, fresh = encoder.state_dict(), resized.state_dict()
    sized = {name: fresh[name] for name in weights if fresh[name].shape != weights[name].shape}
    resized.load_state_dict({**weights, **sized})
    for ours, theirs in zip(encoder.encoders(), resized.encoders(), strict=True):
        layers = [(ours.output.linear, theirs.output.linear)]
        if ours.output.uncertain_from:
            layers.append((ours.output.activity_layer, theirs.output.activity_layer))
        if encoder.points is not None and ours is encoder.expression_encoder:
            # the points see the expression's normalized features
            assert resized.points is not None
            layers.append((encoder.points.code, resized.points.code))
        cells = _Cells(_backbone(encoder, ours), _backbone(resized, theirs))
        _take_over(ours.output, theirs.output, layers, cells)
    return resized.train(encoder.training)


def _backbone(encoder: FaceEncoder, part: GroupEncoder) -> Backbone:
    backbone = encoder.trunk or part.backbone
    assert isinstance(backbone, Backbone)
    return backbone


class _Cells:
    """Resampling of layers and features from the cells of one backbone to those of another."""

    def __init__(self, before: Backbone, after: Backbone) -> None:
        self.old, self.new = before.spatial_side, after.spatial_side
        self._split = [before.architecture.features, before.num_positions]
        cells = torch.eye(self.new * self.new).view(-1, 1, self.new, self.new)
        # [old * old, new * new], whose rows add up to 1
        self._to_old = _resized(cells, self.old).flatten(1).T

    def layer(self, weight: Tensor) -> Tensor:
        """Return the weights of a layer on plain features, on those of the other backbone."""
        to_old = self._to_old.to(weight.device)
        return self._changed(
            weight, lambda grid: (grid.flatten(-2) @ to_old).unflatten(-1, (self.new, self.new))
        )

    def features(self, values: Tensor) -> Tensor:
        """Return one number of each feature, resampled."""
        return self._changed(values, lambda grid: _resized(grid[None], self.new)[0])

    def _changed(self, values: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        fixed, rest = values.split(self._split, -1)
        return torch.cat(
            [fixed, change(rest.unflatten(-1, (-1, self.old, self.old))).flatten(-3)], -1
        )


def _take_over(
    trained: GroupOutputs,
    output: GroupOutputs,
    layers: Iterable[tuple[nn.Linear, nn.Linear]],
    cells: _Cells,
) -> None:
    """Set layers so that they act on resampled cells as trained ones on their own.

    Args:
        trained: output layer that normalizes the trained layers' features.
        output: the one that normalizes the features of the others, whose mean is set.
        layers: trained layers, of which some see no cells, and those that are set.
        cells: how cells are resampled.
    """
    if trained.normalized:
        old_mean, old_std = trained.feature_mean, trained.feature_std
        zero, one = torch.zeros_like(old_mean), torch.ones_like(old_std)
        output.feature_mean.copy_(cells.features(old_mean))
        output.feature_std.copy_(cells.features(old_std))
    for before, after in layers:
        if before.in_features != trained.linear.in_features:
            continue
        plain = copy.deepcopy(before)
        if trained.normalized:
            renormalize(plain, old_mean, old_std, zero, one)
        after.weight.copy_(cells.layer(plain.weight))
        after.bias.copy_(plain.bias)
        if trained.normalized:
            none = torch.zeros_like(output.feature_mean)
            renormalize(after, none, torch.ones_like(none), output.feature_mean, output.feature_std)


def _resized(grid: Tensor, side: int) -> Tensor:
    return F.interpolate(grid, size=(side, side), mode="bilinear", antialias=True)
