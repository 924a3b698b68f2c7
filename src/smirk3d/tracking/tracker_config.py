"""Settings of the tracker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from smirk3d.tracking.motion.smoothing import SmoothingConfig


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """Settings of the tracker.

    Attributes:
        of_clip: estimate faces jointly over stretches of a clip, which only a file has; needs an
            encoder with uncertainty.
        smooth: ``live`` smooths each frame by the frames before it; ``off`` does not.
        max_faces: how many faces are followed at once, the largest first; None for all.
        min_face: size of the smallest face that is searched for, as a fraction of the picture's
            longer side.
        search_whole_every: frames between searches of the whole picture for new faces.
        search_tiles_every: frames between searches of its tiles for small faces.
        check_every: frames between checks that a followed face is still there.
        presence_threshold: score from which a followed face counts as there; see
            ``MediaPipeFaceDetector.presence``.
        new_face_threshold: score from which a found face that matches no lost one is followed.
        recent_seconds: time after a loss in which each frame is searched, and the position where
            the face was lost.
        max_lost: how many lost faces are kept for re-identification.
        smoothing: settings of the live filter.
    """

    smooth: Literal["off", "live"] = "live"
    of_clip: bool = False
    max_faces: int | None = None
    min_face: float = 0.05
    search_whole_every: int = 5
    search_tiles_every: int = 30
    check_every: int = 3
    presence_threshold: float = 0.4
    new_face_threshold: float = 0.7
    recent_seconds: float = 2.0
    max_lost: int = 64
    smoothing: SmoothingConfig = field(default_factory=SmoothingConfig)
