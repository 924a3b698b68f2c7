"""Chooses the person who drives a live stream, and bridges the gaps while nobody is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch

from smirk3d.errors import OutputError
from smirk3d.export.gaps import EASE_SECONDS, HOLD_SECONDS, towards_rest
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.tracking.tracker import TrackedFace

GONE_SECONDS = 3.0
"""How long a person keeps the stream without being seen, before another may have it."""


class FaceSink(Protocol):
    """Takes one face a frame, as ``VmcSender`` does."""

    def send(self, head: HeadModel, parameters: FaceParameters, seconds: float) -> None:
        """Take a face without batch dimension, at a time in seconds."""
        ...


class StreamDriver:
    """Sends one person's face in every frame, whoever else comes by.

    The largest face of the first frame that has one drives, and keeps the stream until it was gone
    for :data:`GONE_SECONDS` and another is there. While it is not seen, time goes on: its last
    face is held for ``HOLD_SECONDS``, goes to rest in ``EASE_SECONDS``, and comes back as softly.
    Before anybody is seen the head rests.
    """

    def __init__(self, head: HeadModel, sink: FaceSink, warn: Callable[[str], None]) -> None:
        """Set up with nobody driving.

        Args:
            head: the head of the faces.
            sink: what gets them.
            warn: gets a line when the sink cannot be reached, once until it can be again.
        """
        self._head = head
        self._sink = sink
        self._warn = warn
        self._id: int | None = None
        self._face = head.neutral()[0]
        self._weight = 1.0
        self._seen = 0.0
        self._last: float | None = None
        self._reached = True

    def step(
        self, faces: Sequence[TrackedFace], seconds: float, renamed: Mapping[int, int]
    ) -> None:
        """Send one frame.

        Args:
            faces: all that the frame shows.
            seconds: the frame's time, increasing.
            renamed: final numbers of faces that had others at first; see ``FaceTracker.renamed``.
        """
        passed = 0.0 if self._last is None else seconds - self._last
        self._last = seconds
        face = self._driving(faces, seconds, renamed)
        if face is not None:
            self._face, self._seen = face.parameters, seconds
            self._weight = min(self._weight + passed / EASE_SECONDS, 1.0)
        elif seconds - self._seen > HOLD_SECONDS:
            self._weight = max(self._weight - passed / EASE_SECONDS, 0.0)
        self._send(seconds)

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
        largest = max(faces, key=_area)
        self._id = largest.id
        return largest

    def _send(self, seconds: float) -> None:
        shown = towards_rest(self._head, self._face[None], torch.tensor([self._weight]))[0]
        try:
            self._sink.send(self._head, shown, seconds)
        except OutputError as error:
            # a network that drops out ends no take
            if self._reached:
                self._warn(str(error))
            self._reached = False
        else:
            self._reached = True


def _area(face: TrackedFace) -> float:
    width, height = np.maximum(face.box[2:] - face.box[:2], 0)
    return float(width * height)
