"""Agreement of parameters after a round trip: painted with known ones, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from smirk3d.errors import ShapeError
from smirk3d.face_parameters import FaceParameters, ParameterGroup

SMIRK_CYCLE_WEIGHTS: Mapping[str, float] = {"expression": 1.0, "jaw": 10.0, "eyelids": 10.0}
"""The published weights of the groups; with a trained shape encoder, ``shape`` has 1."""


def cycle_losses(
    read: FaceParameters,
    known: FaceParameters,
    groups: Sequence[str],
    *,
    spec: Sequence[ParameterGroup] | None = None,
) -> dict[str, Tensor]:
    """Return each group's mean squared difference, over batch and components, scalars by name.

    No gradient flows into the known parameters. A group that the head lacks is left out.

    Args:
        read: what the encoder finds in the paintings, B faces.
        known: what was painted, B faces.
        groups: names of the groups.
        spec: measure the groups that it defines in their components' standard deviations; each
            parameter's own unit by default, as in SMIRK.

    Raises:
        ShapeError: if the two have different sizes.
    """
    spread = {group.name: group.prior_std for group in spec or ()}
    losses = {}
    for name in groups:
        ours, theirs = getattr(read, name), getattr(known, name).detach()
        if ours.shape != theirs.shape:
            raise ShapeError(
                f"{name} must have shape {list(theirs.shape)} of the known one,"
                f" got {list(ours.shape)}"
            )
        difference = ours - theirs
        if name in spread:
            difference = difference / difference.new_tensor(spread[name])
        if difference.shape[-1]:
            losses[name] = difference.square().mean()
    return losses


def cycle_loss(
    read: FaceParameters,
    known: FaceParameters,
    weights: Mapping[str, float] = SMIRK_CYCLE_WEIGHTS,
    *,
    spec: Sequence[ParameterGroup] | None = None,
) -> Tensor:
    """Return the weighted sum of :func:`cycle_losses`, a scalar.

    Args:
        read: what the encoder finds in the paintings, B faces.
        known: what was painted, B faces.
        weights: by group name; groups of weight 0 are passed over.
        spec: see :func:`cycle_losses`.

    Raises:
        ShapeError: if the two have different sizes.
    """
    names = [name for name, weight in weights.items() if weight]
    total = read.camera.new_zeros(())
    for name, loss in cycle_losses(read, known, names, spec=spec).items():
        total = total + weights[name] * loss
    return total
