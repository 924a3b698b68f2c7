"""Agreement of parameters after a re-detection: painted with known ones, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.losses.loss_weights import CycleForm
from smirk3d.losses.units import component_units
from smirk3d.parameters.face_parameters import FaceParameters, ParameterGroup

SMIRK_CYCLE_WEIGHTS: Mapping[str, float] = {"expression": 1.0, "jaw": 10.0, "eyelids": 10.0}
"""The published weights of the groups; with a trained shape encoder, ``shape`` has 1."""


def cycle_losses(
    read: FaceParameters,
    known: FaceParameters,
    groups: Sequence[str],
    *,
    spec: Sequence[ParameterGroup] | None = None,
    unit_interval_std: float = 1.0,
    form: CycleForm = "squared",
) -> dict[str, Tensor]:
    """Return each group's mean difference, over batch and components, scalars by name.

    No gradient flows into the ground-truth parameters. A group that the head lacks is left out.

    Args:
        read: what the encoder finds in the paintings, B faces.
        known: what was painted, B faces.
        groups: names of the groups.
        spec: measure the groups that it defines in their components' units, which
            :func:`~smirk3d.losses.units.component_units` gives; each parameter's own unit by
            default, as in SMIRK.
        unit_interval_std: the unit of amounts there.
        form: squares as in SMIRK, or absolute differences.

    Raises:
        ShapeError: if the two have different sizes.
    """
    described = {group.name: group for group in spec or ()}
    losses = {}
    for name in groups:
        ours, theirs = getattr(read, name), getattr(known, name).detach()
        if ours.shape != theirs.shape:
            raise ShapeError(
                f"{name} must have shape {list(theirs.shape)} of the known one,"
                f" got {list(ours.shape)}"
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
    read: FaceParameters,
    known: FaceParameters,
    weights: Mapping[str, float] = SMIRK_CYCLE_WEIGHTS,
    *,
    spec: Sequence[ParameterGroup] | None = None,
    unit_interval_std: float = 1.0,
    form: CycleForm = "squared",
) -> Tensor:
    """Return the weighted sum of :func:`cycle_losses`, a scalar.

    Args:
        read: what the encoder finds in the paintings, B faces.
        known: what was painted, B faces.
        weights: by group name; groups of weight 0 are passed over.
        spec: see :func:`cycle_losses`,
        unit_interval_std: and there,
        form: and there.

    Raises:
        ShapeError: if the two have different sizes.
    """
    names = [name for name, weight in weights.items() if weight]
    total = read.camera.new_zeros(())
    losses = cycle_losses(
        read, known, names, spec=spec, unit_interval_std=unit_interval_std, form=form
    )
    for name, loss in losses.items():
        total = total + weights[name] * loss
    return total
