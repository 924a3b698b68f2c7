"""Units in which the differences of a group's components are measured."""

from __future__ import annotations

from torch import Tensor

from smirk3d.parameters.groups import ParameterGroup

SMALLEST_UNIT = 1e-6
"""Components that do not vary are divided by it."""


def component_units(group: ParameterGroup, unit_interval_std: float, like: Tensor) -> Tensor:
    """Return the unit of each of a group's components ``[D]``.

    Components whose range ends at 1 share one unit: the standard deviations of rare actions are so
    small that squares in them would make a tongue count a hundred times as much as a smile.

    Args:
        group: group that gives ranges and standard deviations.
        unit_interval_std: unit of components whose range ends at 1; the unit of other components
            is their standard deviation.
        like: tensor that gives type and device.
    """
    units = [
        unit_interval_std if high == 1 else std
        for high, std in zip(group.hi, group.prior_std, strict=True)
    ]
    return like.new_tensor(units).clamp(min=SMALLEST_UNIT)
