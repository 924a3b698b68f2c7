"""Observed places of a head's points, whose errors within a region are correlated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.fitting.observations.landmark_errors import ALONE, REGIONS, TOGETHER, VIEWS

_OVERLAP = 6.0
"""Factor of the landmarks' own errors, because within a region these are smooth in place and not
independent. On 102 rendered people with the weights `open` and a factor of 1, 3, 6, 10 the
correlation of actions with truth is 0.283, 0.363, 0.383, 0.388 (encoder alone 0.390), surface
points are off by 4.16, 3.97, 3.86, 3.87 px, the identity by 2.55, 2.29, 2.19, 2.15 mm."""

_SHARED = 0.5
"""Part of the variance of an encoder's surface points that the points of a region share; not
measured: 0 would count them as independent, 1 as one point a region."""


@dataclass(frozen=True, eq=False)
class PointTargets:
    """Where P points of a head were seen in B crops.

    The error of a point is an offset of its region plus one of its own, both normal.

    Attributes:
        places: ``[B, P, 2]`` in ndc with y up.
        alone: standard deviation of each point's own error ``[B, P]`` in ndc; infinite: not seen.
        together: standard deviation of each region's offset ``[B, G]`` in ndc.
        region: of each point ``[P]`` in 0..G-1.
    """

    places: Tensor
    alone: Tensor
    together: Tensor
    region: Tensor

    @staticmethod
    def cat(first: PointTargets, second: PointTargets) -> PointTargets:
        """Join points of two kinds, whose regions are apart."""
        count = first.together.shape[1]
        return PointTargets(
            torch.cat([first.places, second.places], 1),
            torch.cat([first.alone, second.alone], 1),
            torch.cat([first.together, second.together], 1),
            torch.cat([first.region, second.region + count]),
        )

    def whitening(self) -> Whitening:
        """Return the linear map that makes these errors independent with unit variance."""
        member = torch.zeros(len(self.region), self.together.shape[1]).to(self.places)
        member[torch.arange(len(self.region)), self.region] = 1
        precision = self.alone.square().reciprocal()
        total = precision @ member
        # Sigma = D + c^2 1 1^T over a region: Sigma^-1/2 up to a rotation, by Sherman and Morrison
        gain = self.together.square() * total
        part = (1 - (1 + gain).rsqrt()) / total.clamp(min=1e-12)
        return Whitening(member, precision.sqrt(), part)


@dataclass(frozen=True, eq=False)
class Whitening:
    """Map from errors of points to independent ones with unit variance.

    Attributes:
        member: whether a point is of a region ``[P, G]``.
        root: square root of each point's own precision ``[B, P]``.
        part: what is taken of a region's weighted mean, over its precision ``[B, G]``.
    """

    member: Tensor
    root: Tensor
    part: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """Return rows ``[B, P, 2, K]`` of residuals or derivatives, whitened, ``[B, 2 P, K]``."""
        scaled = rows * self.root[..., None, None]
        flat = scaled.flatten(2)
        sums = self.member.T @ (flat * self.root[..., None])
        common = self.member @ (sums * self.part[..., None])
        white = flat - common * self.root[..., None]
        return white.view_as(rows).flatten(1, 2)


def landmark_targets(
    places: Tensor, region: Tensor, cosine: Tensor, scale: Tensor, visible: Tensor
) -> PointTargets:
    """Return the detector's landmarks with the errors that they have on rendered people.

    Args:
        places: ``[B, L, 2]`` in ndc with y up.
        region: of each landmark ``[L]`` in ``landmark_errors.REGIONS``.
        cosine: of the angle between head and camera ``[B]``.
        scale: ndc a metre ``[B]``.
        visible: weight of each landmark ``[B, L]`` in [0, 1].
    """
    angle = torch.rad2deg(torch.acos(cosine.clamp(-1, 1)))
    millimetre = scale[:, None] / 1000
    together = _between(places.new_tensor(TOGETHER), angle) * millimetre
    alone = (_between(places.new_tensor(ALONE), angle) * millimetre)[:, region] * _OVERLAP
    return PointTargets(places, alone / visible.sqrt(), together, region)


def surface_targets(places: Tensor, std: Tensor, visible: Tensor, region: Tensor) -> PointTargets:
    """Return an encoder's surface points.

    Args:
        places: ``[B, P, 2]`` in ndc with y up.
        std: standard deviations ``[B, P]`` in ndc.
        visible: probabilities ``[B, P]``.
        region: of each point ``[P]`` in ``landmark_errors.REGIONS``.
    """
    member = torch.zeros(len(region), len(REGIONS)).to(places)
    member[torch.arange(len(region)), region] = 1
    variance = std.square()
    mean = (variance @ member) / member.sum(0).clamp(min=1)
    alone = ((1 - _SHARED) * variance / visible).sqrt()
    return PointTargets(places, alone, (_SHARED * mean).sqrt(), region)


def _between(table: Tensor, angle: Tensor) -> Tensor:
    """Return rows ``[B, G]`` of a table between the middles of its views ``[V, G]``."""
    edges = torch.tensor((*VIEWS, 90.0)).to(table)
    middles = (edges[1:] + edges[:-1]) / 2
    place = torch.searchsorted(middles, angle).clamp(1, len(middles) - 1)
    low, high = middles[place - 1], middles[place]
    part = ((angle - low) / (high - low)).clamp(0, 1)[:, None]
    return table[place - 1] * (1 - part) + table[place] * part
