"""A person's rest pose and gain, kept by name, for live streams.

A neutral face is rarely read as exactly neutral, and cameras stand beside or below the screen. A
calibration takes the values of a face at rest off all others, and stretches the weights, so that
full actions are full again.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets import user_folder
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import is_number, read_json_file, require_object
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import InputError, UsageError
from smirk3d.export.arkit_csv import HEADER
from smirk3d.live.datagrams import FaceValues

SCHEMA = "smirk3d.calibration/1"
REST_SECONDS = 3.0
"""Seconds that a face is at rest for; blinks of 0.3 s each do not move the median of so many."""

_NAMES = HEADER[2:]
_LARGEST_REST = 0.5
"""Weight that a neutral face is believed to have at most; more is an expression. Chosen by us."""
_STEADY = math.radians(5)
"""Standard deviation of the head's angles above which the head turned; a head that is held still
moves by 1 degree. Chosen by us."""
_LARGEST_GAIN = 10.0
"""Of a file; so that a slip of the keyboard shows. Chosen by us."""
_LARGEST_FILE = 1 << 20
"""Bytes; a calibration has 5 kB."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
"""Safe as a file's name on every system."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is taken off a person's values, and by how much weights are stretched.

    Attributes:
        rest: values of the face at rest ``[61]``.
        gain: factors of the weights above rest ``[52]``.
    """

    rest: FaceValues
    gain: NDArray[np.float64]

    @classmethod
    def of(cls, frames: FaceValues) -> Calibration:
        """Return the calibration of a face that was at rest in T frames ``[T, 61]``.

        The gain of an action that rests at r is ``1 / (1 - r)``: 1 stays 1.

        Raises:
            InputError: if the head turned meanwhile.
        """
        count = len(ARKIT_NAMES)
        if float(frames[:, count : count + 3].std(0).max()) > _STEADY:
            raise InputError("the head turned while calibrating: look straight and hold still")
        rest = np.median(frames, axis=0)
        rest[:count] = rest[:count].clip(0, _LARGEST_REST)
        return cls(rest, 1 / (1 - rest[:count]))

    def applied(self, values: FaceValues) -> FaceValues:
        """Return values ``[..., 61]`` with the face at rest as zero."""
        count = len(ARKIT_NAMES)
        weights = ((values[..., :count] - self.rest[:count]) * self.gain).clip(0, 1)
        turns = values[..., count:].reshape(*values.shape[:-1], 3, 3)
        away = _matrices(self.rest[count:].reshape(3, 3)).swapaxes(-1, -2) @ _matrices(turns)
        return np.concatenate([weights, _angles(away).reshape(*values.shape[:-1], 9)], -1)

    def save(self, name: str) -> Path:
        """Keep it under a name and return the file.

        Raises:
            UsageError: if the name is none.
            OutputError: if it cannot be written.
        """
        path = calibration_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "schema": SCHEMA,
            "rest": dict(zip(_NAMES, self.rest.round(6).tolist(), strict=True)),
            "gain": dict(zip(_NAMES, self.gain.round(6).tolist(), strict=False)),
        }
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path


def calibration_path(name: str) -> Path:
    """Return the file of a name, whether or not it is there.

    Raises:
        UsageError: if it is no name.
    """
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"--calibration {name!r}: a name has letters, digits, and . _ -")
    return user_folder("calibrations") / f"{name}.json"


def load_calibration(name: str) -> Calibration:
    """Return the calibration that was kept under a name.

    Raises:
        UsageError: if it is no name.
        InputError: if there is none, or the file is damaged.
    """
    return read_calibration(calibration_path(name))


def read_calibration(path: Path) -> Calibration:
    """Return the calibration in a file.

    Raises:
        InputError: if there is none, or it is damaged.
    """
    way_out = f"make one: smirk3d track --camera 0 --calibrate --calibration {path.stem}"
    origin = Origin(str(path), "calibration", way_out)
    content = read_json_file(origin, largest=_LARGEST_FILE)
    with origin.refusing():
        content = require_object(content)
        if content.get("schema") != SCHEMA:
            raise Unfit(f"its schema is {content.get('schema')!r}, not {SCHEMA!r}")
        rest = _row(content, "rest", _NAMES, -math.tau, math.tau)
        gain = _row(content, "gain", _NAMES[: len(ARKIT_NAMES)], 0, _LARGEST_GAIN)
    return Calibration(rest, gain)


def _row(
    content: dict[str, object], key: str, names: tuple[str, ...], low: float, high: float
) -> NDArray[np.float64]:
    values = require_object(content.get(key), key)
    for name in names:
        value = values.get(name)
        if not is_number(value) or not low <= value <= high:
            raise Unfit(f"{key} of {name} is no number from {low:g} to {high:g}")
    return np.array([values[name] for name in names], np.float64)


class Calibrator:
    """Gathers the frames of a face at rest for :data:`REST_SECONDS`."""

    def __init__(self) -> None:
        """Begin with no frame."""
        self._frames: list[FaceValues] = []
        self._begin: float | None = None

    def add(self, values: FaceValues, seconds: float) -> Calibration | None:
        """Take a frame ``[61]`` and return the calibration once there are enough.

        Raises:
            InputError: if the head turned; it begins anew with the next frame.
        """
        self._begin = seconds if self._begin is None else self._begin
        self._frames.append(values)
        if seconds - self._begin < REST_SECONDS:
            return None
        frames, self._frames, self._begin = np.stack(self._frames), [], None
        return Calibration.of(frames)


def _matrices(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``R_y(-yaw) R_x(pitch) R_z(-roll)`` ``[..., 3, 3]`` of angles ``[..., 3]``."""
    sines, cosines = np.sin(angles), np.cos(angles)
    (sy, sx, sz), (cy, cx, cz) = np.moveaxis(sines, -1, 0), np.moveaxis(cosines, -1, 0)
    sy, sz = -sy, -sz
    rows = [
        [cy * cz + sy * sx * sz, sy * sx * cz - cy * sz, sy * cx],
        [cx * sz, cx * cz, -sx],
        [cy * sx * sz - sy * cz, sy * sz + cy * sx * cz, cy * cx],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _angles(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles ``[..., 3]`` of matrices ``[..., 3, 3]``, as :func:`_matrices` has them."""
    yaw = -np.arctan2(matrices[..., 0, 2], matrices[..., 2, 2])
    pitch = -np.arcsin(matrices[..., 1, 2].clip(-1, 1))
    roll = -np.arctan2(matrices[..., 1, 0], matrices[..., 1, 1])
    return np.stack([yaw, pitch, roll], -1)
