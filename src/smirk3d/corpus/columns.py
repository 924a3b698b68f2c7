"""The columns of the table of faces; this module imports nothing heavy.

Head and eyes are told by pitch (positive down), yaw (positive to the subject's right) and roll
(positive towards the subject's left shoulder), as in Live Link Face's files; the eyes' angles are
relative to the head.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from smirk3d.conventions import ARKIT_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANGLES = (
    "head_yaw", "head_pitch", "head_roll", "gaze_left_yaw", "gaze_left_pitch",
    "gaze_right_yaw", "gaze_right_pitch",
)  # fmt: skip
BOX = ("left", "top", "right", "bottom")
SCORES = ("score", "quality", "confidence")
NUMBERS = (*SCORES, *BOX, *ANGLES, *ARKIT_NAMES)
"""Columns of real numbers; NaN where a frame shows no face, or where the number is not known."""

FACE_COLUMNS = ("clip", "frame", "seconds", "person", *NUMBERS)
"""All columns, in order."""

Columns = Mapping[str, "NDArray[Any]"]
"""Values by column, without the clip's."""
