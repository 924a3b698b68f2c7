"""Chooses the person who drives a live stream, and bridges the gaps while nobody is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import InputError
from smirk3d.export.arkit_csv import ANGLES
from smirk3d.export.gaps import EASE_SECONDS, HOLD_SECONDS
from smirk3d.heads.head_model import HeadModel
from smirk3d.live.calibration import Calibration, Calibrator
from smirk3d.live.datagrams import FaceValues, face_values
from smirk3d.live.outlet import FaceSink, Outlet
from smirk3d.preprocessing.face_detector import box_area
from smirk3d.tracking.tracker import TrackedFace

GONE_SECONDS = 3.0
"""How long a person keeps the stream without being seen, before another may have it."""


class StreamDriver:
    """Sends one person's face in every frame, whoever else comes by.

    The largest face of the first frame that has one drives, and keeps the stream until it was gone
    for :data:`GONE_SECONDS` and another is there. While it is not seen, time goes on: its last
    face is held for ``HOLD_SECONDS``, goes to rest in ``EASE_SECONDS``, and comes back as softly.
    Before anybody is seen, and while a face is calibrated, rest is sent.

    Attributes:
        values: what was sent last ``[61]``.
        calibration: what values are calibrated by, None as long as there is none.
    """

    def __init__(
        self,
        head: HeadModel,
        sinks: Sequence[FaceSink],
        warn: Callable[[str], None],
        *,
        calibration: Calibration | None = None,
        on_calibrated: Callable[[Calibration], None] | None = None,
    ) -> None:
        """Set up with nobody driving.

        Args:
            head: the head of the faces.
            sinks: what gets them.
            warn: gets a line when a sink cannot be reached, once until it can be again, and when a
                calibration fails.
            calibration: what values are calibrated by.
            on_calibrated: gets the calibration that the first seconds of the face that drives
                give; there is none without.
        """
        self.values: FaceValues = np.zeros(len(ARKIT_NAMES) + len(ANGLES))
        self.calibration = calibration
        self._head = head
        self._outlets = [Outlet(sink, warn) for sink in sinks]
        self._warn = warn
        self._calibrator = Calibrator() if on_calibrated is not None else None
        self._on_calibrated = on_calibrated
        self._id: int | None = None
        self._face = self.values
        self._weight = 1.0
        self._seen = 0.0
        self._last: float | None = None

    @property
    def is_calibrating(self) -> bool:
        """Whether a face at rest is waited for."""
        return self._calibrator is not None

    def step(
        self, faces: Sequence[TrackedFace], seconds: float, renamed: Mapping[int, int]
    ) -> int | None:
        """Send one frame, and return the number of the face that drives, None where it is unseen.

        Args:
            faces: all that the frame shows.
            seconds: the frame's time, increasing.
            renamed: final numbers of faces that had others at first; see ``FaceTracker.renamed``.
        """
        passed = 0.0 if self._last is None else seconds - self._last
        self._last = seconds
        face = self._driving(faces, seconds, renamed)
        if face is not None:
            values = face_values(self._head, face.parameters[None])[0]
            self._face, self._seen = self._calibrated(values, seconds), seconds
            self._weight = min(self._weight + passed / EASE_SECONDS, 1.0)
        elif seconds - self._seen > HOLD_SECONDS:
            self._weight = max(self._weight - passed / EASE_SECONDS, 0.0)
        # all values are zero at rest
        self.values = self._face * self._weight
        for outlet in self._outlets:
            outlet.post(outlet.made(self.values, seconds))
        return face.id if face is not None else None

    def _calibrated(self, values: FaceValues, seconds: float) -> FaceValues:
        if self._calibrator is not None and self._on_calibrated is not None:
            try:
                self.calibration = self._calibrator.add(values, seconds)
            except InputError as error:
                self._warn(str(error))
            if self.calibration is None:
                return np.zeros_like(values)
            self._calibrator = None
            self._on_calibrated(self.calibration)
        return values if self.calibration is None else self.calibration.applied(values)

    def _driving(
        self, faces: Sequence[TrackedFace], seconds: float, renamed: Mapping[int, int]
    ) -> TrackedFace | None:
        """Return the face of the person who drives, None where this frame lacks it."""
        if self._id is not None:
            self._id = renamed.get(self._id, self._id)
            for face in faces:
                if face.id == self._id:
                    return face
            if seconds - self._seen <= GONE_SECONDS:
                return None
        if not faces:
            return None
        largest = max(faces, key=lambda face: float(box_area(face.detection.box)))
        self._id = largest.id
        return largest
