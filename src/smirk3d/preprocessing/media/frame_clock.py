"""The times of a video's frames, mended where the file's own are wrong."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

_TICK = 1e-6
"""Seconds, to which times are rounded."""
_LONGEST_GAP = 86_400.0
"""Seconds; a frame that would be shown later than this after another has a damaged time."""


class FrameClock:
    """Gives frames their times, which increase strictly whatever the file says.

    Attributes:
        end: when the last frame ends, by the file's own clock.
        is_files_own: whether all times so far were the file's.
    """

    def __init__(self, rate: Fraction) -> None:
        """Begin before the first frame.

        Args:
            rate: frames a second, for frames without a time.
        """
        self._step = float(1 / rate)
        self.reset()

    def reset(self) -> None:
        """Begin anew, before the first frame."""
        self._start: float | None = None
        self._last = -math.inf
        self.end = 0.0
        self.is_files_own = True

    def leap_before(self, frame: Any) -> None:
        """Go on with a frame whose time and all before it are the file's own."""
        told = float(frame.pts * frame.time_base) - (self._start or 0.0)
        self._last = told - self._step

    def seconds(self, frame: Any) -> float:
        """Return when the next frame is shown, in seconds after the first.

        Args:
            frame: PyAV's ``VideoFrame``.
        """
        if frame.pts is not None and frame.time_base:
            told = float(frame.pts * frame.time_base)
            if self._start is None:
                self._start = told
            told -= self._start
        else:
            told = self._last + self._step
            self.is_files_own = False
        if self._last == -math.inf:
            told = 0.0
        elif told <= self._last:
            told = self._last + self._step / 2
            self.is_files_own = False
        elif told > self._last + _LONGEST_GAP:
            self._start = (self._start or 0.0) + told - self._last - self._step
            told = self._last + self._step
            self.is_files_own = False
        # microseconds: a float's last bits differ with the way a time was reached; frames that lie
        # closer together are a microsecond apart
        self._last = round(max(told, self._last + _TICK), 6)
        self.end = self._last + (self._start or 0.0) + self._step
        return self._last
