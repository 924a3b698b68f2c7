"""Frames of high dynamic range (PQ, HLG) to pictures as screens of ordinary range show them.

Light is made linear, highlights are rolled off, and BT.2020's primaries become BT.709's. FFmpeg's
own filter for this needs a library that PyAV's wheels lack.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18
"""FFmpeg's numbers of the transfers SMPTE ST 2084 and ARIB STD-B67."""

_PEAK = 10_000.0
"""Nits at PQ's largest signal (ST 2084)."""
_WHITE = 203.0
"""Nits of diffuse white in PQ (ITU-R BT.2408)."""
_HLG_WHITE = 0.75
"""Signal of diffuse white in HLG (ITU-R BT.2408)."""
_KNEE = 0.7
"""Of diffuse white, up to which light stays as it is; chosen by eye so that skin keeps its tone."""
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
"""Linear RGB from BT.2020's to BT.709's primaries (ITU-R BT.2087)."""
_STEPS = 4095
"""Steps of the table from linear light to the picture's 8 bits; 16 for each of these."""


def is_high_range(transfer: int) -> bool:
    """Whether frames of a transfer, by FFmpeg's number, need tone mapping."""
    return transfer in (PQ, HLG)


def tone_mapped(frame: Any) -> NDArray[np.uint8]:
    """Return PyAV's frame of high dynamic range as sRGB uint8 ``[H, W, 3]``."""
    signal = frame.to_ndarray(format="rgb48le")
    light = _linear(int(frame.color_trc))[signal] @ _TO_BT709.T
    steps = np.rint(np.clip(light, 0, 1) * _STEPS).astype(np.int32)
    return _encoded()[steps]


@cache
def _linear(transfer: int) -> NDArray[np.float32]:
    """Return light for each 16-bit signal ``[65536]``, highlights rolled off below 1."""
    signal = np.linspace(0, 1, 1 << 16)
    light = _pq(signal) if transfer == PQ else _hlg(signal) / _hlg(np.array(_HLG_WHITE))
    rolled = _KNEE + (1 - _KNEE) * (1 - np.exp(-(light - _KNEE) / (1 - _KNEE)))
    return np.where(light <= _KNEE, light, rolled).astype(np.float32)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return light over diffuse white of PQ's signal (ST 2084's constants)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    light: NDArray[np.float64] = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return light * _PEAK / _WHITE


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scene's light of HLG's signal (BT.2100's constants)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


@cache
def _encoded() -> NDArray[np.uint8]:
    """Return sRGB's 8 bits for each step of light."""
    light = np.linspace(0, 1, _STEPS + 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * curve).astype(np.uint8)
