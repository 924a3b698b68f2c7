"""From features to fixed points of the head's surface in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_CODE = 80
"""Numbers through which points are predicted. Points of a face move together: of 20,000 drawn
crops, 80 principal components leave less than half a pixel of a 224 crop."""
_FIRST_LOG_STD = -3.0
"""Logarithm of the first standard deviation in device coordinates: 5.6 pixels of a 224 crop."""


@dataclass(frozen=True, eq=False)
class PointDetails:
    """Predicted points of B faces.

    Attributes:
        points: ``[B, P, 2]`` in device coordinates.
        log_std: logarithm ``[B, P]`` of the standard deviation of their errors per axis.
        visible: logits ``[B, P]`` of the probability that a point is visible.
    """

    points: Tensor
    log_std: Tensor
    visible: Tensor


class PointOutputs(nn.Module):
    """Two linear layers: features to a code, and the code to points.

    Attributes:
        corners, bary: the points on the head's surface: vertices and barycentric coordinates
            ``[P, 3]``.
    """

    corners: Tensor
    bary: Tensor

    def __init__(self, num_features: int, num_common: int, count: int) -> None:
        """Build the layers.

        Args:
            num_features: number of features.
            num_common: number of first features from which uncertainty is predicted.
            count: number of points P.
        """
        super().__init__()
        self.num_common = num_common
        self.code = nn.Linear(num_features, _CODE)
        self.points = nn.Linear(_CODE, 2 * count)
        self.certainty = nn.Linear(num_common, 2 * count)
        self.register_buffer("corners", torch.zeros(count, 3, dtype=torch.int64))
        self.register_buffer("bary", torch.zeros(count, 3))
        with torch.no_grad():
            self.code.weight.mul_(0.01)
            self.certainty.weight.zero_()
            self.certainty.bias[:count].fill_(_FIRST_LOG_STD)
            self.certainty.bias[count:].zero_()

    @torch.no_grad()
    def start(self, mean: Tensor, components: Tensor) -> None:
        """Start from principal components of points.

        Args:
            mean: mean points ``[P, 2]`` in device coordinates.
            components: ``[K, P, 2]`` with K at most the code's size, each scaled to one standard
                deviation.
        """
        self.points.bias.copy_(mean.flatten())
        self.points.weight.zero_()
        self.points.weight[:, : len(components)] = components.flatten(1).T

    def forward(self, features: Tensor) -> PointDetails:
        """Return the points for normalized features ``[B, C]``."""
        device = features.device.type
        if torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                detailed: PointDetails = self.forward(features.float())
                return detailed
        points = self.points(self.code(features)).unflatten(1, (-1, 2))
        log_std, visible = self.certainty(features[:, : self.num_common]).chunk(2, 1)
        return PointDetails(points, log_std, visible)
