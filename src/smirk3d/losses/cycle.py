"""Cycle consistency: parameters that are rendered, and predicted again from the rendered image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.losses.loss_weights import CycleForm
from smirk3d.losses.units import component_units
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import ParameterGroup


def cycle_losses(
    predicted: FaceParameters,
    target: FaceParameters,
    groups: Sequence[str],
    *,
    spec: Sequence[ParameterGroup] | None = None,
    unit_interval_std: float = 1.0,
    form: CycleForm = "squared",
) -> dict[str, Tensor]:
    """Return each group's mean difference, over batch and components, scalars by name.

    No gradient flows into the ground-truth parameters. A group that the head lacks is left out.

    Args:
        predicted: predictions for the rendered images, B faces.
        target: parameters that were rendered, B faces.
        groups: names of the groups.
        spec: groups whose differences are measured in their components' units, see
            :func:`~smirk3d.losses.units.component_units`; each parameter's own unit by default, as
            in SMIRK.
        unit_interval_std: unit of components whose range ends at 1, where ``spec`` is given.
        form: squares as in SMIRK, or absolute differences.

    Raises:
        ShapeError: if the two have different sizes.
    """
    described = {group.name: group for group in spec or ()}
    losses = {}
    for name in groups:
        ours, theirs = getattr(predicted, name), getattr(target, name).detach()
        if ours.shape != theirs.shape:
            raise ShapeError(
                f"{name} must have the target's shape {list(theirs.shape)}, got {list(ours.shape)}"
            )
        difference = ours - theirs
        if name in described:
            difference = difference / component_units(
                described[name], unit_interval_std, difference
            )
        if difference.shape[-1]:
            distance = difference.square() if form == "squared" else difference.abs()
            losses[name] = distance.mean()
    return losses


def cycle_loss(
    predicted: FaceParameters,
    target: FaceParameters,
    weights: Mapping[str, float],
    *,
    spec: Sequence[ParameterGroup] | None = None,
    unit_interval_std: float = 1.0,
    form: CycleForm = "squared",
) -> Tensor:
    """Return the weighted sum of :func:`cycle_losses`, a scalar.

    Args:
        predicted: predictions for the rendered images, B faces.
        target: parameters that were rendered, B faces.
        weights: weight of each group by name; groups of weight 0 are passed over.
        spec: groups with units, see :func:`cycle_losses`.
        unit_interval_std: unit of components whose range ends at 1.
        form: squares or absolute differences.

    Raises:
        ShapeError: if the two have different sizes.
    """
    names = [name for name, weight in weights.items() if weight]
    total = predicted.camera.new_zeros(())
    losses = cycle_losses(
        predicted, target, names, spec=spec, unit_interval_std=unit_interval_std, form=form
    )
    for name, loss in losses.items():
        total = total + weights[name] * loss
    return total
