"""Observed places of a head's points, whose errors within a region are correlated."""

from __future__ import annotations

import math
from dataclasses import dataclass

from smirk3d.array_interface import Array, array_namespace, constant, identity_like
from smirk3d.fitting.observations.landmark_errors import ALONE, REGIONS, TOGETHER, VIEWS

_OVERLAP = 6.0
"""Factor of the landmarks' own errors, because within a region these are smooth in place and not
independent. On 102 rendered people with the weights `open` and a factor of 1, 3, 6, 10 the
correlation of actions with truth is 0.283, 0.363, 0.383, 0.388 (encoder alone 0.390), surface
points are off by 4.16, 3.97, 3.86, 3.87 px, the identity by 2.55, 2.29, 2.19, 2.15 mm."""

_SURFACE = 3.0
"""Factor on the standard deviations of an encoder's surface points, because the points err as its
parameters do: both come from the same features. On 333 drawn people of the calibration, a factor of
1, 2, 3, 4 gives correlations of actions with truth of 0.591, 0.595, 0.596, 0.596 (encoder alone
0.596), sums on neutral faces of 0.37, 0.28, 0.25, 0.23, rotations off by 2.3, 2.3, 2.4, 2.5
degrees; on 200 photos, distances to MediaPipe's landmarks of 1.47, 1.33, 1.28, 1.24 px (encoder
alone 1.50)."""

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

    places: Array
    alone: Array
    together: Array
    region: Array

    @staticmethod
    def cat(first: PointTargets, second: PointTargets) -> PointTargets:
        """Join points of two kinds, whose regions are apart."""
        xp = array_namespace(first.places)
        count = first.together.shape[1]
        return PointTargets(
            xp.concat([first.places, second.places], axis=1),
            xp.concat([first.alone, second.alone], axis=1),
            xp.concat([first.together, second.together], axis=1),
            xp.concat([first.region, second.region + count]),
        )

    def precision(self) -> PointPrecision:
        """Return the inverse of these errors' covariance."""
        xp = array_namespace(self.alone)
        member = _membership(self.region, self.together.shape[1], self.places)
        own = 1 / self.alone**2
        # of D + c^2 1 1^T over a region, by Sherman and Morrison
        shared = self.together**2 / (1 + self.together**2 * (own @ member))
        return PointPrecision(xp.sqrt(own), xp.sqrt(own)[:, None] * member.T, xp.sqrt(shared))


@dataclass(frozen=True, eq=False)
class PointPrecision:
    """Inverse covariance of the errors of P points in G regions, the same in x and y.

    Attributes:
        root: square root of each point's own precision ``[B, P]``.
        member: the same where a point is of a region, else 0 ``[B, G, P]``.
        shared: square root ``[B, G]`` of the factor with which the square of a region's sum, by
            precision, is taken off: its common offset is unknown.
    """

    root: Array
    member: Array
    shared: Array

    def products(self, rows: Array) -> Array:
        """Return ``rows^T Sigma^-1 rows`` ``[B, K, K]`` of residuals or derivatives.

        Args:
            rows: ``[B, P, 2, K]``.
        """
        xp = array_namespace(rows)
        count, points, _, columns = rows.shape
        scaled = rows * self.root[..., None, None]
        sums = self.member @ scaled.reshape(count, points, 2 * columns)
        taken = (sums * self.shared[..., None]).reshape(count, -1, columns)
        own = scaled.reshape(count, 2 * points, columns)
        return xp.matrix_transpose(own) @ own - xp.matrix_transpose(taken) @ taken


def landmark_targets(
    places: Array, region: Array, cosine: Array, scale: Array, visible: Array
) -> PointTargets:
    """Return the detector's landmarks with the errors that they have on rendered people.

    Args:
        places: ``[B, L, 2]`` in ndc with y up.
        region: of each landmark ``[L]`` in ``landmark_errors.REGIONS``.
        cosine: of the angle between head and camera ``[B]``.
        scale: ndc a metre ``[B]``.
        visible: weight of each landmark ``[B, L]`` in [0, 1].
    """
    xp = array_namespace(places)
    angle = xp.acos(cosine.clip(-1, 1)) * (180 / math.pi)
    millimetre = scale[:, None] / 1000
    together = _between(constant(TOGETHER, places), angle) * millimetre
    alone = (_between(constant(ALONE, places), angle) * millimetre)[:, region] * _OVERLAP
    return PointTargets(places, _per_root(alone, visible), together, region)


def surface_targets(places: Array, std: Array, visible: Array, region: Array) -> PointTargets:
    """Return an encoder's surface points, as uncertain as they are beside its parameters.

    Args:
        places: ``[B, P, 2]`` in ndc with y up.
        std: standard deviations ``[B, P]`` in ndc.
        visible: probabilities ``[B, P]``.
        region: of each point ``[P]`` in ``landmark_errors.REGIONS``.
    """
    xp = array_namespace(places)
    member = _membership(region, len(REGIONS), places)
    variance = (_SURFACE * std) ** 2
    mean = (variance @ member) / member.sum(0).clip(1, None)
    alone = _per_root(xp.sqrt((1 - _SHARED) * variance), visible)
    return PointTargets(places, alone, xp.sqrt(_SHARED * mean), region)


def _membership(region: Array, count: int, like: Array) -> Array:
    """Return 1 where a point is of a region, else 0, ``[P, count]``."""
    return identity_like(count, like)[region]


def _per_root(std: Array, visible: Array) -> Array:
    """Return standard deviations over the square roots of weights; infinite for weights of 0."""
    xp = array_namespace(std)
    seen = visible > 0
    return xp.where(seen, std / xp.sqrt(xp.where(seen, visible, xp.ones_like(visible))), math.inf)


def _between(table: Array, angle: Array) -> Array:
    """Return rows ``[B, G]`` of a table between the middles of its views ``[V, G]``."""
    xp = array_namespace(table)
    edges = constant((*VIEWS, 90.0), table)
    middles = (edges[1:] + edges[:-1]) / 2
    place = xp.searchsorted(middles, angle).clip(1, len(middles) - 1)
    low, high = middles[place - 1], middles[place]
    part = ((angle - low) / (high - low)).clip(0, 1)[:, None]
    return table[place - 1] * (1 - part) + table[place] * part
