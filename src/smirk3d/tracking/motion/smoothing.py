"""Smoothing that keeps the peaks of motion: a causal filter for live use, a zero-lag one for files.

Both estimate each signal's noise, smooth deviations within a few multiples of it, and follow larger
ones at once; so a still face rests and a blink keeps its height. The noise is the part of a signal
that the motion model, a curve through the frames on either side, does not predict: speech and nods,
which go on through whole clips, are predicted and do not count as noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.head_model import HeadModel
from smirk3d.tracking.motion.image_motion import GROUPS, ImageMotion, continuous, rows_of
from smirk3d.tracking.motion.map_smoother import smoothest_path

Array = NDArray[np.float64]

_LOW_FRACTION = 0.3
"""Fraction of the frames that the noise is estimated from: low, because much of a clip may move,
and the frames that move least show the noise."""
_LOW_QUANTILE = 0.3853
"""The quantile of that fraction of the absolute value of a standard normal variable."""
_NOISE_STEP = 0.06
"""Relative change of the live noise estimate a frame, so that it settles within a second or two."""
_JUMP_RATIO = 3
"""A single frame counts as a jump if it is further from its prediction than this multiple of the
distance between its neighbours."""
_REACH = 3
"""Frames on either side that predict one. At 30 frames a second, a signal that swings five times a
second then counts as noise of a 25th of its height; with one frame on either side, of half."""
_MOST_COURSE = 5.0
"""Most that a frame's standard deviation counts above or below the clip's median; set by hand, so
that no frame is left out and none rules."""
_MOST_ROTATION, _MOST_TRANSLATION = 0.002, 3e-4
"""Largest noise of a quaternion's component and of a place in metres. What exceeds it by several
times is motion: on rendered people who shake their heads 2.5 times a second (22 degrees) 0.01 and
3e-3 leave the points 3.89 px off, 0.003 and 3e-4 leave 3.76, single frames 3.73; who nod (14
degrees): 3.95, 3.88, 3.73, and with 0.001 3.77 (benchmarks/moving_people.py). 0.002 lies between
and was not measured by itself."""


@dataclass(frozen=True, kw_only=True)
class SmoothingConfig:
    """Settings of both filters.

    Attributes:
        change: standard deviation of the change of velocity over a thirtieth of a second while a
            face rests, in units of its noise; of the smoothing without lag.
        live_cutoff: cutoff frequency of the causal filter on a still face, in hertz.
        live_noise_threshold: noise threshold of the causal filter.
        live_motion_threshold: motion threshold of the causal filter.
        gap: seconds without a frame after which smoothing begins anew.
    """

    change: float = 0.05
    live_cutoff: float = 0.9
    live_noise_threshold: float = 2.5
    live_motion_threshold: float = 6.0
    gap: float = 0.25


@dataclass(frozen=True)
class NoiseRange:
    """Bounds of the noise that a signal can have.

    Attributes:
        least: ``[D]``.
        most: ``[D]``; larger deviations are motion.
    """

    least: Array
    most: Array


def noise_ranges(head: HeadModel) -> dict[str, NoiseRange]:
    """Return the noise range of each signal, by name.

    Units are those of a quaternion, metres, a natural logarithm, and the parameter groups' own.
    """

    def same(least: float, most: float, size: int = 1) -> NoiseRange:
        return NoiseRange(np.full(size, least), np.full(size, most))

    ranges = {
        "rotation": same(0.0005, _MOST_ROTATION),
        "translation": same(2e-5, _MOST_TRANSLATION),
        "log_scale": same(2e-4, 0.02),
    }
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
        """Set up for one face.

        Args:
            head: the head of its parameters.
            config: settings.
        """
        self._config = config or SmoothingConfig()
        self._ranges = noise_ranges(head)
        self._times = np.zeros(0)
        self._signals: dict[str, dict[str, Array]] = {}

    def __call__(self, motion: ImageMotion, seconds: float) -> ImageMotion:
        """Return the next frame, smoothed.

        Args:
            motion: of one frame, T = 1.
            seconds: the frame's time.
        """
        passed = seconds - self._times[-1] if len(self._times) else math.inf
        if not 0 < passed <= self._config.gap:
            self._signals, self._times = {}, np.zeros(0)
        self._times = np.append(self._times, seconds)[-2 * _REACH - 1 :]
        metre = float(np.exp(motion.log_scale[0, 0]))
        if self._signals and (self._signals["rotation"]["value"] * motion.rotation[0]).sum() < 0:
            motion = replace(motion, rotation=-motion.rotation)
        rotation = self._filtered("rotation", motion.rotation[0], passed, together=True)
        translation = self._filtered(
            "translation", motion.translation[0], passed, unit=metre, together=True
        )
        return ImageMotion(
            rotation=(rotation / np.linalg.norm(rotation))[None],
            translation=translation[None],
            log_scale=self._filtered("log_scale", motion.log_scale[0], passed)[None],
            groups={n: self._filtered(n, v[0], passed)[None] for n, v in motion.groups.items()},
        )

    def _filtered(
        self, name: str, value: Array, passed: float, *, unit: float = 1.0, together: bool = False
    ) -> Array:
        limits = self._ranges[name]
        before = self._signals.get(name)
        if before is None:
            noise = np.sqrt(limits.least * limits.most)
            self._signals[name] = {"value": value.copy(), "recent": value[None], "noise": noise}
            return value
        recent = np.concatenate([before["recent"], value[None]])[-2 * _REACH - 1 :]
        distance = _length((value - before["value"]) / unit, together)
        dims = math.sqrt(value.size) if together else 1.0
        noise = before["noise"]
        if len(recent) == 2 * _REACH + 1:
            off = _length(_unpredicted(recent / unit, self._times)[0], together)
            low = off < noise * (_LOW_QUANTILE * dims)
            noise = noise * np.exp(_NOISE_STEP * (_LOW_FRACTION - low))
        noise = np.clip(noise, limits.least, limits.most)
        still = 1 - math.exp(-2 * math.pi * self._config.live_cutoff * passed)
        excess = distance / (noise * dims)
        follow = _rise(
            excess, self._config.live_noise_threshold, self._config.live_motion_threshold
        )
        smooth = before["value"] + (still + (1 - still) * follow) * (value - before["value"])
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
    *,
    std: Mapping[str, Array] | None = None,
) -> ImageMotion:
    """Return a face's most probable motion, without lag.

    Each signal is estimated as :func:`~smirk3d.tracking.motion.map_smoother.smoothest_path` does,
    with the noise that it shows in the clip. A head that jumps for one single frame is put back.

    Args:
        motion: of the T frames in which the face was seen.
        seconds: times ``[T]`` of the frames, increasing; each part between gaps is smoothed alone.
        head: the head of the parameters.
        config: settings.
        std: standard deviations ``[T, 1]`` or ``[T, D]`` of signals, by their names in
            :class:`~smirk3d.tracking.motion.image_motion.ImageMotion` or its groups. Only their
            course over time counts: frames that are less certain than the clip's median weigh
            less. Signals without any weigh the same in all frames.
    """
    config, std = config or SmoothingConfig(), std or {}
    ranges = noise_ranges(head)
    breaks = np.flatnonzero(np.diff(seconds) > config.gap) + 1
    parts = [
        _smooth_stretch(
            rows_of(motion, rows), seconds[rows], ranges, config,
            {name: values[rows] for name, values in std.items()},
        )
        for rows in np.split(np.arange(len(seconds)), breaks)
        if len(rows)
    ]  # fmt: skip
    return ImageMotion(
        rotation=np.concatenate([part.rotation for part in parts]),
        translation=np.concatenate([part.translation for part in parts]),
        log_scale=np.concatenate([part.log_scale for part in parts]),
        groups={n: np.concatenate([p.groups[n] for p in parts]) for n in motion.groups},
    )


def _smooth_stretch(
    motion: ImageMotion,
    seconds: Array,
    ranges: Mapping[str, NoiseRange],
    config: SmoothingConfig,
    std: Mapping[str, Array],
) -> ImageMotion:
    if len(seconds) < 3:
        return motion
    metre = float(np.exp(np.median(motion.log_scale)))

    def smooth(name: str, values: Array, *, unit: float = 1.0, rigid: bool = False) -> Array:
        scaled = values / unit
        if rigid:
            scaled = _without_jumps(scaled, seconds, ranges[name].most * math.sqrt(6))
        noise = _noise(scaled, seconds, ranges[name], together=rigid)
        if rigid:
            noise = noise / math.sqrt(values.shape[1])
        error = noise * _course(std.get(name), len(values))
        error = np.broadcast_to(error, values.shape)
        path = smoothest_path(scaled, seconds, error, change=config.change, together=rigid)
        return path * unit

    rotation = smooth("rotation", continuous(motion.rotation), rigid=True)
    return ImageMotion(
        rotation=rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        translation=smooth("translation", motion.translation, unit=metre, rigid=True),
        log_scale=smooth("log_scale", motion.log_scale, rigid=True),
        groups={name: smooth(name, values) for name, values in motion.groups.items()},
    )


def _course(std: Array | None, count: int) -> Array:
    """Return standard deviations over their median ``[T, D]``, 1 where none are known."""
    if std is None:
        return np.ones((count, 1))
    median = np.maximum(np.median(std, axis=0), 1e-9)
    return np.asarray(np.clip(std / median, 1 / _MOST_COURSE, _MOST_COURSE))


def _noise(values: Array, seconds: Array, limits: NoiseRange, *, together: bool) -> Array:
    """Return the standard deviation ``[D]`` of what jitters, or ``[1]`` of all together."""
    off = _length(_unpredicted(values, seconds), together)
    size = math.sqrt(values.shape[1]) if together else 1.0
    low = np.quantile(off, _LOW_FRACTION, axis=0) / _LOW_QUANTILE
    return np.clip(low, limits.least * size, limits.most * size)


def _unpredicted(values: Array, seconds: Array) -> Array:
    """Return by how much inner frames ``[T - 2 R, D]`` leave the curve through their neighbours.

    The curve is the polynomial through R frames on each side, :data:`_REACH` where there are as
    many. White noise of unit size leaves it by unit size.
    """
    curve, std = _predicted(values, seconds)
    reach = (len(values) - len(curve)) // 2
    return (values[reach : len(values) - reach] - curve) / std


def _predicted(values: Array, seconds: Array) -> tuple[Array, Array]:
    """Return what neighbours predict ``[T - 2 R, D]``, and how far unit noise leaves it."""
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
    curve, _ = _predicted(values, seconds)
    reach = (len(values) - len(curve)) // 2
    off = np.zeros(len(values))
    off[reach : len(values) - reach] = _length(
        values[reach : len(values) - reach] - curve, together=True
    )[:, 0]
    apart = np.full(len(values), np.inf)
    apart[1:-1] = _length(values[2:] - values[:-2], together=True)[:, 0]
    # a frame that is off pulls its neighbours' curves away, but less than its own distance
    most = np.max([np.roll(off, shift) for shift in (-2, -1, 1, 2)], axis=0)
    bad = (off > limit) & (off > _JUMP_RATIO * apart) & (off > most)
    cleaned = values.copy()
    cleaned[bad] = curve[np.flatnonzero(bad) - reach]
    return cleaned


def _length(values: Array, together: bool) -> Array:
    if not together:
        return np.abs(values)
    return np.asarray(np.sqrt((values**2).sum(-1, keepdims=True)))


def _rise(values: Array, low: float, high: float) -> Array:
    """Return 0 below low, 1 above high, and a smooth step between."""
    fraction = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(fraction * fraction * (3 - 2 * fraction))
