"""Fixed points of the head's surface in the picture, and what feature maps show there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smirk3d.encoders.output_layers import in_single_precision

_CODE = 80
"""Numbers through which points are predicted. Points of a face move together: of 20,000 drawn
crops, 80 principal components leave less than half a pixel of a 224 crop."""
_FIRST_LOG_STD = -3.0
"""Logarithm of the first standard deviation in device coordinates: 5.6 pixels of a 224 crop."""
_EVERY = 2
"""Every second surface point is looked at: 80 of the shipped weights' 160, of which lips, eyelids
and brows have some 40."""
_CHANNELS, _HIDDEN = 24, 192
"""Numbers of a point and of the layer that sees all points, chosen for the file's size: together
they are 2 % of the shipped weights."""

_OFFSET_CHANNELS, _OFFSET_HIDDEN = 12, 128
"""Sizes of the layers that correct points, chosen for the file's size: 2 % of it. On frozen
features they took the points' error from 1.48 to 1.41 pixels of a 224 crop (10,000 pictures); 24
and 256 took it to 1.39."""
_OFFSET_SCALE = 0.1
"""Offset in device coordinates for an output of 1, chosen by hand: 11 pixels of a 224 crop, so that
usual errors of 1 to 2 pixels are outputs of 0.1 to 0.2."""


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
        offsets: what moves the points to where feature maps at them say that they are, or None.
    """

    corners: Tensor
    bary: Tensor

    def __init__(
        self,
        num_features: int,
        num_common: int,
        count: int,
        map_channels: Sequence[int] | None = None,
    ) -> None:
        """Build the layers.

        Args:
            num_features: number of features.
            num_common: number of first features from which uncertainty is predicted.
            count: number of points P.
            map_channels: channels of each feature map that is looked at where the points lie; None
                looks at none.
        """
        super().__init__()
        self.num_common = num_common
        self.code = nn.Linear(num_features, _CODE)
        self.points = nn.Linear(_CODE, 2 * count)
        self.certainty = nn.Linear(num_common, 2 * count)
        self.register_buffer("corners", torch.zeros(count, 3, dtype=torch.int64))
        self.register_buffer("bary", torch.zeros(count, 3))
        self.offsets = None if map_channels is None else PointOffsets(map_channels, count)
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

    @in_single_precision
    def forward(self, features: Tensor, maps: Sequence[Tensor] = ()) -> PointDetails:
        """Return the points.

        Args:
            features: normalized features ``[B, C]``.
            maps: feature maps ``[B, C, H, W]`` of one picture at several strides, for the offsets.
        """
        points = self.points(self.code(features)).unflatten(1, (-1, 2))
        if self.offsets is not None:
            points = points + self.offsets(maps, points)
        log_std, visible = self.certainty(features[:, : self.num_common]).chunk(2, 1)
        return PointDetails(points, log_std, visible)


def sampled(feature_map: Tensor, points: Tensor) -> Tensor:
    """Return the values of a feature map at points, interpolated bilinearly.

    Points outside the outermost cells' centres have the value of the nearest edge.

    Args:
        feature_map: ``[B, C, H, W]``.
        points: ``[B, P, 2]`` in device coordinates, x to the right and y down, the picture's edges
            at -1 and 1.

    Returns:
        ``[B, P, C]``.
    """
    height, width = feature_map.shape[2:]
    rows = _hats(points[..., 1], height)
    columns = _hats(points[..., 0], width)
    # one matrix of weights for each face: all runtimes multiply matrices fast
    weights = (rows[..., :, None] * columns[..., None, :]).flatten(2)
    return weights @ feature_map.flatten(2).transpose(1, 2)


def _hats(places: Tensor, cells: int) -> Tensor:
    """Return each cell's weight ``[B, P, cells]`` at places ``[B, P]`` from -1 to 1."""
    at = ((places + 1) * (cells / 2) - 0.5).clamp(0, cells - 1)
    # numbers that ONNX files hold as they are, where arange would be made in every run
    return (1 - (at[..., None] - at.new_tensor(range(cells))).abs()).clamp(min=0)


class PointReading(nn.Module):
    """One layer from feature maps at surface points to a few numbers of each point."""

    def __init__(self, map_channels: Sequence[int], num_points: int, channels: int) -> None:
        """Build the layer.

        Args:
            map_channels: channels of each feature map.
            num_points: number P of surface points.
            channels: numbers of a point.
        """
        super().__init__()
        self.point = nn.Linear(sum(map_channels), channels)
        self.norm = nn.LayerNorm(channels)
        self.num_read = -(-num_points // _EVERY) * channels

    def read(self, maps: Sequence[Tensor], points: Tensor) -> Tensor:
        """Return what feature maps ``[B, C, H, W]`` show at every second point ``[B, num_read]``.

        The points ``[B, P, 2]`` are in device coordinates; they get no gradient.
        """
        some = points[:, ::_EVERY].detach()
        seen = torch.cat([sampled(each, some) for each in maps], 2)
        return self.norm(self.point(seen)).relu().flatten(1)


class PointOffsets(PointReading):
    """Two layers from feature maps at predicted points to how far the points are from their places.

    Linear layers on all cells find points about where such faces have them; what the maps show
    there tells where they are in this one, as in a cascade of regressors (Dollar et al. 2010,
    "Cascaded Pose Regression"). The offsets are zero until training makes them others.
    """

    def __init__(self, map_channels: Sequence[int], count: int) -> None:
        """Build the layers.

        Args:
            map_channels: channels of each feature map.
            count: number of points P.
        """
        super().__init__(map_channels, count, _OFFSET_CHANNELS)
        self.face = nn.Linear(self.num_read, _OFFSET_HIDDEN)
        self.offset = nn.Linear(_OFFSET_HIDDEN, 2 * count)
        with torch.no_grad():
            self.offset.weight.zero_()
            self.offset.bias.zero_()

    @in_single_precision
    def forward(self, maps: Sequence[Tensor], points: Tensor) -> Tensor:
        """Return offsets ``[B, P, 2]`` of points, both in device coordinates."""
        hidden = self.face(self.read(maps, points)).relu()
        return self.offset(hidden).mul(_OFFSET_SCALE).unflatten(1, (-1, 2))


class PointFeatures(PointReading):
    """Two layers from feature maps at surface points to changes of an output layer's results.

    A linear layer on all cells of a feature map sees lips and eyelids in other cells whenever a
    head is turned. Where its points lie has been predicted already: read there, a feature means the
    same part of the face in every picture. The changes are zero until training makes them others.
    """

    def __init__(
        self, map_channels: Sequence[int], num_points: int, num_values: int, num_sparse: int
    ) -> None:
        """Build the layers.

        Args:
            map_channels: channels of each feature map.
            num_points: number P of surface points.
            num_values: number D of the output layer's components.
            num_sparse: number S of its sparse actions.
        """
        super().__init__(map_channels, num_points, _CHANNELS)
        self.face = nn.Linear(self.num_read, _HIDDEN)
        self.value = nn.Linear(_HIDDEN, num_values)
        self.num_sparse = num_sparse
        # without sparse actions the layer keeps one output that nothing reads
        self.activity = nn.Linear(_HIDDEN, max(num_sparse, 1))
        with torch.no_grad():
            for layer in (self.value, self.activity):
                layer.weight.zero_()
                layer.bias.zero_()

    @in_single_precision
    def forward(self, maps: Sequence[Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
        """Return changes of values, in components' scales ``[B, D]``, and of logits ``[B, S]``.

        Args:
            maps: feature maps ``[B, C, H, W]`` of one picture at several strides.
            points: predicted surface points ``[B, P, 2]`` in device coordinates; they get no
                gradient.
        """
        hidden = self.face(self.read(maps, points)).relu()
        return self.value(hidden), self.activity(hidden)[:, : self.num_sparse]
