"""Follows faces from frame to frame and keeps their identities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.closing import Closing
from smirk3d.errors import InputError
from smirk3d.faces.face import Face
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.estimation import FaceEstimator
from smirk3d.tracking.motion.clip_estimate import ClipEstimator, FrameEvidence
from smirk3d.tracking.motion.image_motion import HeadAnchor, to_crops, to_image
from smirk3d.tracking.scene_cuts import SceneCuts
from smirk3d.tracking.tracker_config import TrackerConfig
from smirk3d.tracking.tracks.face_track import FaceTrack, TrackStatus
from smirk3d.tracking.tracks.following import FaceFollower
from smirk3d.tracking.tracks.reidentification import TrackRegistry
from smirk3d.tracking.tracks.searching import FaceSearcher

Image = NDArray[np.uint8]
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrackedFace(Face):
    """A face that a frame shows; its shape is the person's so far.

    Attributes:
        id: number of the person, the same in all frames; from 0. Somebody who comes back half
            hidden may have a new number for some frames; see :meth:`FaceTracker.renamed`.
        detection: box of the mesh's landmarks in picture pixels, and the certainty in [0, 1] that
            it is a face, at the last check; no landmarks (``[0, 3]``).
        quality: how far the frame was trusted for the shape, in [0, 1].
        points: the mesh's landmarks ``[L, 2]`` in picture pixels, before any smoothing.
        evidence: what the estimate of the clip takes of this frame; None without such an estimate.
    """

    id: int
    detection: DetectedFace
    quality: float
    points: Array
    evidence: FrameEvidence | None = None


class FaceTracker(Closing):
    """Follows every face of a video or camera, one frame at a time.

    >>> from smirk3d import FaceReconstructor
    >>> from smirk3d.tracking.tracker import FaceTracker
    >>> from smirk3d.preprocessing.media.video_reader import VideoReader
    >>> tracker = FaceTracker(FaceReconstructor())  # doctest: +SKIP
    >>> for frame in VideoReader("clip.mp4").frames():  # doctest: +SKIP
    ...     for face in tracker.step(frame.image, frame.seconds):
    ...         print(face.id, face.parameters.jaw)

    A face is cut out where its mesh was a frame ago. The detector looks for faces at the start,
    after cuts and losses, and every few frames; in between it only confirms that a face is there.
    The answer depends on the frames and times alone, not on how fast they come, and goes on from
    a stored :meth:`state` as if it had never stopped.

    Attributes:
        config: settings.
        head: the head of the faces.
        registry: the tracks, followed and lost.
        clip: the estimate of the clip, None unless the settings ask for it.
    """

    def __init__(
        self, reconstructor: FaceReconstructor, config: TrackerConfig | None = None
    ) -> None:
        """Set up; networks are opened with the first frame.

        Args:
            reconstructor: estimates the faces.
            config: settings.

        Raises:
            InputError: if the head has no landmarks to follow.
        """
        if not len(reconstructor.head.landmark_ids):
            raise InputError(f"head {reconstructor.head.name!r} has no landmarks to follow")
        self.config = config or TrackerConfig()
        self.head = reconstructor.head
        self._reconstructor = reconstructor
        self.registry = TrackRegistry(self.head, self.config)
        self._detector = MediaPipeFaceDetector()
        self.clip = ClipEstimator(reconstructor) if self.config.of_clip else None
        estimate = FaceEstimator(reconstructor, of_clip=self.config.of_clip)
        self._follower = FaceFollower(self._detector, estimate, self.config)
        self._searcher = FaceSearcher(self._detector, estimate, self.config)
        self._anchor = HeadAnchor.of(self.head)
        self._scenes = SceneCuts()
        self._count = 0

    def step(self, image: Image, seconds: float) -> list[TrackedFace]:
        """Return the faces of the next frame, in the order of their ids.

        Args:
            image: upright RGB, uint8 ``[H, W, 3]``; sizes may change.
            seconds: its time, later than the frame before.

        Raises:
            InputError: if the picture is no uint8 array ``[H, W, 3]``.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(
                f"a frame must be uint8 [H, W, 3], got {image.dtype} {list(image.shape)}"
            )
        cut = self._scenes.is_cut(image, seconds)
        if cut:
            self.registry.lose_all()
        self._follower.follow(image, seconds, self._count, self.registry)
        self._follower.separate_duplicates(image, self.registry)
        self.registry.merge_reidentified()
        self._searcher.admit(image, seconds, self._count, self.registry, cut=cut)
        self._count += 1
        self.registry.forget_oldest()
        shown = [t for t in self.registry.tracks if t.status is TrackStatus.FOLLOWED]
        return [self._answer(track, seconds) for track in sorted(shown, key=lambda t: t.id)]

    def _answer(self, track: FaceTrack, seconds: float) -> TrackedFace:
        parameters = track.with_mean_shape()
        if self.config.smooth == "live":
            crop = track.T_crop_image[None]
            motion = track.smoother(to_image(parameters[None], crop, self._anchor), seconds)
            parameters = to_crops(motion, parameters[None], crop, self._anchor)[0]
        box_alone = np.empty((0, 3), np.float32)
        return TrackedFace(
            id=track.id,
            parameters=parameters,
            head=self.head,
            T_crop_image=track.T_crop_image,
            detection=DetectedFace(box=track.box, score=track.score, landmarks=box_alone),
            quality=track.quality,
            weights=self._reconstructor.weights,
            weights_sha256=self._reconstructor.weights_sha256,
            points=track.points,
            evidence=track.evidence,
        )

    def shapes(self) -> dict[int, Array]:
        """Return each remembered person's shape ``[S]`` so far by id."""
        shapes = {track.id: track.shape.mean for track in self.registry.tracks}
        return shapes | (self.clip.shapes() if self.clip is not None else {})

    def renamed(self) -> dict[int, int]:
        """Return the final ids of people who were given new ones at first."""
        return dict(self.registry.merged)

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on, for :meth:`restore`."""
        clip = self.clip.state() if self.clip is not None else {}
        return {
            "count": self._count,
            "scenes": self._scenes.state(),
            "clip": clip,
            **self.registry.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken, in this run or another with the same settings."""
        self._count = state["count"]
        self._scenes.restore(state["scenes"])
        if self.clip is not None:
            self.clip.restore(state["clip"])
        self.registry.restore(state)

    def close(self) -> None:
        """Free the detector's networks."""
        self._follower.close()
        self._detector.close()
