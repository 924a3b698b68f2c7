"""One person's motion over time, whatever file it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.assets.foreign.npz import NpzFile
from smirk3d.assets.foreign.origin import Origin
from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import AssetError, InputError
from smirk3d.export.arkit_csv_reading import read_arkit_csv
from smirk3d.export.flame.parameter_files import read_flame_parameters
from smirk3d.export.gaps import with_gaps_filled
from smirk3d.fitting.conversion import convert_parameters
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.tracking.track_file import FILE_NAME, MOVING, Track, read_track


@dataclass(frozen=True, eq=False)
class Performance:
    """One person's motion.

    Attributes:
        head: the head of the parameters.
        parameters: T faces, one a frame.
        times: seconds ``[T]``, increasing.
        note: how well it shows what it was converted from; empty where it was not.
    """

    head: HeadModel
    parameters: FaceParameters
    times: NDArray[np.float64]
    note: str = ""

    def on_head(self, head: HeadModel) -> Performance:
        """Return the performance on another head.

        Raises:
            AssetError: if the heads share too few landmarks.
        """
        found = convert_parameters(self.head, head, self.parameters)
        error = float(found.expression_error.mean())
        note = f"on average the expression is off by {error:.2f} mm"
        return Performance(head, found.parameters, self.times, note)

    def as_track(self, source: str) -> Track:
        """Return the performance as the track of a clip of one person, seen in all T frames.

        There is no picture: the head fills one of a crop's size, as its parameters' camera says.

        Args:
            source: where the performance is from.
        """
        count, square = len(self.parameters), np.eye(3)
        groups = {name: to_numpy(values) for name, values in self.parameters.items()}
        rows = {name: groups[name].astype(np.float32) for name in MOVING}
        rows |= {
            "T_crop_image": np.tile(square, (count, 1, 1)),
            "box": np.tile(np.array([0, 0, CROP_SIZE, CROP_SIZE], np.float32), (count, 1)),
            "score": np.ones(count, np.float32),
            "quality": np.ones(count, np.float32),
        }
        steps = np.diff(self.times)
        rate = Fraction(1 / float(np.median(steps)) if len(steps) else 1.0).limit_denominator(1001)
        meta = {
            "input": source,
            "image_size": [CROP_SIZE, CROP_SIZE],
            "rate": f"{rate.numerator}/{rate.denominator}",
            "head": self.head.name,
            "head_fingerprint": self.head.fingerprint,
            "weights": {"name": "none", "sha256": None},
            "smoothing": "off",
            "complete": True,
            "damage": None,
        }
        valid = np.ones((1, count), bool)
        shape = groups["shape"][:1].astype(np.float32)
        return Track(meta, np.asarray(self.times, np.float64), np.array([0]), valid, shape, rows)


def read_performance(
    path: Path,
    load_head: Callable[[str], HeadModel],
    *,
    flame: str,
    head: str,
    person: int = 0,
    rate: Fraction,
    csv_fps: Fraction,
) -> Performance:
    """Return the performance in a track, a CSV of Live Link Face, or FLAME's parameters.

    Args:
        path: the file or folder; its name and content tell which.
        load_head: returns a head by its name or file.
        flame: the FLAME head, for its parameters.
        head: the head with named actions, for curves.
        person: which person of a track.
        rate: frames a second of FLAME's parameters.
        csv_fps: frames a second that timecodes count.

    Raises:
        InputError: if it is none of these, missing or damaged.
        AssetError: if a head is absent or is not the one of the parameters.
    """
    if path.suffix.lower() == ".csv":
        model = load_head(head)
        return Performance(model, *read_arkit_csv(path, model, fps=csv_fps))
    if path.name == FILE_NAME or (path / FILE_NAME).is_file() or _holds_track(path):
        return _tracked(path, load_head, person)
    if path.is_dir() or path.suffix.lower() == ".npz":
        model = load_head(flame)
        parameters = read_flame_parameters(path, model)
        return Performance(model, parameters, np.arange(len(parameters)) / float(rate))
    raise InputError(f"{path}: no performance: give a {FILE_NAME}, .csv or .npz, or their folder")


def _holds_track(path: Path) -> bool:
    """Whether a file of any name has the arrays of a track."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    origin = Origin(str(path), "performance", "track or export it again")
    with origin.refusing(), NpzFile(path, budget=0) as file:
        return "T_crop_image" in file.names


def _tracked(path: Path, load_head: Callable[[str], HeadModel], person: int) -> Performance:
    track = read_track(path)
    if person >= len(track.ids):
        raise InputError(f"{path} has {len(track.ids)} people: give --person from 0")
    head = load_head(str(track.meta.get("head")))
    if head.fingerprint != track.meta.get("head_fingerprint", head.fingerprint):
        raise AssetError(f"{path}: made with another version of head {head.name!r}: track it again")
    frames = track.frames(person)
    filled = with_gaps_filled(head, track.parameters(person), frames, track.timestamps)
    return Performance(head, filled, track.timestamps)
