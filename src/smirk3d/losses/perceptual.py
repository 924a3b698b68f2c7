"""Distances between the features that a network gives of two pictures.

Networks are given as callables, such as those of :mod:`smirk3d.feature_networks`; the caller
freezes their weights. Gradients flow through the first picture alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.errors import check_shape

FeatureMaps = Callable[[Tensor], Sequence[Tensor]]
"""From pictures ``[B, 3, H, W]`` in [0, 1] to feature maps ``[B, C, h, w]`` of some layers."""

FeatureVector = Callable[[Tensor], Tensor]
"""From pictures ``[B, 3, H, W]`` in [0, 1] to features ``[B, C]``."""


def perceptual_loss(
    predicted: Tensor,
    target: Tensor,
    network: FeatureMaps,
    layer_weights: Sequence[float] | None = None,
) -> Tensor:
    """Return the mean absolute difference of feature maps, summed over layers, a scalar.

    Each layer's mean runs over batch, channels and pixels (Johnson et al. 2016, with L1 as SMIRK).

    Args:
        predicted: ``[B, 3, H, W]``.
        target: ``[B, 3, H, W]``.
        network: gives the layers.
        layer_weights: one a layer; 1 by default.

    Raises:
        ShapeError: if the pictures' shapes differ.
        ValueError: if there are not as many weights as layers.
    """
    _check_pair(predicted, target)
    maps = network(predicted)
    with torch.no_grad():
        target_maps = network(target)
    weights = [1.0] * len(maps) if layer_weights is None else list(layer_weights)
    if len(weights) != len(maps):
        raise ValueError(f"the network has {len(maps)} layers, got {len(weights)} weights")
    total = predicted.new_zeros(())
    for weight, ours, theirs in zip(weights, maps, target_maps, strict=True):
        total = total + weight * (ours - theirs).abs().mean()
    return total


def feature_loss(predicted: Tensor, target: Tensor, network: FeatureVector) -> Tensor:
    """Return the mean squared difference of feature vectors, a scalar; SMIRK's emotion loss.

    Args:
        predicted: ``[B, 3, H, W]``.
        target: ``[B, 3, H, W]``.
        network: gives the vectors; the mean runs over batch and components.

    Raises:
        ShapeError: if the pictures' shapes differ.
    """
    _check_pair(predicted, target)
    with torch.no_grad():
        wanted = network(target)
    return F.mse_loss(network(predicted), wanted)


def feature_angle_loss(predicted: Tensor, target: Tensor, network: FeatureVector) -> Tensor:
    """Return one minus the cosine between feature vectors, averaged over the batch, a scalar.

    The usual distance of face recognition: for identity.

    Args:
        predicted: ``[B, 3, H, W]``.
        target: ``[B, 3, H, W]``.
        network: gives the vectors.

    Raises:
        ShapeError: if the pictures' shapes differ.
    """
    _check_pair(predicted, target)
    with torch.no_grad():
        wanted = network(target)
    return (1 - F.cosine_similarity(network(predicted), wanted, dim=1)).mean()


def _check_pair(predicted: Tensor, target: Tensor) -> None:
    sizes = check_shape(predicted, "B 3 H W", "predicted")
    check_shape(target, "B 3 H W", "target", **sizes)
