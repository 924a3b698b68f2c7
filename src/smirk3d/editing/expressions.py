"""Wished expressions: actions set by name, and expressions taken over from other faces."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence

import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, InputError
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.head_model import HeadModel

EXPRESSION_GROUPS = ("expression", "jaw", "eyelids", "eyes")
"""Groups that are what a face does; shape, neck, head pose and camera are whose and where."""


def parse_actions(texts: Sequence[str]) -> dict[str, float]:
    """Return weights by name of texts such as ``jawOpen=0.6``; the last of a name counts.

    Raises:
        InputError: if a text has another form, a name is not ARKit's (near ones are named), or a
            weight is not in [0, 1].
    """
    actions: dict[str, float] = {}
    for text in (part for texts_ in texts for part in texts_.split(",")):
        name, equals, value = (piece.strip() for piece in text.partition("="))
        if not equals or not name:
            raise InputError(f"{text!r} sets nothing: write NAME=VALUE, such as jawOpen=0.6")
        actions[_known(name)] = _weight(name, value)
    return actions


def _known(name: str) -> str:
    by_lower = {known.lower(): known for known in ARKIT_NAMES}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    near += [low for low in by_lower if low.startswith(name.lower()) and low not in near][:2]
    hint = f"did you mean {' or '.join(by_lower[low] for low in near)}?" if near else (
        "`smirk3d heads show open` lists the names"
    )  # fmt: skip
    raise InputError(f"no action is named {name!r}: {hint}")


def _weight(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"{name}={text!r}: give a number from 0 to 1") from error
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise InputError(f"{name}={text}: give a number from 0 to 1")
    return value


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
        raise AssetError(f"head {head.name!r} has no named actions: edit with the head open")
    weights = head.arkit(parameters).clone()
    for name, value in actions.items():
        weights[:, ARKIT_NAMES.index(name)] = value
    set_groups = head.from_arkit(weights)
    before = head.from_arkit(head.arkit(parameters))
    changed = {}
    for name in EXPRESSION_GROUPS:
        old, was, now = (getattr(p, name) for p in (parameters, before, set_groups))
        # where nothing was set the parameters stay exactly as they are
        changed[name] = torch.where(was == now, old, now)
    return parameters.replace(**changed)


def with_expression_of(
    head: HeadModel, parameters: FaceParameters, other: FaceParameters, strength: float = 1.0
) -> FaceParameters:
    """Return faces that do what other faces do.

    Args:
        head: of both.
        parameters: B faces, or one, which each of the others is laid on.
        other: T faces whose expression is taken.
        strength: 0 leaves the faces as they are, 1 takes the other's expression; above 1
            exaggerates, within each component's range.
    """
    count = max(len(parameters), len(other))
    faces = {n: v.expand(count, -1) for n, v in parameters.as_dict().items()}
    changed = {
        name: head.group(name).clamp(torch.lerp(faces[name], getattr(other, name), strength))
        for name in EXPRESSION_GROUPS
    }
    return FaceParameters(**{**faces, **changed})
