"""Searches frames for faces that are not followed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.preprocessing.face_crop import face_roll
from smirk3d.preprocessing.face_detector import DetectedFace, box_of, box_overlap
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.tracking.estimation import FaceEstimator
from smirk3d.tracking.tracker_config import TrackerConfig
from smirk3d.tracking.tracks.crop_region import is_plausible, roll_of
from smirk3d.tracking.tracks.face_track import TrackStatus
from smirk3d.tracking.tracks.following import presence
from smirk3d.tracking.tracks.reidentification import TrackRegistry

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

_FOLLOWED_OVERLAP = 0.3
"""Overlap over the union from which a found face is one that is followed already."""

_SMALLEST = 24.0
"""Pixels; the networks find nothing in smaller faces."""

_TILES_AFTER_RECENT_LOSS, _TILES_AFTER_LOSS = 4, 10
"""Frames between searches of the tiles while a face is lost, recently or at all."""

_WHOLE_WHEN_EMPTY = 2
"""Frames between searches of the whole picture while no face is followed."""

_REFUSED_SECONDS = 0.5
"""How long what looked like a face and was none is not looked at again while somebody is followed:
pictures on walls and folds of clothes look like one in most frames, at 30 ms a look."""


class FaceSearcher:
    """Finds faces beside the followed ones, and gives each a new or an old identity."""

    def __init__(
        self, detector: MediaPipeFaceDetector, estimate: FaceEstimator, config: TrackerConfig
    ) -> None:
        """Set up.

        Args:
            detector: finds faces; closed by its owner.
            estimate: estimates faces.
            config: settings of the tracker.
        """
        self._detector = detector
        self._estimate = estimate
        self._config = config

    def admit(
        self, image: Image, seconds: float, number: int, registry: TrackRegistry, *, cut: bool
    ) -> None:
        """Search a frame where a search is due, and follow the faces that it finds.

        Args:
            image: uint8 ``[H, W, 3]``.
            seconds: the frame's time.
            number: of the frame, from 0.
            registry: whose tracks are followed, and which gets the faces.
            cut: whether the frame begins another scene.
        """
        followed = registry.followed
        room = (self._config.max_faces or 10**6) - len(followed)
        whole, tiles = self._due(seconds, number, registry, cut=cut)
        if room <= 0 or not whole:
            return
        smallest = max(_SMALLEST, self._config.min_face * max(image.shape[:2]))
        boxes = np.array([box_of(track.outline) for track in followed]).reshape(-1, 4)
        found = self._revisited(image, boxes, seconds, registry)
        boxes = np.concatenate([boxes, *(face.box[None] for face in found)])
        refused = registry.refused_since(seconds - _REFUSED_SECONDS)
        seen = self._detector.glance(
            image,
            boxes,
            min_face=smallest if tiles else None,
            rotated=tiles and not len(boxes),
            refused=refused if followed else refused[:0],
        )
        registry.refuse(seen.refused, seconds)
        found += seen.faces
        outlines = [face.landmarks.astype(np.float64) for face in found[:room]]
        rolls = [face_roll(outline) for outline in outlines]
        estimates = self._estimate(image, outlines, rolls, before=[None] * len(outlines))
        for face, outline, estimate in zip(found, outlines, estimates, strict=False):
            if not is_plausible(estimate, image):
                continue
            track = registry.identify(face.score, outline, estimate, seconds)
            if track is not None:
                follow_mesh = not self._estimate.needs_landmarks
                track.update(estimate, seconds, follow_mesh=follow_mesh)

    def _due(
        self, seconds: float, number: int, registry: TrackRegistry, *, cut: bool
    ) -> tuple[bool, bool]:
        """Return whether to search the whole picture, and its tiles as well."""
        config = self._config
        every, recent = config.search_tiles_every, False
        for track in registry.lost:
            is_recent = seconds - track.seconds < config.recent_seconds
            recent |= is_recent
            every = min(every, _TILES_AFTER_RECENT_LOSS if is_recent else _TILES_AFTER_LOSS)
        empty = not registry.followed
        if empty:
            every = min(every, config.search_whole_every)
        tiles = cut or number % every == 0
        regular = number % (_WHOLE_WHEN_EMPTY if empty else config.search_whole_every) == 0
        return tiles or recent or regular, tiles

    def _revisited(
        self, image: Image, boxes: Array, seconds: float, registry: TrackRegistry
    ) -> list[DetectedFace]:
        """Return the faces that are where one was lost a moment ago.

        Args:
            image: uint8 ``[H, W, 3]``.
            boxes: ``[N, 4]`` of the followed faces.
            seconds: the frame's time.
            registry: with the lost tracks.
        """
        faces: list[DetectedFace] = []
        for track in registry.tracks:
            away = seconds - track.seconds
            if track.status is not TrackStatus.LOST or not 0 < away < self._config.recent_seconds:
                continue
            score = presence(self._detector, image, track)
            if score < self._config.presence_threshold or len(track.points) < 1:
                continue
            box, roll = box_of(track.points), roll_of(track.parameters)
            face = self._detector.landmarks_near(image, box, roll)
            taken = np.concatenate([boxes, *(other.box[None] for other in faces)])
            if face is not None and not (
                len(taken) and box_overlap(taken, face.box)[0].max() > _FOLLOWED_OVERLAP
            ):
                faces.append(face)
        return faces
