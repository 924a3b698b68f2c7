"""Time codes of a motion: frames where the rate is constant, fractions of them where it varies."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.rigs.rig import HeadMotion

_USUAL_RATES = (
    *map(Fraction, (24, 25, 30, 48, 50, 60, 90, 100, 120)),
    *(Fraction(nominal * 1000, 1001) for nominal in (24, 30, 60, 120)),
)
"""Frames a second of films, television and cameras."""


def frame_rate(motion: HeadMotion) -> Fraction:
    """Return frames a second: the usual rate that the times fit best, else their own.

    A single frame has 24.
    """
    times = np.asarray(motion.timestamps, np.float64)
    if len(times) < 2:
        return Fraction(24)
    rate = 1 / float(np.median(np.diff(times)))
    near = [usual for usual in _USUAL_RATES if abs(float(usual) - rate) < 0.02 * rate]
    if not near:
        return Fraction(rate).limit_denominator(1001)
    return min(near, key=lambda usual: float(np.abs(_off_frame(times - times[0], usual)).max()))


def _off_frame(times: NDArray[np.float64], rate: Fraction) -> NDArray[np.float64]:
    """Return how far times are from the nearest frame, in frames."""
    codes = times * float(rate)
    return codes - np.round(codes)


def set_times(stage: Any, motion: HeadMotion) -> list[float]:
    """Give a stage the rate and the range of a motion and return its time codes ``[T]``."""
    rate = frame_rate(motion)
    codes = _time_codes(motion, rate)
    stage.SetTimeCodesPerSecond(float(rate))
    stage.SetFramesPerSecond(float(rate))
    stage.SetStartTimeCode(codes[0])
    stage.SetEndTimeCode(codes[-1])
    return codes


def _time_codes(motion: HeadMotion, rate: Fraction) -> list[float]:
    times = np.asarray(motion.timestamps, np.float64)
    codes = times * float(rate)
    # containers round times, to milliseconds at worst
    constant = (np.abs(_off_frame(times, rate)) <= 1e-3 * float(rate)).all()
    if constant and (np.diff(np.round(codes)) > 0).all():
        codes = np.round(codes)
    result: list[float] = codes.tolist()
    return result
