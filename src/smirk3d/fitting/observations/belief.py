"""What is believed of a face's parameters before its points are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface import Array, array_namespace
from smirk3d.encoders.evidence import Evidence
from smirk3d.fitting.observed_head import LOCAL_GROUPS, FitState, ObservedHead
from smirk3d.parameters.face_parameters import FaceParameters

STAND_IN_STD = {
    "shape": 1.5, "expression": 0.2, "jaw": 0.29, "eyelids": 0.22, "eyes": 0.15, "neck": 0.1,
    "head_pose": 0.2, "camera": 0.1,
}  # fmt: skip
"""Standard deviations for encoders that give none: root mean square errors of the weights ``open``
on 508 rendered people; of head pose and camera (relative to its scale and to 0.2 m) twice as much,
because these err by a gain of the pitch of 0.64."""

ACTIONS_STD = 0.1
"""Factor on an encoder's standard deviations of actions before points are looked at, taken off
the posterior's again: the errors of points are modelled as normal and the same for everybody, and
what a person's face is otherwise would be explained by a little of many actions. On 504 drawn
people that no training saw, with a factor of 0.4, 0.25, 0.15, 0.1 the correlation of actions with
truth is 0.652, 0.652, 0.652, 0.651 (encoder alone 0.652), their error 0.0590, 0.0584, 0.0582,
0.0581 (0.0576), landmarks are 2.26, 2.25, 2.25, 2.24 px from the true ones. Of actions that
32 photos were warped to, 0.25, 0.15 and 0.1 leave 0.82, 0.85 and 0.86 (encoder alone 0.90)."""

SHAPE_STD = 0.5
"""Factor on an encoder's standard deviations of the identity before points are looked at, taken off
the posterior's again: where a detector lays its points on a face, in all its photos, is not what
the face is like. On 497 drawn people that no training saw, with a factor of 1, 0.7, 0.5, 0.35 the
identity is off by 2.10, 2.05, 2.03, 2.02 mm (encoder alone 2.03), surface points that are seen by
2.34, 2.32, 2.31, 2.31 px; actions stay as they are."""

_LEAST_STD = 1e-3
"""Least standard deviation that an encoder's component counts with, so that no component is held
against all points; not tuned."""


@dataclass(frozen=True, eq=False)
class Belief:
    """Independent normal distributions of the unknowns of a fit.

    Attributes:
        mean: of each unknown, as a state.
        shape: precisions of the shapes ``[N, S']``.
        local: of expression, eyelids, jaw and eyes ``[B, D]``.
        rotation: of the rotation vector ``[B, 3]``.
        view: of scale and place ``[B, 3]``.
    """

    mean: FitState
    shape: Array
    local: Array
    rotation: Array
    view: Array


def encoder_belief(observed: ObservedHead, evidence: Evidence, person: Array) -> Belief:
    """Return what an encoder says; the shape is drawn to 0, the mean of people.

    An encoder that was trained on people gives the mean and the standard deviation of a posterior
    that holds their distribution already. So it alone is taken where it knows more than that
    distribution, which has unit variance, and that distribution where it does not; its standard
    deviations count by :data:`SHAPE_STD` for that.
    """
    std = evidence.std or stand_in_std(evidence.parameters)
    mean = observed.state(evidence.parameters, person)
    xp = array_namespace(std.shape)
    if evidence.std is not None:
        std = std.replace(expression=std.expression * ACTIONS_STD, shape=std.shape * SHAPE_STD)
    known = (1 / _square(std.shape) - 1).clip(0, None)
    told = xp.where(known > 0, evidence.parameters.shape, xp.zeros_like(known))
    mean.shape = observed.shapes(told, person)
    local = xp.concat([getattr(std, name) for name in LOCAL_GROUPS], axis=1)
    scale = evidence.parameters.camera[:, :1]
    view = xp.concat([std.camera[:, :1], std.camera[:, 1:] * scale], axis=1)
    # photos of one person err together, so that they say no more than one of them
    shape = 1 + observed.shapes(known, person)
    return Belief(mean, shape, 1 / _square(local), 1 / _square(std.head_pose), 1 / _square(view))


def stand_in_std(parameters: FaceParameters) -> FaceParameters:
    """Return :data:`STAND_IN_STD` for B faces."""
    xp = array_namespace(parameters.camera)
    groups = {name: xp.full_like(values, STAND_IN_STD[name]) for name, values in parameters.items()}
    scale = parameters.camera[:, :1]
    relative = xp.concat([scale, xp.full_like(parameters.camera[:, 1:], 0.2)], axis=1)
    groups["camera"] = relative * STAND_IN_STD["camera"]
    return FaceParameters(**groups)


def _square(std: Array) -> Array:
    return std.clip(_LEAST_STD, None) ** 2
