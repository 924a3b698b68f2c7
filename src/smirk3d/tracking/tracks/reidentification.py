"""The tracks of all people of a clip: new identities, and lost ones that are found again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.heads.head_model import HeadModel
from smirk3d.preprocessing.face_crop import face_roll
from smirk3d.tracking.estimation import FaceEstimate
from smirk3d.tracking.motion.smoothing import LiveSmoother
from smirk3d.tracking.tracker_config import TrackerConfig
from smirk3d.tracking.tracks.crop_region import centre_and_size
from smirk3d.tracking.tracks.face_track import FaceTrack, TrackStatus
from smirk3d.tracking.tracks.identity import (
    CERTAIN_MATCH,
    SAME,
    Traces,
    appearance,
    cost_of_same,
)
from smirk3d.tracking.tracks.person_shape import PersonShape

Array = NDArray[np.float64]

_TRIALS = (4, 8, 16)
"""Frames of a new face after which it is compared once more with the lost ones."""


class TrackRegistry:
    """Tracks by identity.

    Attributes:
        tracks: all that are followed or kept for re-identification, in the order of their start.
        merged: for each newer id of a person, the older id that it was merged into.
    """

    def __init__(self, head: HeadModel, config: TrackerConfig) -> None:
        """Begin without tracks.

        Args:
            head: the head of the faces.
            config: settings of the tracker.
        """
        self.tracks: list[FaceTrack] = []
        self.merged: dict[int, int] = {}
        self._next_id = 0
        self._refused: list[tuple[float, Array]] = []
        self._head = head
        self._config = config

    @property
    def followed(self) -> list[FaceTrack]:
        """The tracks that are followed, doubtful ones included."""
        return [track for track in self.tracks if track.is_followed]

    @property
    def lost(self) -> list[FaceTrack]:
        """The tracks that are not followed."""
        return [track for track in self.tracks if not track.is_followed]

    def lose_all(self) -> None:
        """Lose every face: the scene has changed."""
        for track in self.tracks:
            track.become(TrackStatus.LOST_BEFORE_CUT)
        self._refused = []

    def refuse(self, boxes: Array, seconds: float) -> None:
        """Remember what looked like a face and was none.

        Args:
            boxes: ``[N, 4]`` in picture pixels.
            seconds: the frame's time.
        """
        self._refused += [(seconds, box) for box in boxes]

    def refused_since(self, seconds: float) -> Array:
        """Return the boxes ``[N, 4]`` refused after a time, and forget the others."""
        self._refused = [(when, box) for when, box in self._refused if when > seconds]
        return np.reshape([box for _, box in self._refused], (-1, 4))

    def identify(
        self, score: float, outline: Array, estimate: FaceEstimate, seconds: float
    ) -> FaceTrack | None:
        """Return the lost track that a found face goes on with, or a new one, followed from now on.

        Args:
            score: certainty in [0, 1] that it is a face.
            outline: its landmarks ``[478, 2 or 3]`` in picture pixels.
            estimate: of the frame.
            seconds: the frame's time.

        Returns:
            The track; None where the face matches no lost one and is too uncertain to be a new one.
        """
        centre, size = centre_and_size(outline)
        shape = to_numpy(estimate.parameters.shape).astype(np.float64)
        found = Traces(appearance(estimate.upright), shape, centre, np.zeros(2), size, seconds)
        track = self._best_match(found)
        if track is None:
            if score < self._config.new_face_threshold:
                return None
            track = self._started(found, outline, estimate, score)
        track.become(TrackStatus.FOLLOWED)
        track.score = score
        track.place_at(outline)
        return track

    def _best_match(self, found: Traces) -> FaceTrack | None:
        costs = [
            cost_of_same(track.traces(), found, cut=track.status is TrackStatus.LOST_BEFORE_CUT)
            for track in self.lost
        ]
        if not costs or min(costs) > SAME:
            return None
        return self.lost[costs.index(min(costs))]

    def _started(
        self, found: Traces, outline: Array, estimate: FaceEstimate, score: float
    ) -> FaceTrack:
        track = FaceTrack(
            id=self._next_id,
            shape=PersonShape(),
            outline=outline,
            roll=face_roll(outline),
            parameters=estimate.parameters,
            T_crop_image=estimate.T_crop_image,
            appearance=found.appearance,
            smoother=LiveSmoother(self._head, self._config.smoothing),
            seconds=found.seconds,
            score=score,
        )
        self._next_id += 1
        self.tracks.append(track)
        return track

    def merge_reidentified(self) -> None:
        """Merge new identities into lost ones where appearance and shape show the same person.

        A face that has just come out from behind something resembles nobody yet.
        """
        for track in [track for track in self.followed if track.frames in _TRIALS]:
            traces = track.traces()
            older = [other for other in self.lost if other.frames > track.frames]
            costs = [cost_of_same(other.traces(), traces, cut=True) for other in older]
            if costs and min(costs) <= CERTAIN_MATCH:
                self._merge(track, older[costs.index(min(costs))])

    def _merge(self, track: FaceTrack, older: FaceTrack) -> None:
        self.tracks.remove(older)
        self.rename(track.id, older.id)
        track.id, track.shape = older.id, older.shape
        track.frames += older.frames

    def rename(self, new: int, old: int) -> None:
        """Merge a new identity into an old one, with those that were merged into it before."""
        for merged, into in self.merged.items():
            if into == new:
                self.merged[merged] = old
        self.merged[new] = old

    def forget_oldest(self) -> None:
        """Drop the faces that were lost longest ago, beyond those that are kept."""
        by_loss = sorted(self.lost, key=lambda track: -track.seconds)
        for track in by_loss[self._config.max_lost :]:
            self.tracks.remove(track)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {
            "next_id": self._next_id,
            "renamed": [list(pair) for pair in self.merged.items()],
            "tracks": [track.state() for track in self.tracks],
            "refused": [[seconds, *box.tolist()] for seconds, box in self._refused],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._next_id = state["next_id"]
        self.merged = dict(state["renamed"])
        self._refused = [(row[0], np.array(row[1:])) for row in state["refused"]]
        self.tracks = [
            FaceTrack.restore(stored, self._head, self._config.smoothing)
            for stored in state["tracks"]
        ]
