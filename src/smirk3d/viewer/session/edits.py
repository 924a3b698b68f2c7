"""The user's edits, with undo and redo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

_MOST_STEPS = 200
"""Steps that can be undone: each holds one vector of parameters, 200 some 150 kB."""


class Edits:
    """An offset for each face, added to its parameters in every frame; with undo and redo.

    Attributes:
        offsets: the offsets ``[N, D]`` of the faces' vectors.
    """

    def __init__(self, num_faces: int, size: int) -> None:
        """Start without edits for faces whose vectors have a size."""
        self.offsets = np.zeros((num_faces, size), np.float32)
        self._undo: list[Vector] = []
        self._redo: list[Vector] = []
        self._last: tuple[int, int, float] | None = None

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return bool(self._redo)

    def move(self, face: int, index: int, offset: float, seconds: float) -> None:
        """Set one offset.

        Moves of one value that follow each other within a second are one step.

        Args:
            face: number of the face.
            index: of the value in its vector.
            offset: what to add to the face's own value.
            seconds: a clock's time.
        """
        same = self._last is not None and self._last[:2] == (face, index)
        if not (same and self._last is not None and seconds - self._last[2] < 1.0):
            self._remember()
        self._last = (face, index, seconds)
        self.offsets[face, index] = offset

    def reset(self, face: int, within: slice | NDArray[np.intp] | None = None) -> None:
        """Remove all edits of a face, or those of some values; one step."""
        self._remember()
        self.offsets[face, slice(None) if within is None else within] = 0

    def undo(self) -> None:
        """Undo the last step, if there is one."""
        self._exchange(self._undo, self._redo)

    def redo(self) -> None:
        """Redo the step that was undone last."""
        self._exchange(self._redo, self._undo)

    def _remember(self) -> None:
        self._undo.append(self.offsets.copy())
        del self._undo[:-_MOST_STEPS]
        self._redo.clear()
        self._last = None

    def _exchange(self, source: list[Vector], target: list[Vector]) -> None:
        if source:
            target.append(self.offsets)
            self.offsets = source.pop()
            self._last = None
