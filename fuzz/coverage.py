"""Which lines of smirk3d an input reaches that none before it did."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING

import smirk3d

if TYPE_CHECKING:
    from _typeshed import TraceFunction


class Coverage:
    """Collects the lines of smirk3d's modules that run between ``start`` and ``stop``.

    Only the thread that starts it is watched. A function whose lines were all seen is left alone,
    which keeps the cost low.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._root = str(Path(smirk3d.__file__).parent)
        self._left: dict[CodeType, set[int]] = {}
        self._ours: dict[str, bool] = {}
        self._fresh = 0

    def start(self) -> None:
        """Watch from now on."""
        self._fresh = 0
        sys.settrace(self._call)

    def stop(self) -> int:
        """Stop watching and return how many lines were seen for the first time."""
        sys.settrace(None)
        return self._fresh

    def _call(self, frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        code = frame.f_code
        ours = self._ours.get(code.co_filename)
        if ours is None:
            ours = self._ours[code.co_filename] = code.co_filename.startswith(self._root)
        if not ours:
            return None
        left = self._left.get(code)
        if left is None:
            left = self._left[code] = {line for _, _, line in code.co_lines() if line}
        return self._line if left else None

    def _line(self, frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        left = self._left[frame.f_code]
        if event == "line" and frame.f_lineno in left:
            left.discard(frame.f_lineno)
            self._fresh += 1
        return self._line if left else None
