"""The frame clock of a clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Playback:
    """Which frame of a clip is shown, by time.

    Attributes:
        playing: whether time passes.
        loop: whether the clip starts again at its end.
        speed: clip seconds for one second.
    """

    def __init__(self, timestamps: NDArray[np.float64]) -> None:
        """Start at the first of frames shown at times in seconds ``[T]``."""
        self._times = np.asarray(timestamps, np.float64)
        step = float(np.median(np.diff(self._times))) if len(self._times) > 1 else 0.0
        self._end = float(self._times[-1]) + step
        self._now = float(self._times[0])
        self.playing = False
        self.loop = True
        self.speed = 1.0

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self._times)

    @property
    def seconds(self) -> float:
        """The clip's time."""
        return self._now

    @property
    def frame(self) -> int:
        """Number of the frame that is shown."""
        return int(np.clip(np.searchsorted(self._times, self._now, "right") - 1, 0, None))

    def seek(self, frame: int) -> None:
        """Show a frame; numbers beyond the ends show the first or the last."""
        self._now = float(self._times[min(max(frame, 0), len(self._times) - 1)])

    def toggle(self) -> None:
        """Play or pause; at the end of a clip, playing starts again at its beginning."""
        self.playing = not self.playing and self.num_frames > 1
        if self.playing and not self.loop and self.frame == self.num_frames - 1:
            self.seek(0)

    def advance(self, seconds: float) -> None:
        """Let time pass while playing."""
        if not self.playing:
            return
        start = float(self._times[0])
        now = self._now + seconds * self.speed
        if now >= self._end and not self.loop:
            self.playing = False
            self.seek(self.num_frames - 1)
            return
        self._now = start + (now - start) % (self._end - start) if now >= self._end else now
