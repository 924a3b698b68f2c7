"""Steady motion that keeps its peaks: a causal filter for live use, a zero-lag one for files.

Both measure how much each signal trembles, smooth firmly what stays within that, and follow at
once what leaves it; so a still face rests and a blink keeps its height. Trembling is what a curve
through the frames on either side does not foretell: speech and nods, which go on through whole
clips, are foretold and are no trembling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.head_model import HeadModel
from smirk3d.tracking.motion.image_motion import GROUPS, ImageMotion, continuous, rows_of

Array = NDArray[np.float64]

_LOW_SHARE = 0.3
_LOW_QUANTILE = 0.3853
"""The quantile of that share of the absolute value of a standard normal variable. Low, because
much of a clip may move; what moves least shows the noise."""
_REACH = 3
"""Frames on either side that foretell one. At 30 frames a second, what swings five times a second
then counts as noise of a 25th of its height; with one frame on either side it would be half."""


@dataclass(frozen=True, kw_only=True)
class SmoothingConfig:
    """Settings of both filters.

    Attributes:
        window: standard deviation of the zero-lag filter's Gaussian in seconds.
        least_frames: the same in frames, at least.
        quiet: multiples of the noise up to which a deviation is smoothed,
        sure: and from which it is motion.
        live_cutoff: of the causal filter on a still face, in hertz.
        live_quiet, live_sure: as quiet and sure, of the causal filter.
        gap: seconds without a frame after which smoothing begins anew.
    """

    window: float = 0.064
    least_frames: float = 1.6
    quiet: float = 3.5
    sure: float = 6.0
    live_cutoff: float = 0.9
    live_quiet: float = 2.5
    live_sure: float = 6.0
    gap: float = 0.25


@dataclass(frozen=True)
class NoiseRange:
    """Least and greatest noise that a signal can have, ``[D]``: beyond it, it is motion."""

    least: Array
    most: Array


def noise_ranges(head: HeadModel) -> dict[str, NoiseRange]:
    """Return the range of each signal: quaternion, metres, logarithm, and the groups' units."""

    def same(least: float, most: float, size: int = 1) -> NoiseRange:
        return NoiseRange(np.full(size, least), np.full(size, most))

    ranges = {"turn": same(0.0005, 0.01), "place": same(2e-5, 0.003), "size": same(2e-4, 0.02)}
    for name in GROUPS:
        group = head.group(name)
        lo, hi, std = (np.array(x, np.float64) for x in (group.lo, group.hi, group.prior_std))
        span = np.where(np.isfinite(hi - lo) & (hi > lo), hi - lo, np.maximum(4 * std, 0.1))
        ranges[name] = NoiseRange(np.maximum(0.001 * span, 1e-6), np.maximum(0.04 * span, 2e-6))
    return ranges


class LiveSmoother:
    """A One Euro filter (Casiez et al. 2012) whose speed is the deviation from its own output.

    The usual form measures speed by a filtered derivative, which is late for a blink. Here the
    cutoff rises with the present deviation, in units of the noise that the signal has shown.
    """

    def __init__(self, head: HeadModel, config: SmoothingConfig | None = None) -> None:
        """Set up for one face."""
        self._config = config or SmoothingConfig()
        self._ranges = noise_ranges(head)
        self._times = np.zeros(0)
        self._signals: dict[str, dict[str, Array]] = {}

    def __call__(self, motion: ImageMotion, seconds: float) -> ImageMotion:
        """Return the next frame, smoothed.

        Args:
            motion: one frame, T = 1.
            seconds: its time.
        """
        passed = seconds - self._times[-1] if len(self._times) else math.inf
        if not 0 < passed <= self._config.gap:
            self._signals, self._times = {}, np.zeros(0)
        self._times = np.append(self._times, seconds)[-2 * _REACH - 1 :]
        metre = float(np.exp(motion.size[0, 0]))
        if self._signals and (self._signals["turn"]["value"] * motion.turn[0]).sum() < 0:
            motion = replace(motion, turn=-motion.turn)
        turn = self._filtered("turn", motion.turn[0], passed, together=True)
        place = self._filtered("place", motion.place[0], passed, unit=metre, together=True)
        return ImageMotion(
            turn=(turn / np.linalg.norm(turn))[None],
            place=place[None],
            size=self._filtered("size", motion.size[0], passed)[None],
            groups={n: self._filtered(n, v[0], passed)[None] for n, v in motion.groups.items()},
        )

    def _filtered(
        self, name: str, value: Array, passed: float, *, unit: float = 1.0, together: bool = False
    ) -> Array:
        limits = self._ranges[name]
        known = self._signals.get(name)
        if known is None:
            noise = np.sqrt(limits.least * limits.most)
            self._signals[name] = {"value": value.copy(), "recent": value[None], "noise": noise}
            return value
        recent = np.concatenate([known["recent"], value[None]])[-2 * _REACH - 1 :]
        distance = _length((value - known["value"]) / unit, together)
        dims = math.sqrt(value.size) if together else 1.0
        noise = known["noise"]
        if len(recent) == 2 * _REACH + 1:
            off = _length(_unforetold(recent / unit, self._times)[0], together)
            low = off < noise * (_LOW_QUANTILE * dims)
            noise = noise * np.exp(0.06 * (_LOW_SHARE - low))
        noise = np.clip(noise, limits.least, limits.most)
        still = 1 - math.exp(-2 * math.pi * self._config.live_cutoff * passed)
        excess = distance / (noise * dims)
        follow = _rise(excess, self._config.live_quiet, self._config.live_sure)
        smooth = known["value"] + (still + (1 - still) * follow) * (value - known["value"])
        self._signals[name] = {"value": smooth, "recent": recent, "noise": noise}
        return smooth

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {"times": self._times, "signals": self._signals}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state` was taken."""
        self._times, self._signals = state["times"], state["signals"]


def smooth_clip(
    motion: ImageMotion,
    seconds: Array,
    head: HeadModel,
    config: SmoothingConfig | None = None,
) -> ImageMotion:
    """Return a face's motion smoothed without lag.

    A Gaussian-weighted line is laid through each frame's surroundings (local regression, so that
    uneven times and the clip's ends do not pull). Where the signal leaves that line by more than
    its noise it is kept as it is. A head that is elsewhere for one single frame is put back.

    Args:
        motion: T frames in which the face was seen.
        seconds: their times ``[T]``, increasing; gaps part the clip.
        head: whose groups these are.
        config: settings.
    """
    config = config or SmoothingConfig()
    ranges = noise_ranges(head)
    breaks = np.flatnonzero(np.diff(seconds) > config.gap) + 1
    parts = [
        _smooth_stretch(rows_of(motion, rows), seconds[rows], ranges, config)
        for rows in np.split(np.arange(len(seconds)), breaks)
        if len(rows)
    ]
    return ImageMotion(
        turn=np.concatenate([part.turn for part in parts]),
        place=np.concatenate([part.place for part in parts]),
        size=np.concatenate([part.size for part in parts]),
        groups={n: np.concatenate([p.groups[n] for p in parts]) for n in motion.groups},
    )


def _smooth_stretch(
    motion: ImageMotion,
    seconds: Array,
    ranges: Mapping[str, NoiseRange],
    config: SmoothingConfig,
) -> ImageMotion:
    if len(seconds) < 3:
        return motion
    width = max(config.window, config.least_frames * float(np.median(np.diff(seconds))))
    line = _local_lines(seconds, width)
    metre = float(np.exp(np.median(motion.size)))

    def smooth(name: str, values: Array, *, unit: float = 1.0, rigid: bool = False) -> Array:
        scaled = values / unit
        if rigid:
            scaled = _without_jumps(scaled, seconds, ranges[name].most * math.sqrt(6))
        noise = _noise(scaled, seconds, ranges[name], together=rigid)
        return _follow_events(scaled, line, noise, config, together=rigid) * unit

    turn = smooth("turn", continuous(motion.turn), rigid=True)
    return ImageMotion(
        turn=turn / np.linalg.norm(turn, axis=1, keepdims=True),
        place=smooth("place", motion.place, unit=metre, rigid=True),
        size=smooth("size", motion.size, rigid=True),
        groups={name: smooth(name, values) for name, values in motion.groups.items()},
    )


def _follow_events(
    values: Array,
    line: Callable[[Array], Array],
    noise: Array,
    config: SmoothingConfig,
    *,
    together: bool,
) -> Array:
    smooth = line(values)
    excess = _length(values - smooth, together) / noise
    # an event keeps its flanks, where the two happen to cross
    spread = excess.copy()
    for shift in (1, 2):
        spread[shift:] = np.maximum(spread[shift:], excess[:-shift])
        spread[:-shift] = np.maximum(spread[:-shift], excess[shift:])
    keep = _rise(spread, config.quiet, config.sure)
    return smooth + keep * (values - smooth)


def _noise(values: Array, seconds: Array, limits: NoiseRange, *, together: bool) -> Array:
    """Return the standard deviation ``[D]`` of what trembles, or ``[1]`` of all together."""
    off = _length(_unforetold(values, seconds), together)
    size = math.sqrt(values.shape[1]) if together else 1.0
    low = np.quantile(off, _LOW_SHARE, axis=0) / _LOW_QUANTILE
    return np.clip(low, limits.least * size, limits.most * size)


def _unforetold(values: Array, seconds: Array) -> Array:
    """Return by how much inner frames ``[T - 2 R, D]`` leave the curve through their neighbours.

    The curve is the polynomial through R frames on each side, :data:`_REACH` where there are as
    many. White noise of unit size leaves it by unit size.
    """
    curve, spread = _foretold(values, seconds)
    reach = (len(values) - len(curve)) // 2
    return (values[reach : len(values) - reach] - curve) / spread


def _foretold(values: Array, seconds: Array) -> tuple[Array, Array]:
    """Return what neighbours foretell ``[T - 2 R, D]``, and how far unit noise leaves it."""
    reach = min(_REACH, (len(seconds) - 1) // 2)
    count = len(seconds) - 2 * reach
    starts = [start for start in range(2 * reach + 1) if start != reach]
    away = np.stack([seconds[s : s + count] for s in starts]) - seconds[reach : reach + count]
    # Lagrange's weights of the neighbours, at the frame itself
    ratio = away[None] / (away[None] - away[:, None] + np.eye(len(starts))[..., None])
    ratio[np.arange(len(starts)), np.arange(len(starts))] = 1.0
    weights = ratio.prod(1)[..., None]
    curve = sum(w * values[s : s + count] for w, s in zip(weights, starts, strict=True))
    return np.asarray(curve), np.sqrt(1 + (weights**2).sum(0))


def _without_jumps(values: Array, seconds: Array, limit: Array) -> Array:
    """Return values ``[T, D]`` in which single frames far off both neighbours are put between."""
    curve, _ = _foretold(values, seconds)
    reach = (len(values) - len(curve)) // 2
    off = np.zeros(len(values))
    off[reach : len(values) - reach] = _length(
        values[reach : len(values) - reach] - curve, together=True
    )[:, 0]
    apart = np.full(len(values), np.inf)
    apart[1:-1] = _length(values[2:] - values[:-2], together=True)[:, 0]
    # a frame that is off pulls its neighbours' curves away, but less than its own distance
    most = np.max([np.roll(off, shift) for shift in (-2, -1, 1, 2)], axis=0)
    bad = (off > limit) & (off > 3 * apart) & (off > most)
    cleaned = values.copy()
    cleaned[bad] = curve[np.flatnonzero(bad) - reach]
    return cleaned


def _local_lines(seconds: Array, width: float) -> Callable[[Array], Array]:
    """Return the function that lays a Gaussian-weighted line through each frame's surroundings."""
    count = len(seconds)
    reach = int(np.searchsorted(np.sort(np.diff(seconds)).cumsum(), 3 * width)) + 1
    taps: list[tuple[int, Array, Array]] = []
    s0, s1, s2 = np.zeros(count), np.zeros(count), np.zeros(count)
    for shift in range(-min(reach, count - 1), min(reach, count - 1) + 1):
        index = np.arange(count) + shift
        inside = (index >= 0) & (index < count)
        away = np.where(inside, seconds[index.clip(0, count - 1)] - seconds, 0.0)
        weight = np.exp(-0.5 * (away / width) ** 2) * inside
        taps.append((shift, weight, away))
        s0, s1, s2 = s0 + weight, s1 + weight * away, s2 + weight * away**2
    spread = s0 * s2 - s1**2

    def fit(values: Array) -> Array:
        result = np.zeros_like(values)
        for shift, weight, away in taps:
            share = (weight * (s2 - s1 * away) / spread)[:, None]
            shifted = values[(np.arange(count) + shift).clip(0, count - 1)]
            result += share * shifted
        return result

    return fit


def _length(values: Array, together: bool) -> Array:
    if not together:
        return np.abs(values)
    return np.asarray(np.sqrt((values**2).sum(-1, keepdims=True)))


def _rise(values: Array, low: float, high: float) -> Array:
    """Return 0 below low, 1 above high, and a smooth step between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
