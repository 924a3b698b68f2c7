"""Performances from files: the CSV of Live Link Face, and smirk3d's track.npz."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .conventions import ANGLES, ARKIT_NAMES, of_axis_angles, rotations

_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[:;](\d{1,3})(?:\.(\d{1,9}))?")


class Unreadable(ValueError):
    """A file that is no performance; the text tells the user why."""


@dataclass(frozen=True)
class Performance:
    """One person's motion.

    Attributes:
        times: seconds ``[T]`` since the beginning.
        weights: ARKit's, in the order of :data:`ARKIT_NAMES`, ``[T, 52]``.
        turns: rotations of head, left and right eye ``[T, 3, 3, 3]``; y up, z out of the face.
    """

    times: NDArray[np.float64]
    weights: NDArray[np.float64]
    turns: NDArray[np.float64]


def read_performance(path: Path, *, person: int = 0, csv_fps: float = 60.0) -> Performance:
    """Return the performance in a file.

    Args:
        path: a CSV of Live Link Face, or a track.npz.
        person: which person of a track.
        csv_fps: frames a second that timecodes count.

    Raises:
        Unreadable: if it is none.
    """
    try:
        if path.suffix.lower() == ".npz":
            return _read_track(path, person)
        return _read_csv(path, csv_fps)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"{path.name} is no performance: {error}") from error


def _read_csv(path: Path, fps: float) -> Performance:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    at = {name.strip().lower(): place for place, name in enumerate(header)}
    lacking = [name for name in ("timecode", *map(str.lower, ARKIT_NAMES)) if name not in at]
    if lacking or not rows:
        raise Unreadable(f"{path.name} is no recording of Live Link Face: it lacks {lacking[:1]}")

    def column(name: str) -> list[float]:
        place = at.get(name.lower())
        return [float(row[place]) if place is not None else 0.0 for row in rows]

    times = np.array([_seconds(row[at["timecode"]], fps) for row in rows])
    weights = np.array([column(name) for name in ARKIT_NAMES]).T
    angles = np.array([column(name) for name in ANGLES]).T
    return Performance(times - times[0], weights, rotations(angles.reshape(-1, 3, 3)))


def _seconds(timecode: str, fps: float) -> float:
    match = _TIMECODE.fullmatch(timecode.strip())
    if match is None:
        raise Unreadable(f"{timecode!r} is no timecode")
    hours, minutes, seconds, frame = map(int, match.groups()[:4])
    part = float(f"0.{match[5]}") if match[5] else 0.0
    return 3600 * hours + 60 * minutes + seconds + (frame + part) / fps


def _read_track(path: Path, person: int) -> Performance:
    with np.load(path, allow_pickle=False) as file:
        if "arkit" not in file:
            raise Unreadable(
                f"{path.name} has no ARKit weights: smirk3d convert {path.name} --to arkit-csv"
            )
        valid, times = file["valid"], file["timestamps"].astype(float)
        if not 0 <= person < len(valid):
            raise Unreadable(f"{path.name} has {len(valid)} people, numbered from 0")
        start = int(valid[:person].sum())
        rows = slice(start, start + int(valid[person].sum()))
        weights = file["arkit"][rows].astype(float)
        vectors = np.concatenate([file["head_pose"][rows], file["eyes"][rows]], 1).astype(float)
    if vectors.shape[1] != 9:
        vectors = np.pad(vectors, ((0, 0), (0, 9)))[:, :9]
    shown = times[valid[person]]
    turns = of_axis_angles(vectors.reshape(-1, 3, 3))
    return Performance(shown - times[0], weights, turns)
