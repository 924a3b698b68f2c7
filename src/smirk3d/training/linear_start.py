"""Output layers that start from a ridge regression on the features at hand.

A pretrained backbone represents rare actions weakly: distributed over thousands of features and
drowned by other differences between people. Gradient steps need long before an output has weights
worth a gradient to the backbone. The best linear layer, in closed form from a few thousand faces,
has them at once; training then goes on from there (linear probing before fine-tuning, Kumar et al.
2022).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smirk3d.data.augmentation import TrainingBatch
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.output_layers import GroupOutputs
from smirk3d.encoders.point_outputs import PointOutputs
from smirk3d.errors import InputError
from smirk3d.geometry.cameras import pixels_to_ndc


@torch.no_grad()
def start_spatial_features(encoder: FaceEncoder, images: Iterable[Tensor]) -> None:
    """Start spatial channels as a random rotation of their stage's channels.

    Their batch norm scales them to the range of the activation.

    Args:
        encoder: encoder with a shared backbone.
        images: batches ``[B, 3, N, N]`` of crops at the input's size, on which the statistics are
            measured.
    """
    trunk = encoder.trunk
    if trunk is None or trunk.spatial is None:
        return
    spatial = trunk.spatial
    torch.nn.init.orthogonal_(spatial.conv.weight)
    training = encoder.training
    encoder.eval()
    drawn = torch.cat([spatial.conv(trunk.spatial_features(batch)) for batch in images])
    encoder.train(training)
    spatial.bn1.get_buffer("running_mean").copy_(drawn.mean((0, 2, 3)))
    spatial.bn1.get_buffer("running_var").copy_(drawn.var((0, 2, 3)))
    # ReLU6 keeps two and a half standard deviations either way
    spatial.bn1.weight.fill_(1.2)
    spatial.bn1.bias.fill_(3.0)


@torch.no_grad()
def start_from_regression(
    encoder: FaceEncoder,
    batches: Iterable[TrainingBatch],
    *,
    everything: bool = False,
    photo_weight: float = 3.0,
    change_weight: float = 2.0,
    ridge: float = 0.5,
) -> None:
    """Add a ridge regression of the residual to the expression's output layer, or to all.

    Rows of the regression are faces, and differences between the two pictures of a pair; see
    :func:`~smirk3d.training.paths.pseudo_labels.change_loss`.

    Args:
        encoder: encoder with a shared backbone and measured normalized features.
        batches: batches of faces with targets.
        everything: regress shape, view and surface points too, from batches of drawn people.
        photo_weight: weight of a face whose target is a fit, relative to one with ground truth.
        change_weight: weight of a difference.
        ridge: penalty per face; a larger one keeps the layer nearer to its start.

    Raises:
        InputError: if there are no batches.
    """
    trunk, output = encoder.trunk, encoder.expression_encoder.output
    if trunk is None:
        raise InputError("a regression needs an encoder with a shared backbone")
    training = encoder.training
    encoder.eval()
    outputs = [part.output for part in encoder.encoders()] if everything else [output]
    points = encoder.points if everything else None
    left = right = None
    faces = 0
    for batch in batches:
        features = output.normalized_features(trunk(batch.images))
        missed = [_missed(each, features, batch) for each in outputs]
        if points is not None:
            missed.append(_missed_code(points, features, batch))
        weight = torch.where(batch.is_ground_truth, 1.0, photo_weight)
        features = F.pad(features, (0, 1), value=1.0)
        rows = _with_changes(features, batch.pairs, weight, change_weight)
        wanted = _with_changes(torch.cat(missed, 1), batch.pairs, weight, change_weight)
        if left is None or right is None:
            left = rows.new_zeros(rows.shape[1], rows.shape[1])
            right = rows.new_zeros(rows.shape[1], wanted.shape[1])
        left.addmm_(rows.T, rows)
        right.addmm_(rows.T, wanted)
        faces += len(features)
    encoder.train(training)
    if left is None or right is None:
        raise InputError("a regression needs batches")
    # the last feature is the constant one, whose weight is the bias
    left.diagonal()[:-1].add_(ridge * faces)
    found = torch.linalg.solve(left, right).T
    _add_rows([each.linear for each in outputs] + ([] if points is None else [points.code]), found)


def _add_rows(layers: Sequence[nn.Linear], rows: Tensor) -> None:
    """Add weights, with the bias in the last column, to layers whose outputs follow each other."""
    parts = rows.split([layer.out_features for layer in layers])
    for layer, part in zip(layers, parts, strict=True):
        layer.weight.add_(part[:, :-1])
        layer.bias.add_(part[:, -1])


def _missed(output: GroupOutputs, features: Tensor, batch: TrainingBatch) -> Tensor:
    """Return what an output layer lacks to its targets ``[B, D]``, in the layer's units."""
    targets = output.row(batch.targets)
    free = (output.hi > output.lo).float()
    missed = (targets - output.default) / output.scale - output.linear(features)
    if output.uncertain_from and output.activity_layer.weight.any():
        # the layer has learnt the sizes of actions that are there, not their expected values
        free = free.index_fill(0, output.sparse, 0.0)
    return missed.nan_to_num(0.0, 0.0, 0.0) * free


def _missed_code(points: PointOutputs, features: Tensor, batch: TrainingBatch) -> Tensor:
    """Return what the points' code lacks to the code of the true points ``[B, C]``."""
    assert batch.points is not None
    target = pixels_to_ndc(batch.points, batch.images.shape[-1])
    away = (target - points.points.bias.unflatten(0, (-1, 2))).flatten(1)
    missed = away @ torch.linalg.pinv(points.points.weight).T - points.code(features)
    # points of mirrored faces are unknown
    return missed.nan_to_num(0.0, 0.0, 0.0)


def _with_changes(values: Tensor, pairs: int, weight: Tensor, change_weight: float) -> Tensor:
    """Return weighted rows ``[B, C]`` and under them the weighted differences within pairs."""
    change = values[:pairs] - values[pairs : 2 * pairs]
    return torch.cat([values * weight.sqrt()[:, None], change * change_weight**0.5])
