"""Follows faces into the next frame, and loses those that are no longer there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from smirk3d.closing import Closing
from smirk3d.preprocessing.face_detector import box_of, box_overlap
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.tracking.estimation import FaceEstimate, FaceEstimator
from smirk3d.tracking.tracker_config import TrackerConfig
from smirk3d.tracking.tracks.crop_region import is_plausible, is_rolled_off, roll_of
from smirk3d.tracking.tracks.face_track import FaceTrack, TrackStatus
from smirk3d.tracking.tracks.identity import appearance, appearance_distance
from smirk3d.tracking.tracks.reidentification import TrackRegistry

Image = NDArray[np.uint8]

_SAME_UNION, _SAME_SMALLER = 0.5, 0.8
"""Overlap over the union of two boxes, and over the smaller one, from which they show one face."""


def presence(detector: MediaPipeFaceDetector, image: Image, track: FaceTrack) -> float:
    """Return the score in [0, 1] that a face is where a track was last."""
    return detector.presence(image, box_of(track.outline), roll_of(track.parameters))


class FaceFollower(Closing):
    """Estimates followed faces in each frame, while a second thread checks that they are there."""

    def __init__(
        self, detector: MediaPipeFaceDetector, estimate: FaceEstimator, config: TrackerConfig
    ) -> None:
        """Set up.

        Args:
            detector: checks faces and finds landmarks; closed by its owner.
            estimate: estimates faces.
            config: settings of the tracker.
        """
        self._detector = detector
        self._estimate = estimate
        self._config = config
        self._checker = ThreadPoolExecutor(1, thread_name_prefix="presence")

    def follow(self, image: Image, seconds: float, number: int, registry: TrackRegistry) -> None:
        """Update all followed tracks by a frame.

        Args:
            image: uint8 ``[H, W, 3]``.
            seconds: the frame's time.
            number: of the frame, from 0.
            registry: whose tracks are followed.
        """
        tracks = registry.followed
        checks = {
            track.id: self._checker.submit(presence, self._detector, image, track)
            for track in tracks
            if track.status is TrackStatus.DOUBTFUL
            or (number + track.id) % self._config.check_every == 0
        }
        if self._estimate.needs_landmarks:
            _wait(checks)
            tracks = self._with_landmarks(image, tracks)
        estimates = self._estimated(image, tracks)
        _wait(checks)
        for track, estimate in zip(tracks, estimates, strict=True):
            score = checks[track.id].result() if track.id in checks else track.score
            if score >= self._config.presence_threshold and is_plausible(estimate, image):
                track.become(TrackStatus.FOLLOWED)
                track.score = score
                follow_mesh = not self._estimate.needs_landmarks
                track.update(estimate, seconds, follow_mesh=follow_mesh)
            elif track.status is TrackStatus.DOUBTFUL:
                track.become(TrackStatus.LOST)
            else:
                track.become(TrackStatus.DOUBTFUL)

    def _estimated(self, image: Image, tracks: Sequence[FaceTrack]) -> list[FaceEstimate]:
        estimates = self._estimate(
            image,
            [track.region() for track in tracks],
            [track.roll for track in tracks],
            before=[track.with_mean_shape() for track in tracks],
        )
        if self._estimate.needs_landmarks:
            return estimates
        # in a crop that is rotated farther than the encoder is used to, actions are misread
        rolls = [roll_of(estimate.parameters) for estimate in estimates]
        off = [
            i
            for i, (track, estimate) in enumerate(zip(tracks, estimates, strict=True))
            if is_plausible(estimate, image) and is_rolled_off(track.roll, rolls[i])
        ]
        again = self._estimate(
            image,
            [estimates[i].points for i in off],
            [rolls[i] for i in off],
            before=[None] * len(off),
        )
        for i, estimate in zip(off, again, strict=True):
            estimates[i] = estimate
        return estimates

    def _with_landmarks(self, image: Image, tracks: Sequence[FaceTrack]) -> list[FaceTrack]:
        """Place tracks at the frame's landmarks; lose those that have none."""
        found = []
        for track in tracks:
            face = self._detector.landmarks_in_region(image, track.outline)
            if face is None:
                track.become(TrackStatus.LOST)
                continue
            track.place_at(face.landmarks.astype(np.float64))
            found.append(track)
        return found

    def separate_duplicates(self, image: Image, registry: TrackRegistry) -> None:
        """Of two tracks on one face, lose the one whose appearance is further from it."""
        followed = registry.followed
        for track in followed:
            for other in followed:
                if other.id <= track.id or not (track.is_followed and other.is_followed):
                    continue
                union, smaller = box_overlap(box_of(other.outline)[None], box_of(track.outline))
                if union[0] > _SAME_UNION or smaller[0] > _SAME_SMALLER:
                    self._less_alike(image, track, other).become(TrackStatus.LOST)

    def _less_alike(self, image: Image, track: FaceTrack, other: FaceTrack) -> FaceTrack:
        crop = self._estimate.upright(image, track.region(), track.roll)
        seen = appearance(crop)
        distance = appearance_distance(seen, track.appearance)
        return track if distance > appearance_distance(seen, other.appearance) else other

    def close(self) -> None:
        """End the thread."""
        self._checker.shutdown()


def _wait(checks: Mapping[int, Future[float]]) -> None:
    for check in checks.values():
        check.result()
