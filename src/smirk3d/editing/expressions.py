"""Target expressions: actions set by name, and expressions transferred from other faces."""

from __future__ import annotations

from collections.abc import Mapping

from smirk3d.array_interface import array_namespace, copied
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

EXPRESSION_GROUPS = ("expression", "jaw", "eyelids", "eyes")
"""Groups that make an expression; the others are the person, the pose and the camera."""


def with_actions(
    head: HeadModel, parameters: FaceParameters, actions: Mapping[str, float]
) -> FaceParameters:
    """Return faces with some of ARKit's actions set and the others as they are.

    Args:
        head: the head.
        parameters: B faces.
        actions: weights by ARKit's names.

    Raises:
        AssetError: if the head has no named actions.
    """
    if not head.has_named_actions:
        raise AssetError(f"head {head.name!r} has no named actions: edit with {DEFAULT_HEAD}")
    given = head.arkit(parameters)
    weights = copied(given)
    for name, value in actions.items():
        weights[:, ARKIT_NAMES.index(name)] = value
    before, set_groups = head.from_arkit(given), head.from_arkit(weights)
    xp = array_namespace(weights)
    changed = {}
    for name in EXPRESSION_GROUPS:
        old, was, now = (getattr(p, name) for p in (parameters, before, set_groups))
        # where nothing was set the parameters stay exactly as they are
        changed[name] = xp.where(was == now, old, now)
    return parameters.replace(**changed)


def with_expression_of(
    head: HeadModel, parameters: FaceParameters, other: FaceParameters, strength: float = 1.0
) -> FaceParameters:
    """Return faces with the expressions of other faces.

    Args:
        head: of both.
        parameters: B faces, or one that gets each of the other expressions.
        other: T faces whose expressions are transferred.
        strength: 0 leaves the faces as they are, 1 takes the other's expression; above 1
            exaggerates, within each component's range.
    """
    xp = array_namespace(parameters.shape)
    count = max(len(parameters), len(other))
    faces = {n: xp.broadcast_to(v, (count, v.shape[1])) for n, v in parameters.as_dict().items()}
    changed = {}
    for name in EXPRESSION_GROUPS:
        old, new = faces[name], getattr(other, name)
        changed[name] = head.group(name).clamp((1 - strength) * old + strength * new)
    return FaceParameters(**{**faces, **changed})
