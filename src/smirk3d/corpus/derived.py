"""Columns that follow from the 52 actions: FACS action units, asymmetry, blinks, speech activity.

**Action units** are a mapping of names, not a measurement by FACS: each unit is the mean of the
actions whose description by Apple says what FACS says of the unit. Values are the rig's weights in
[0, 1], not intensities A to E of a trained coder, and no threshold says "present". Units that no
action tells have no column (AU11, AU13, AU21, AU23, AU38, AU39). AU6 and AU7 are less certain than
others: the cheek and the eyelid move little in a picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.corpus.derived_names import Derived

ACTION_UNITS: Mapping[str, tuple[str, ...]] = {
    "AU01": ("browInnerUp",),
    "AU02": ("browOuterUpLeft", "browOuterUpRight"),
    "AU04": ("browDownLeft", "browDownRight"),
    "AU05": ("eyeWideLeft", "eyeWideRight"),
    "AU06": ("cheekSquintLeft", "cheekSquintRight"),
    "AU07": ("eyeSquintLeft", "eyeSquintRight"),
    "AU09": ("noseSneerLeft", "noseSneerRight"),
    "AU10": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "AU12": ("mouthSmileLeft", "mouthSmileRight"),
    "AU14": ("mouthDimpleLeft", "mouthDimpleRight"),
    "AU15": ("mouthFrownLeft", "mouthFrownRight"),
    "AU16": ("mouthLowerDownLeft", "mouthLowerDownRight"),
    "AU17": ("mouthShrugLower",),
    "AU18": ("mouthPucker",),
    "AU19": ("tongueOut",),
    "AU20": ("mouthStretchLeft", "mouthStretchRight"),
    "AU22": ("mouthFunnel",),
    "AU24": ("mouthPressLeft", "mouthPressRight"),
    "AU26": ("jawOpen",),
    "AU28": ("mouthRollLower", "mouthRollUpper"),
    "AU29": ("jawForward",),
    "AU34": ("cheekPuff",),
    "AU45": ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""Actions whose mean is a unit. Names of units have two digits, as OpenFace's and py-feat's."""

_PAIRS = tuple(
    name.removesuffix("Left")
    for name in ARKIT_NAMES
    if name.endswith("Left")
    and f"{name.removesuffix('Left')}Right" in ARKIT_NAMES
    and not re.match(r"eyeLook|jawLeft|mouthLeft", name)
)
"""Actions of both sides of the face. Gaze and sideways moves are no asymmetry of a face."""

_CLOSED, _OPEN = 0.5, 0.3
"""Weights of both eyes at which a blink begins and ends, by choice: halfway down, and less so that
one that flutters at the threshold counts once."""
_LONGEST_BLINK = 0.5
"""Seconds; eyes shut for longer are not blinking, by choice."""
_MINUTE = 60.0
"""Seconds, by definition."""

_SPEECH_WINDOW = 0.5
"""Seconds on either side over which the mouth's motion counts: two syllables or more, which come at
4 to 5 a second (Ding et al. 2017)."""
_SPEECH_MOTION = 0.03
"""Standard deviation of the mouth's opening at which the activity is a half, by choice."""

Values = NDArray[np.float64]
Column = Callable[[str], Values]


def derive(
    names: Sequence[Derived], column: Column, groups: Sequence[NDArray[np.int64]]
) -> dict[str, NDArray[Any]]:
    """Return derived columns.

    Args:
        names: groups of columns.
        column: gives a column of the table of faces ``[R]`` by name.
        groups: numbers of the rows of each person of each clip, by time.

    Returns:
        Columns ``[R]``, NaN in rows without a face. ``facs`` gives ``AU01`` and so on, of
        :data:`ACTION_UNITS`. ``asymmetry`` gives ``asymmetry``, the mean of ``left - right`` over
        pairs of actions, and without its sign ``asymmetry_size``. ``blinks`` gives ``blink``, 1 in
        the frame in which one begins, and ``blink_rate``, the person's blinks a minute of the time
        in which it is seen. ``speech`` gives ``speech``, in [0, 1], how much the mouth opens and
        closes around that time; it sees chewing and laughter too, and hears nothing.
    """
    found: dict[str, NDArray[Any]] = {}
    if "facs" in names:
        found |= {unit: _mean(column, actions) for unit, actions in ACTION_UNITS.items()}
    if "asymmetry" in names:
        sides = np.stack([column(f"{pair}Left") - column(f"{pair}Right") for pair in _PAIRS])
        found |= {"asymmetry": sides.mean(0), "asymmetry_size": np.abs(sides).mean(0)}
    if "blinks" in names:
        found |= _blinks(column, groups)
    if "speech" in names:
        found["speech"] = _speech(column, groups)
    return found


def _mean(column: Column, actions: Sequence[str]) -> Values:
    return np.mean([column(action) for action in actions], axis=0)


def _blinks(column: Column, groups: Sequence[NDArray[np.int64]]) -> dict[str, Values]:
    closed = np.minimum(column("eyeBlinkLeft"), column("eyeBlinkRight"))
    seconds = column("seconds")
    begins, rate = (np.full(len(closed), np.nan) for _ in range(2))
    for rows in groups:
        starts = blink_starts(closed[rows], seconds[rows])
        begins[rows] = 0.0
        begins[rows[starts]] = 1.0
        # gaps of more than a blink are time in which nobody looked
        steps = np.diff(seconds[rows])
        seen = float(steps[steps <= _LONGEST_BLINK].sum())
        rate[rows] = len(starts) * _MINUTE / seen if seen else np.nan
    return {"blink": begins, "blink_rate": rate}


def blink_starts(closed: Values, seconds: Values) -> list[int]:
    """Return the frames in which blinks begin.

    Args:
        closed: how far the eye that is further open is shut ``[F]``, in [0, 1].
        seconds: times ``[F]``.
    """
    starts, begin = [], -1
    for frame, value in enumerate(closed.tolist()):
        if begin < 0 and value >= _CLOSED:
            begin = frame
        elif begin >= 0 and value <= _OPEN:
            if seconds[frame] - seconds[begin] <= _LONGEST_BLINK:
                starts.append(begin)
            begin = -1
    return starts


def _speech(column: Column, groups: Sequence[NDArray[np.int64]]) -> Values:
    opening = column("jawOpen") - column("mouthClose")
    seconds = column("seconds")
    activity = np.full(len(opening), np.nan)
    for rows in groups:
        times, values = seconds[rows], opening[rows]
        low = np.searchsorted(times, times - _SPEECH_WINDOW, "left")
        high = np.searchsorted(times, times + _SPEECH_WINDOW, "right")
        total, square = (np.concatenate([[0.0], v.cumsum()]) for v in (values, values**2))
        count = high - low
        mean = (total[high] - total[low]) / count
        variance = np.maximum((square[high] - square[low]) / count - mean**2, 0.0)
        activity[rows] = variance / (variance + _SPEECH_MOTION**2)
    return activity
