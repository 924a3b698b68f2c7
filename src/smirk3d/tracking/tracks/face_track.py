"""One face over time: its status, and all that was estimated of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import as_like, default_array, to_numpy
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import face_roll
from smirk3d.preprocessing.face_detector import box_of
from smirk3d.tracking.estimation import FaceEstimate
from smirk3d.tracking.motion.clip_estimate import FrameEvidence
from smirk3d.tracking.motion.smoothing import LiveSmoother, SmoothingConfig
from smirk3d.tracking.tracks.crop_region import (
    centre_and_size,
    next_outline,
    next_roll,
    points_around,
    roll_of,
    shape_quality,
)
from smirk3d.tracking.tracks.identity import Traces, appearance
from smirk3d.tracking.tracks.person_shape import PersonShape

Array = NDArray[np.float64]

_LONGEST_STEP = 0.25
"""Seconds between two frames up to which a speed is measured between them."""

_SPEED_MEMORY = 0.7
"""Weight of the speed so far against the newest frame's: about the last three frames count."""

_APPEARANCE_UPDATE = 0.05
"""Least weight of a new frame in the appearance: about the last twenty frames count."""


class TrackStatus(Enum):
    """Whether a face is followed from frame to frame."""

    FOLLOWED = "followed"
    """It was confirmed when it was checked last."""
    DOUBTFUL = "doubtful"
    """The last check failed. It is not in the answer, and the next frame decides."""
    LOST = "lost"
    """It is not followed. It may be found again near where it was lost."""
    LOST_BEFORE_CUT = "lost before a cut"
    """It is not followed, and the scene has changed since: its last position does not count."""


_F, _D, _L, _C = TrackStatus
TRANSITIONS: dict[TrackStatus, frozenset[TrackStatus]] = {
    _F: frozenset({_F, _D, _L, _C}),
    _D: frozenset({_F, _L, _C}),
    _L: frozenset({_F, _C}),
    _C: frozenset({_F, _C}),
}
"""Which statuses may follow each status: the next frame confirms or loses a doubtful face, and a
lost one is followed again only once it was found."""


@dataclass
class FaceTrack:
    """A face and all that was estimated of it.

    Attributes:
        id: number of the person; from 0.
        shape: the person's shape so far.
        outline: points that the next crop is cut around; see ``crop_region``.
        roll: rotation of the next crop, clockwise in the picture, in radians.
        parameters: of the last frame, without batch dimension, in that frame's crop.
        T_crop_image: ``[3, 3]``, picture pixels to pixels of the last frame's crop.
        appearance: ``[8, 8, 3]``, running mean of ``identity.appearance``.
        smoother: the live filter of the face's motion.
        seconds: time of the last frame that showed it.
        score: certainty in [0, 1] that it is a face, at the last check.
        quality: how far the last frame was trusted for the shape, in [0, 1].
        box: ``[4]`` left, top, right, bottom of the mesh's landmarks in picture pixels.
        points: the mesh's landmarks ``[L, 2]`` in picture pixels.
        status: whether it is followed.
        frames: how many frames have shown it.
        speed: of its centre ``[2]``, in picture pixels a second.
        evidence: what the estimate of the clip takes of the last frame.
    """

    id: int
    shape: PersonShape
    outline: Array
    roll: float
    parameters: FaceParameters
    T_crop_image: Array
    appearance: NDArray[np.float32]
    smoother: LiveSmoother
    seconds: float
    score: float
    quality: float = 0.0
    box: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    points: Array = field(default_factory=lambda: np.zeros((0, 2)))
    status: TrackStatus = TrackStatus.FOLLOWED
    frames: int = 0
    speed: Array = field(default_factory=lambda: np.zeros(2))
    evidence: FrameEvidence | None = None

    @property
    def is_followed(self) -> bool:
        """Whether the next frame's crop is cut where this frame shows the face."""
        return self.status in {TrackStatus.FOLLOWED, TrackStatus.DOUBTFUL}

    def become(self, status: TrackStatus) -> None:
        """Change the status.

        Raises:
            ValueError: if :data:`TRANSITIONS` lacks the change.
        """
        if status not in TRANSITIONS[self.status]:
            raise ValueError(f"a face that is {self.status.value} cannot become {status.value}")
        self.status = status

    def traces(self) -> Traces:
        """Return what re-identification compares."""
        centre, size = centre_and_size(self.points)
        return Traces(self.appearance, self.shape.mean, centre, self.speed, size, self.seconds)

    def region(self) -> Array:
        """Return the points ``[P, 2 or 3]`` whose box the next crop is cut around."""
        return points_around(self.outline, self.roll)

    def with_mean_shape(self) -> FaceParameters:
        """Return the last frame's parameters with the person's shape so far."""
        shape = as_like(self.shape.mean, self.parameters.shape)
        return self.parameters.replace(shape=shape)

    def place_at(self, outline: Array) -> None:
        """Cut the next crop around landmarks ``[478, 2 or 3]`` that a detector has found."""
        self.outline, self.roll = outline, face_roll(outline)

    def update(self, estimate: FaceEstimate, seconds: float, *, follow_mesh: bool) -> None:
        """Take in a frame that shows the face.

        Args:
            estimate: of that frame.
            seconds: the frame's time.
            follow_mesh: whether the next crop follows the mesh; else landmarks place it.
        """
        self.quality = shape_quality(estimate, self.score)
        self.shape.add(to_numpy(estimate.parameters.shape), self.quality)
        self.parameters, self.T_crop_image = estimate.parameters, estimate.T_crop_image
        if self.frames and 0 < seconds - self.seconds < _LONGEST_STEP:
            moved = centre_and_size(estimate.points)[0] - centre_and_size(self.points)[0]
            newest = moved / (seconds - self.seconds)
            self.speed = _SPEED_MEMORY * self.speed + (1 - _SPEED_MEMORY) * newest
        self.seconds, self.points, self.evidence = seconds, estimate.points, estimate.evidence
        self.box = box_of(estimate.points)
        self.frames += 1
        if follow_mesh:
            roll = next_roll(self.roll, roll_of(estimate.parameters))
            self.outline = next_outline(self.outline, self.roll, estimate.points, roll)
            self.roll = roll
        fraction = max(_APPEARANCE_UPDATE, 1 / self.frames)
        self.appearance = self.appearance + fraction * (
            appearance(estimate.upright) - self.appearance
        )

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        state: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        state["status"] = self.status.value
        state["shape"] = self.shape.state()
        state["smoother"] = self.smoother.state()
        state["parameters"] = {name: to_numpy(array) for name, array in self.parameters.items()}
        return state

    @classmethod
    def restore(
        cls, state: dict[str, Any], head: HeadModel, smoothing: SmoothingConfig
    ) -> FaceTrack:
        """Return the track whose :meth:`state` this was.

        Args:
            state: what :meth:`state` returned.
            head: the head of its parameters.
            smoothing: settings of the live filter.
        """
        groups = {name: default_array(values) for name, values in state["parameters"].items()}
        smoother = LiveSmoother(head, smoothing)
        smoother.restore(state["smoother"])
        return cls(
            shape=PersonShape.restore(state["shape"]),
            parameters=FaceParameters.from_dict(groups),
            smoother=smoother,
            status=TrackStatus(state["status"]),
            **{name: state[name] for name in _PLAIN},
        )


_PLAIN = (
    "id", "outline", "roll", "T_crop_image", "appearance", "seconds", "score", "quality", "box",
    "points", "frames", "speed",
)  # fmt: skip
"""Attributes of a track that are stored as they are."""
