"""No tongue out of a mouth whose lips are together."""

from __future__ import annotations

from smirk3d.array_interface import Array, copied, norm, require_finite, without_gradients
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_INNER_LIPS = (13, 14, 78, 308)
"""MediaPipe's upper and lower inner lip in the middle, and the inner corners."""
_TONGUE = "tongueOut"
_SHUT, _OPEN = 0.12, 0.24
"""Opening over width of the inner lips up to which no tongue, and from which all of it passes;
on 500 rendered people the open head has 0.03 to 0.14 with its jaw closed, 0.21 to 0.81 with it open
by more than 0.2 (5th and 95th percentile)."""


class TongueGate:
    """Bounds the action ``tongueOut`` by how far the estimated mouth is open."""

    def __init__(self, head: HeadModel) -> None:
        """Prepare a head; one without that action or without the lips' landmarks is left as is."""
        names = head.group("expression").names
        ids = head.landmark_ids.tolist()
        self._column = names.index(_TONGUE) if _TONGUE in names else None
        self._lips: HeadModel | None = None
        if self._column is not None and all(number in ids for number in _INNER_LIPS):
            rows = [ids.index(number) for number in _INNER_LIPS]
            self._lips = head.at_points(head.landmark_corners[rows], head.landmark_bary[rows])

    @without_gradients
    def __call__(self, parameters: FaceParameters) -> FaceParameters:
        """Return parameters ``[B]`` in which no tongue passes lips that touch."""
        if self._lips is None or not len(parameters):
            return parameters
        require_finite(parameters.expression, "expression")
        if not bool((parameters.expression[:, self._column] != 0).any()):
            return parameters
        expression = copied(parameters.expression)
        expression[:, self._column] *= self._passes(parameters)
        return parameters.replace(expression=expression)

    def _passes(self, parameters: FaceParameters) -> Array:
        assert self._lips is not None
        points = self._lips(parameters).vertices
        upper, lower, right, left = (points[:, number] for number in range(4))
        opening = norm(upper - lower) / norm(right - left).clip(1e-6, None)
        return ((opening - _SHUT) / (_OPEN - _SHUT)).clip(0, 1)
