"""``track.npz``: the faces of a clip, all frames, all groups, as numpy reads them.

Arrays, for T frames, N people and R seen faces (``valid.sum()``):

    timestamps [T]     seconds        ids [N]          valid [N, T]       shape [N, S]
    expression [R, E]  jaw  eyelids  eyes  neck  head_pose  camera        in the crop's frame
    T_crop_image [R, 3, 3]  box [R, 4]  score [R]  quality [R]  translation [R, 3]
    meta               JSON: schema, input, image_size, rate, head, weights, smoothing, focal

Rows follow ``valid``: all frames of the first person, then of the next. So
``dense = np.zeros((N, T, E)); dense[valid] = expression`` gives them by person and frame.
``translation`` puts the head before a pinhole camera of ``focal`` pixels at the origin that looks
along -z: ``R(head_pose) x + translation`` in metres, +x right, +y up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import InputError
from smirk3d.face_parameters import HEAD_GROUPS, VIEW_GROUPS, FaceParameters
from smirk3d.heads.head_model import HeadModel
from smirk3d.tracking.image_motion import HeadAnchor, rotations_of, to_crops, to_image
from smirk3d.tracking.smoothing import SmoothingConfig, smooth_clip

SCHEMA = "smirk3d.track/1"
FILE_NAME = "track.npz"
MOVING = tuple(name for name in HEAD_GROUPS + VIEW_GROUPS if name != "shape")
"""Groups with a row a frame; the shape has one a person."""

_ARRAYS = ("T_crop_image", "box", "score", "quality")

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Track:
    """The people of a clip.

    Attributes:
        meta: what the file's JSON says.
        timestamps: seconds ``[T]``.
        ids: of the people ``[N]``.
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
        groups = {name: torch.from_numpy(self.rows[name][part]) for name in MOVING}
        shape = torch.from_numpy(self.shape[person]).expand(part.stop - part.start, -1)
        return FaceParameters(shape=shape.contiguous(), **groups)

    def smoothed(self, head: HeadModel, config: SmoothingConfig | None = None) -> Track:
        """Return the track with each person's motion smoothed without lag."""
        anchor = HeadAnchor.of(head)
        rows = {name: values.copy() for name, values in self.rows.items()}
        for person in range(len(self.ids)):
            part, parameters = self.rows_of(person), self.parameters(person)
            crops = self.rows["T_crop_image"][part]
            motion = to_image(parameters, crops, anchor)
            seconds = self.timestamps[self.frames(person)]
            moved = to_crops(smooth_clip(motion, seconds, head, config), parameters, crops, anchor)
            for name in MOVING:
                values = getattr(moved, name)
                if name in HEAD_GROUPS:
                    values = head.group(name).clamp(values)
                rows[name][part] = values.numpy()
        return replace(self, rows=rows, meta={**self.meta, "smoothing": "best"})

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
            depth = focal / np.exp(motion.size)
            across = (motion.place - [width / 2, height / 2]) * [1, -1] / focal * depth
            seen = np.concatenate([across, -depth], 1)
            placed[part] = seen - anchor.position(rotations_of(motion.turn).numpy())
        rows = {**self.rows, "translation": placed}
        return replace(self, rows=rows, meta={**self.meta, "focal": focal})

    def save(self, path: Path) -> None:
        """Write ``track.npz``, whole or not at all.

        Raises:
            OutputError: if it cannot be written.
        """
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
            )


def read_track(path: str | Path) -> Track:
    """Return the track of a file or of the folder that holds it.

    Raises:
        InputError: if it is missing, damaged or of another kind.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE_NAME
    if not path.is_file():
        raise InputError(f"{path}: no such file; `smirk3d track VIDEO` makes it")
    try:
        with np.load(path, allow_pickle=False) as file:
            meta = json.loads(str(file["meta"]))
            arrays = {name: file[name] for name in file.files if name != "meta"}
        if meta.get("schema") != SCHEMA:
            raise InputError(f"{path}: schema {meta.get('schema')!r}, not {SCHEMA!r}")
        people = {name: arrays.pop(name) for name in ("timestamps", "ids", "valid", "shape")}
        lacking = {*MOVING, *_ARRAYS} - set(arrays)
        lengths = {len(rows) for rows in arrays.values()} | {int(people["valid"].sum())}
        if lacking or len(lengths) != 1:
            raise ValueError(f"lacks {sorted(lacking)}" if lacking else "rows do not match valid")
    except (OSError, EOFError, BadZipFile, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged, or no track ({error})") from error
    return Track(meta=meta, rows=arrays, **people)
