"""How much a picture says about a face, by parameter group and by ARKit's action."""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace, constant, without_gradients
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import VIEW_SPEC, ParameterGroup


def group_confidence(head: HeadModel, std: FaceParameters) -> dict[str, Array]:
    """Return the confidence ``[B]`` in [0, 1] of each group that a picture determines.

    It is the part of the variance among people that the picture takes away, the mean over the
    group's components: 0 where nothing is known but what holds for people, 1 where all is.

    Args:
        head: head of the parameters.
        std: standard deviations of B faces.
    """
    return {
        group.name: _taken_away(getattr(std, group.name), _prior(group, std)).mean(1)
        for group in (*head.spec, *VIEW_SPEC)
        if group.dim and group.observable
    }


@without_gradients
def action_confidence(
    head: HeadModel, parameters: FaceParameters, std: FaceParameters
) -> dict[str, Array]:
    """Return the confidence ``[B]`` of each of ARKit's 52 actions, as that of groups.

    Args:
        head: head of the parameters, with named actions.
        parameters: B faces.
        std: their standard deviations.
    """
    prior = std.replace(**{group.name: _prior(group, std) for group in head.spec})
    known = _taken_away(_change(head, parameters, std), _change(head, parameters, prior))
    return {name: known[:, number] for number, name in enumerate(ARKIT_NAMES)}


def _prior(group: ParameterGroup, std: FaceParameters) -> Array:
    values: Array = getattr(std, group.name)
    return array_namespace(values).zeros_like(values) + constant(group.prior_std, values)


def _taken_away(std: Array, prior: Array) -> Array:
    return (1 - (std / prior.clip(1e-9, None)) ** 2).clip(0, 1)


def _change(head: HeadModel, parameters: FaceParameters, std: FaceParameters) -> Array:
    """Return by how much ARKit's weights ``[B, 52]`` change by one standard deviation."""
    here = head.arkit(parameters)
    changes = [abs(head.arkit(_moved(parameters, std, sign)) - here) for sign in (1.0, -1.0)]
    return array_namespace(here).maximum(*changes)


def _moved(parameters: FaceParameters, std: FaceParameters, sign: float) -> FaceParameters:
    return FaceParameters(
        **{name: values + sign * getattr(std, name) for name, values in parameters.items()}
    )
