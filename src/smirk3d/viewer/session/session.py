"""The state of a viewer: open subjects, shown frame, and edits."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.viewer.session.edits import Edits
from smirk3d.viewer.session.parameter_layout import Control, ParameterLayout, Vector
from smirk3d.viewer.session.playback import Playback
from smirk3d.viewer.session.subjects import Subject

GLIDE_SECONDS = 0.06
"""Seconds that the mesh takes to a slider's new value: the page sends twenty values a second."""


class OpenSubject:
    """A subject with the edits of its faces.

    Attributes:
        subject: the subject that is shown.
        layout: layout of its head's parameters.
        edits: the user's edits.
        glided: the offsets ``[N, D]`` that are shown, on their way to those of the edits.
    """

    def __init__(self, subject: Subject) -> None:
        """Open without edits."""
        self.subject = subject
        self.layout = ParameterLayout(subject.head)
        self.edits = Edits(len(subject.faces), self.layout.size)
        self.glided = self.edits.offsets.copy()
        self._vectors = [self.layout.flatten(face.parameters) for face in subject.faces]

    def own(self, face: int, frame: int) -> Vector | None:
        """Return a face's own vector ``[D]`` in a frame, None where the frame lacks it."""
        row = self.subject.faces[face].row(frame)
        return None if row is None else self._vectors[face][row]

    def shown(self, face: int, frame: int, *, edited: bool) -> Vector | None:
        """Return the vector ``[D]`` that is drawn, None where the frame lacks the face."""
        own = self.own(face, frame)
        if own is None or not edited:
            return own
        return self.layout.moved(own, self.glided[face])

    def parameters(self, face: int, *, edited: bool = True) -> FaceParameters:
        """Return a face's parameters ``[F, D]`` in all its frames, with or without its edits."""
        offset = self.edits.offsets[face] if edited else np.zeros(self.layout.size, np.float32)
        return self.layout.parameters(self.layout.moved(self._vectors[face], offset))

    def glide(self, seconds: float) -> bool:
        """Move the shown offsets towards those of the edits and return whether they moved."""
        target = self.edits.offsets
        if np.array_equal(self.glided, target):
            return False
        fraction = min(seconds / GLIDE_SECONDS, 1.0)
        gap = target - self.glided
        # offsets that are nearly there arrive, so that gliding ends
        near = np.abs(gap) < 1e-3 * (1 + np.abs(target))
        self.glided = np.where(near, target, self.glided + gap * np.float32(fraction))
        return True


@dataclass(frozen=True)
class FaceChoice:
    """A face by the numbers of its subject and within it."""

    subject: int
    face: int


class Session:
    """Open subjects, at one time of their clips.

    Attributes:
        opened: the subjects, side by side.
        playback: the clock of the longest clip.
        chosen: the face that sliders move.
        edited: whether edits are shown, or the faces as they were.
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        """Open subjects, at least one."""
        self.opened = [OpenSubject(subject) for subject in subjects]
        longest = max(subjects, key=lambda s: len(s.timestamps))
        self.playback = Playback(longest.timestamps)
        self.chosen = FaceChoice(0, 0)
        self.edited = True

    @property
    def current(self) -> OpenSubject:
        """The subject of the chosen face."""
        return self.opened[self.chosen.subject]

    def choices(self) -> dict[str, FaceChoice]:
        """Return all faces by unique names."""
        found = {}
        for number, opened in enumerate(self.opened):
            for face, shown in enumerate(opened.subject.faces):
                name = f"{opened.subject.name}: {shown.label}"
                while name in found:
                    name += " (2)"
                found[name] = FaceChoice(number, face)
        return found

    def frame_of(self, subject: int) -> int:
        """Return the frame that a subject shows now; clips of other lengths end or hold."""
        times = self.opened[subject].subject.timestamps
        at = np.searchsorted(times, self.playback.seconds + 1e-9, "right") - 1
        return int(np.clip(at, 0, len(times) - 1))

    def vector(self, subject: int, face: int) -> Vector | None:
        """Return the vector ``[D]`` of a face that is drawn now, None where the frame lacks it."""
        return self.opened[subject].shown(face, self.frame_of(subject), edited=self.edited)

    def value(self, control: Control) -> float:
        """Return the value of the chosen face that a slider shows, with its edits."""
        opened, face = self.current, self.chosen.face
        own = opened.own(face, self.frame_of(self.chosen.subject))
        offset = opened.edits.offsets[face]
        if own is None:
            return min(max(0.0, control.lo), control.hi)
        value = float(opened.layout.moved(own, offset)[control.index])
        return min(max(value, control.lo), control.hi)

    def set_value(self, control: Control, value: float) -> None:
        """Move the chosen face so that a slider's value is shown in this frame."""
        own = self.current.own(self.chosen.face, self.frame_of(self.chosen.subject))
        if own is None or not math.isfinite(value):
            return
        value = min(max(value, control.lo), control.hi)
        offset = value - float(own[control.index])
        self.current.edits.move(self.chosen.face, control.index, offset, time.monotonic())
        self.edited = True

    def reset(self) -> None:
        """Take back all edits of the chosen face."""
        self.current.edits.reset(self.chosen.face)

    def advance(self, seconds: float) -> bool:
        """Let time pass and return whether the picture has changed."""
        before = self.playback.frame
        self.playback.advance(seconds)
        moved = [opened.glide(seconds) for opened in self.opened]
        return any(moved) or self.playback.frame != before

    @property
    def is_moving(self) -> bool:
        """Whether something plays or glides."""
        gliding = any(not np.array_equal(o.glided, o.edits.offsets) for o in self.opened)
        return self.playback.playing or gliding

    def frames_shown(self) -> list[NDArray[np.int64]]:
        """Return the frames that show each face of the current subject."""
        return [face.frames for face in self.current.subject.faces]
