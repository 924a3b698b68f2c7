"""Distances of parameters to their priors and to targets."""

from __future__ import annotations

from torch import Tensor

from smirk3d.errors import check_shape
from smirk3d.parameters.groups import ParameterGroup


def prior_loss(values: Tensor, group: ParameterGroup, *, standardized: bool = True) -> Tensor:
    """Return the mean squared distance to the group's default, over batch and components, a scalar.

    Args:
        values: parameters ``[B, D]``.
        group: group that gives defaults and standard deviations.
        standardized: measure each component in its prior's standard deviations; False for SMIRK's
            mean square in the parameter's own unit.

    Raises:
        ShapeError: if the group has another size.
    """
    check_shape(values, "B D", "values", D=group.dim)
    if not group.dim:
        return values.sum()
    distance = values - values.new_tensor(group.default)
    if standardized:
        distance = distance / values.new_tensor(group.prior_std)
    return distance.square().mean()


def target_loss(values: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the mean squared difference to ground-truth parameters, a scalar; SMIRK's shape loss.

    The mean runs over the components of the valid faces; without any it is 0.

    Args:
        values: parameters ``[B, D]``.
        target: parameters ``[B, D]``; anything, NaN too, where not valid.
        valid: ``[B]``, 1 or true where there is a target; all by default. Fractions are weights.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(values, "B D", "values")
    check_shape(target, "B D", "target", **sizes)
    if valid is None:
        return (values - target).square().mean()
    check_shape(valid, "B", "valid", B=sizes["B"])
    fraction = valid.to(values.dtype)
    squared = (values - target.where(valid[:, None] != 0, 0.0)).square().mean(1)
    return (fraction * squared).sum() / fraction.sum().clamp(min=1e-12)
