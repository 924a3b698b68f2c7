"""The joint estimate of a clip: what the frames of a stretch say of each person, at once.

A person has one shape. It is estimated from some frames of each stretch, with what earlier
stretches have found of it and its standard deviation as what is known before. Each frame's view and
expression are estimated with that shape, from what the encoder says of its parameters and of points
of the surface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, array_namespace, as_like, to_numpy, without_gradients
from smirk3d.encoders.evidence import Evidence
from smirk3d.fitting.joint_estimate import JointEstimate, JointEstimateConfig, JointEstimator
from smirk3d.fitting.observations.encoder_evidence import joined_evidence, surface_points
from smirk3d.heads.personal_head import one_person
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.reconstruction import FaceReconstructor

Doubles = NDArray[np.float64]

_SHAPE_FRAMES = 12
"""Frames of a stretch from which a person's shape is estimated, evenly apart: neighbouring frames
say the same; set by hand, for speed."""
_LEAST_STD = 0.05
"""Least standard deviation of a person's shape: frames err together, so that more of them do not
make it as certain as their number says; set by hand."""
_FRAME = JointEstimateConfig(num_shape=0, num_steps=2)
"""Of single frames: the shape is known, and the encoder's answer is near."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameEvidence:
    """What is known of one face in one frame.

    Attributes:
        said: what the encoder says of the upright crop, one face.
        T_upright_image: ``[3, 3]``, picture pixels to pixels of that crop.
    """

    said: Evidence
    T_upright_image: Doubles


class ClipEstimator:
    """Estimates the faces of a clip stretch by stretch, with one shape a person."""

    def __init__(self, reconstructor: FaceReconstructor) -> None:
        """Know nobody yet.

        Args:
            reconstructor: has an encoder with uncertainty.
        """
        self._reconstructor = reconstructor
        self._surface = surface_points(reconstructor.encoder)
        self._shape_estimator = JointEstimator(reconstructor.head, self._surface, landmarks=False)
        self._known: dict[int, dict[str, Doubles]] = {}

    @without_gradients
    def __call__(self, ids: Sequence[int], frames: Sequence[FrameEvidence]) -> JointEstimate:
        """Return the estimate of the R faces of a stretch, on the CPU, in crops that lie level.

        Args:
            ids: the person of each face ``[R]``.
            frames: the evidence of each face ``[R]``.
        """
        said = joined_evidence(
            [frame.said for frame in frames], self._reconstructor.head.v_template
        )
        whose = np.asarray(ids)
        rows = [np.flatnonzero(whose == person) for person in np.unique(whose)]
        parts = [self._of_person(int(whose[own[0]]), said[own]) for own in rows]
        order = np.argsort(np.concatenate(rows))
        upright = FaceParameters.cat([part.parameters for part in parts])[order]
        std = FaceParameters.cat([part.std for part in parts])[order]
        level, _ = self._reconstructor.turned_back(
            self._reconstructor.tongue_gate(upright),
            np.stack([frame.T_upright_image for frame in frames]),
        )
        return JointEstimate(level, std.to("cpu"))

    def _of_person(self, person: int, said: Evidence) -> JointEstimate:
        assert said.std is not None
        shape, shape_std = self._shape(person, said)
        head = one_person(self._reconstructor.head, shape)
        estimator = JointEstimator(head, self._surface, _FRAME, landmarks=False)
        without = _with_shape(said, said.parameters.shape[:, :0], said.std.shape[:, :0])
        found = estimator(without, None)
        xp, size = array_namespace(shape), (len(said.parameters), len(shape))
        return JointEstimate(
            found.parameters.replace(shape=xp.broadcast_to(shape, size)),
            found.std.replace(shape=xp.broadcast_to(shape_std, size)),
        )

    def _shape(self, person: int, said: Evidence) -> tuple[Array, Array]:
        """Return a person's shape ``[S]`` after a stretch, and its standard deviations ``[S]``."""
        count = len(said.parameters)
        chosen = np.linspace(0, count - 1, min(count, _SHAPE_FRAMES)).round().astype(np.int64)
        few, known = said[chosen], self._known.get(person)
        like = few.parameters.shape
        if known is not None:
            xp = array_namespace(like)
            mean, std = (
                xp.broadcast_to(as_like(known[name], like), like.shape) for name in ("mean", "std")
            )
            few = _with_shape(few, mean, std)
        found = self._shape_estimator(few, None, person=[0] * len(chosen))
        mean = to_numpy(found.parameters.shape[0]).astype(np.float64)
        std = np.maximum(to_numpy(found.std.shape[0]).astype(np.float64), _LEAST_STD)
        self._known[person] = {"mean": mean, "std": std}
        return as_like(mean, like), as_like(std, like)

    def shapes(self) -> dict[int, Doubles]:
        """Return each person's shape ``[S]`` so far by id."""
        return {person: known["mean"] for person, known in self._known.items()}

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {str(person): known for person, known in self._known.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._known = {int(person): dict(known) for person, known in state.items()}


def _with_shape(said: Evidence, shape: Array, std: Array) -> Evidence:
    assert said.std is not None
    return replace(
        said, parameters=said.parameters.replace(shape=shape), std=said.std.replace(shape=std)
    )
