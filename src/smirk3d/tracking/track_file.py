"""``track.npz``: the faces of a clip, all frames, all groups, as numpy reads them.

Arrays, for T frames, N people and R seen faces (``valid.sum()``):

    timestamps [T]     seconds        ids [N]          valid [N, T]       shape [N, S]
    expression [R, E]  jaw  eyelids  eyes  neck  head_pose  camera        in the crop's frame
    std_expression [R, E] and so on    standard deviations, where the weights give uncertainty
    T_crop_image [R, 3, 3]  box [R, 4]  score [R]  quality [R]  translation [R, 3]
    arkit [R, 52]      ARKit's weights, of heads with named actions; for other programs
    meta               JSON: schema, input, image_size, rate, head, weights, smoothing, focal

Rows follow ``valid``: all frames of the first person, then of the next. So
``dense = np.zeros((N, T, E)); dense[valid] = expression`` gives them by person and frame.
``translation`` puts the head before a pinhole camera of ``focal`` pixels at the origin that looks
along -z: ``R(head_pose) x + translation`` in metres, +x right, +y up.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import default_array, to_numpy
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import (
    is_number,
    is_whole,
    require_object,
    require_text,
)
from smirk3d.assets.foreign.npz import META, meta_of, read_npz
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.foreign.schema import NUMBER, REAL, TRUTH, WHOLE, ArrayRule
from smirk3d.faces.table import data_frame, parameter_columns
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import HEAD_GROUPS, VIEW_GROUPS
from smirk3d.tracking.motion.image_motion import (
    HeadAnchor,
    rotations_of,
    signal_std,
    to_crops,
    to_image,
)
from smirk3d.tracking.motion.smoothing import SmoothingConfig, smooth_clip

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "smirk3d.track/1"
FILE_NAME = "track.npz"
MOVING = tuple(name for name in HEAD_GROUPS + VIEW_GROUPS if name != "shape")
"""Groups with a row a frame; the shape has one a person."""

LARGEST_TRACK = 512 << 20
"""Bytes of all arrays: a frame of one person has about 420, so that this is a person's ten hours at
30 frames a second."""

_LARGEST_SIDE = 1 << 17
"""Pixels, as results have it: JPEG ends at 65,535, and twice as much is read."""
_LARGEST_PARAMETER = 1e6
"""Coefficients are in standard deviations, rotations in radians, the camera in crops: none that a
network or a fit gives exceeds a hundred."""
_LARGEST_PLACE = 1e9
"""Pixels, metres or seconds."""
_RATE = re.compile(r"\d{1,9}/[1-9]\d{0,8}")


def _within(
    shape: str,
    most: float,
    kinds: str = REAL,
    *,
    least: float | None = None,
    optional: bool = False,
) -> ArrayRule:
    low = -most if least is None else least
    return ArrayRule(shape, kinds, optional=optional, low=low, high=most)


ROW_RULES = {
    **{name: _within(f"R {name}", _LARGEST_PARAMETER) for name in MOVING},
    "T_crop_image": _within("R 3 3", _LARGEST_PLACE),
    "box": _within("R 4", _LARGEST_PLACE),
    "score": _within("R", 1, least=0),
    "quality": _within("R", 1, least=0),
}
"""Rules of the arrays with R rows, by name; each group's name is the head's size of it."""
STD_RULES = {
    f"std_{name}": _within(f"R {name}", _LARGEST_PARAMETER, least=0, optional=True)
    for name in MOVING
}
"""Rules of the standard deviations, which tracks without uncertainty lack."""
TIMES_RULE = _within("T", _LARGEST_PLACE, NUMBER)
_RULES = {
    "meta": META,
    "timestamps": TIMES_RULE,
    "ids": ArrayRule("N", WHOLE, low=0),
    "valid": ArrayRule("N T", TRUTH),
    "shape": _within("N S", _LARGEST_PARAMETER),
    **ROW_RULES,
    **STD_RULES,
    "translation": _within("R 3", _LARGEST_PLACE, optional=True),
}
"""Rules of all arrays, by name, for N people, T frames, R rows and S components of the shape."""

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Track:
    """The people of a clip.

    Attributes:
        meta: the file's JSON object.
        timestamps: seconds ``[T]``.
        ids: identifiers of the people ``[N]``.
        valid: whether a frame shows a person ``[N, T]``.
        shape: ``[N, S]``.
        rows: arrays ``[R, ...]`` by name, one row for each true entry of valid.
    """

    meta: dict[str, Any]
    timestamps: NDArray[np.float64]
    ids: NDArray[np.int64]
    valid: NDArray[np.bool_]
    shape: NDArray[np.float32]
    rows: dict[str, Array]

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height of the first frame."""
        return self.meta["image_size"][0], self.meta["image_size"][1]

    def frames(self, person: int) -> NDArray[np.int64]:
        """Return the numbers of the frames ``[F]`` that show a person (its number, not its id)."""
        return np.flatnonzero(self.valid[person])

    def rows_of(self, person: int) -> slice:
        """Return where the rows of a person are."""
        ends = self.valid.sum(1).cumsum()
        return slice(int(ends[person] - self.valid[person].sum()), int(ends[person]))

    def parameters(self, person: int) -> FaceParameters:
        """Return a person's parameters ``[F]`` in the frames that show it."""
        part = self.rows_of(person)
        groups = {name: default_array(self.rows[name][part]) for name in MOVING}
        shape = np.repeat(self.shape[person : person + 1], part.stop - part.start, axis=0)
        return FaceParameters(shape=default_array(shape), **groups)

    def to_dataframe(self, head: HeadModel | None = None) -> pd.DataFrame:
        """Return a pandas table with one row for each frame and person that it shows.

        The columns are ``frame``, ``seconds``, ``id``, ``left``, ``top``, ``right``, ``bottom``,
        ``score``, ``quality``, and each component of each group.

        Args:
            head: the track's head, whose names for components the columns get; numbered without.

        Raises:
            MissingExtra: if pandas is not installed.
        """
        numbers, frames = np.nonzero(self.valid)
        people = [self.parameters(person) for person in range(len(self.ids))]
        columns = {"frame": frames, "seconds": self.timestamps[frames], "id": self.ids[numbers]}
        sides = zip(("left", "top", "right", "bottom"), self.rows["box"].T, strict=True)
        columns |= dict(sides)
        columns |= {name: self.rows[name] for name in ("score", "quality")}
        if people:
            columns |= parameter_columns(FaceParameters.cat(people), head)
        return data_frame(columns)

    def __repr__(self) -> str:
        """Return what the track holds on one line."""
        seconds = float(self.timestamps[-1]) if len(self.timestamps) else 0.0
        return (
            f"Track({len(self.ids)} people, {len(self.timestamps)} frames, {seconds:.1f} s, "
            f"head={self.meta.get('head')!r})"
        )

    def smoothed(self, head: HeadModel, config: SmoothingConfig | None = None) -> Track:
        """Return the track with each person's motion smoothed without lag."""
        anchor = HeadAnchor.of(head)
        rows = {name: values.copy() for name, values in self.rows.items()}
        for person in range(len(self.ids)):
            part, parameters = self.rows_of(person), self.parameters(person)
            crops = self.rows["T_crop_image"][part]
            motion = to_image(parameters, crops, anchor)
            seconds = self.timestamps[self.frames(person)]
            smooth = smooth_clip(motion, seconds, head, config, std=self._std(part))
            moved = to_crops(smooth, parameters, crops, anchor)
            for name in MOVING:
                values = getattr(moved, name)
                if name in HEAD_GROUPS:
                    values = head.group(name).clamp(values)
                rows[name][part] = to_numpy(values)
        return replace(self, rows=rows, meta={**self.meta, "smoothing": "best"})

    def _std(self, part: slice) -> dict[str, Array]:
        """Return the standard deviations of some rows' signals; none where there are none."""
        if not {*STD_RULES} <= {*self.rows}:
            return {}
        return signal_std({name: self.rows[f"std_{name}"][part] for name in MOVING})

    def seen_through_pinhole(self, head: HeadModel, focal: float) -> Track:
        """Return the track with the rows ``translation`` for a focal length in pixels.

        The head's anchor, a point in its middle, is put where it is seen, at the distance at which
        its size is right.
        """
        anchor = HeadAnchor.of(head)
        width, height = self.image_size
        placed = np.zeros((len(self.rows["score"]), 3), np.float32)
        for person in range(len(self.ids)):
            part = self.rows_of(person)
            motion = to_image(self.parameters(person), self.rows["T_crop_image"][part], anchor)
            depth = focal / np.exp(motion.log_scale)
            across = (motion.translation - [width / 2, height / 2]) * [1, -1] / focal * depth
            seen = np.concatenate([across, -depth], 1)
            placed[part] = seen - anchor.position(rotations_of(motion.rotation))
        rows = {**self.rows, "translation": placed}
        return replace(self, rows=rows, meta={**self.meta, "focal": focal})

    def save(self, path: Path, head: HeadModel | None = None) -> None:
        """Write ``track.npz``, whole or not at all.

        Args:
            path: the file.
            head: the track's head, by which ARKit's weights are added; they are not read again.

        Raises:
            OutputError: if it cannot be written.
        """
        derived = {}
        if head is not None and head.has_named_actions and len(self.ids):
            people = [self.parameters(person) for person in range(len(self.ids))]
            weights = head.arkit(FaceParameters.cat(people).to(head.v_template))
            derived["arkit"] = to_numpy(weights).astype(np.float32)
        with atomic_path(path) as temporary:
            np.savez_compressed(
                temporary,
                allow_pickle=False,
                meta=np.array(json.dumps({"schema": SCHEMA, **self.meta})),
                timestamps=self.timestamps,
                ids=self.ids,
                valid=self.valid,
                shape=self.shape,
                **self.rows,
                **derived,
            )


def read_track(path: str | Path) -> Track:
    """Return the track of a file or of the folder that holds it.

    Arrays that this version does not know are left out.

    Raises:
        InputError: if it is missing, damaged or of another kind; the text says what is wrong.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE_NAME
    origin = Origin(str(path), "track", "`smirk3d track VIDEO` makes one")
    arrays = read_npz(origin.require_file(), origin, _RULES, budget=LARGEST_TRACK)
    meta = meta_of(arrays, origin)
    people = {name: arrays.pop(name) for name in ("timestamps", "ids", "valid", "shape")}
    with origin.refusing():
        _check_meta(meta)
        _check_people(**people, num_rows=len(arrays["score"]))
    return Track(
        meta=meta,
        timestamps=people["timestamps"].astype(np.float64),
        ids=people["ids"].astype(np.int64),
        valid=people["valid"],
        shape=people["shape"].astype(np.float32),
        rows={
            name: rows.astype(np.float32 if name in MOVING else rows.dtype, copy=False)
            for name, rows in arrays.items()
        },
    )


def _check_people(
    timestamps: Array, ids: Array, valid: Array, shape: Array, *, num_rows: int
) -> None:
    if int(valid.sum()) != num_rows:
        raise Unfit(f"valid has {int(valid.sum())} true entries, the arrays {num_rows} rows")
    if len(np.unique(ids)) != len(ids):
        raise Unfit("ids names a person twice")
    if (np.diff(timestamps) < 0).any():
        raise Unfit("timestamps run backwards")
    if len(shape) != len(ids):
        raise Unfit(f"shape has {len(shape)} rows for {len(ids)} people")


def _check_meta(meta: dict[str, Any]) -> None:
    if meta.get("schema") != SCHEMA:
        raise Unfit(f"its schema is {meta.get('schema')!r}, not {SCHEMA!r}")
    size = meta.get("image_size")
    if not isinstance(size, list) or len(size) != 2 or not all(map(_is_side, size)):
        raise Unfit(f"image_size is {size!r}, not width and height from 1 to {_LARGEST_SIDE}")
    for key in ("input", "rate", "head", "head_fingerprint", "smoothing"):
        if key in meta:
            require_text(meta, key)
    if "rate" in meta and _RATE.fullmatch(meta["rate"]) is None:
        raise Unfit(f"rate is {meta['rate']!r}, not frames by seconds such as '30/1'")
    if "weights" in meta:
        weights = require_object(meta["weights"], "weights")
        require_text(weights, "name")
        if weights.get("sha256") is not None:
            require_text(weights, "sha256")
    focal = meta.get("focal")
    if focal is not None and not (is_number(focal) and focal > 0):
        raise Unfit(f"focal is {focal!r}, not a number of pixels")


def _is_side(value: Any) -> bool:
    return is_whole(value) and 0 < value <= _LARGEST_SIDE
