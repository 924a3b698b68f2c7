"""Folders of labeled pictures (docs/people.md): written by us, or by anyone."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_directory
from smirk3d.conventions import ARKIT_NAMES, NUM_MEDIAPIPE_LANDMARKS
from smirk3d.errors import InputError, ShapeError, check_shape
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import HEAD_GROUPS, VIEW_GROUPS
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.synthesis.people.labels import RELATIONS, LabeledPicture

FORMAT = 1
LABELS = "labels.npz"
SEGMENTATION = "segmentation"

_GROUPS = (*HEAD_GROUPS, *VIEW_GROUPS)
_SHAPES = {
    "picture": "N",
    "person": "N",
    "pair": "N",
    "relation": "N",
    "arkit": f"N {len(ARKIT_NAMES)}",
    "rotation": "N 3 3",
    "gaze": "N 2 3",
    "T_camera_head": "N 4 4",
    "intrinsics": "N 3 3",
    "T_crop_image": "N 3 3",
    "landmarks": f"N {NUM_MEDIAPIPE_LANDMARKS} 2",
    "landmarks_visible": f"N {NUM_MEDIAPIPE_LANDMARKS}",
    "points": "N P 2",
    "points_visible": "N P",
    "point_corners": "P 3",
    "point_bary": "P 3",
    "neutral": "M V 3",
    "posed": "N V 3",
    "faces": "F 3",
    "face_region": "V",
    **{
        f"parameters_{name}": f"N {letter}"
        for name, letter in zip(_GROUPS, "SEJLYKHC", strict=True)
    },
}
"""Arrays of a labels file and their shapes; N pictures, M people."""

_TEXT = ("picture", "relation", "meta")
_PER_PICTURE = (
    "arkit", "rotation", "gaze", "T_camera_head", "intrinsics", "T_crop_image", "landmarks",
    "landmarks_visible", "points", "points_visible",
)  # fmt: skip


@dataclass(frozen=True)
class LabeledSet:
    """A folder of labeled pictures; what its labels file lacks is None.

    Attributes:
        folder: where the pictures lie.
        meta: name of the set, of the head and its fingerprint, seed, and ``ids`` (a list with one
            dictionary of names a picture).
        arrays: by name, as :data:`_SHAPES` lists and docs/people.md describes them.
    """

    folder: Path
    meta: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.arrays["picture"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return an array by name.

        Raises:
            InputError: if the labels file lacks it.
        """
        if name not in self.arrays:
            raise InputError(f"{self.folder / LABELS} has no {name}: docs/people.md describes it")
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether the labels file has an array."""
        return name in self.arrays

    @property
    def person_rows(self) -> NDArray[np.int64]:
        """The row of ``neutral`` of each picture ``[N]``: people in ascending number."""
        return np.unique(self["person"], return_inverse=True)[1].reshape(-1).astype(np.int64)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return a picture uint8 ``[H, W, 3]``."""
        return read_image(self.folder / str(self["picture"][index]))

    def segmentation(self, index: int) -> NDArray[np.uint8] | None:
        """Return the segments ``[H, W]`` of a picture, None where there are none."""
        path = self.folder / SEGMENTATION / f"{Path(str(self['picture'][index])).stem}.png"
        if not path.is_file():
            return None
        return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)

    def parameters(self) -> FaceParameters | None:
        """Return the true parameters ``[N]`` on the head that ``meta`` names, None if absent."""
        if f"parameters_{_GROUPS[0]}" not in self.arrays:
            return None
        return FaceParameters(
            **{name: torch.from_numpy(self[f"parameters_{name}"]).float() for name in _GROUPS}
        )


def write_labeled_set(
    folder: str | os.PathLike[str],
    pictures: Iterable[LabeledPicture],
    head: HeadModel,
    points: tuple[NDArray[np.int64], NDArray[np.float32]],
    *,
    name: str = "people",
    seed: int = 0,
    posed: bool = False,
) -> int:
    """Write a folder of pictures with their labels, whole or not at all; return their number.

    Args:
        folder: to make; it must not exist or be empty.
        pictures: one after another; all on the same head.
        head: whose parameters the labels are.
        points: corners ``[P, 3]`` and barycentric coordinates ``[P, 3]`` of the fixed points.
        name: of the set.
        seed: that it was drawn from.
        posed: keep the posed vertices of every picture too (70 kB each).

    Raises:
        OutputError: if the folder is there already or cannot be written.
    """
    with atomic_directory(folder) as temporary:
        (temporary / SEGMENTATION).mkdir()
        stacks: dict[str, list[Any]] = {}
        neutral: dict[int, NDArray[np.float32]] = {}
        ids = []
        for index, labeled in enumerate(pictures):
            labels, stem = labeled.labels, f"{index:06d}"
            _write_picture(temporary / f"{stem}.png", labeled.picture[..., ::-1])
            _write_picture(temporary / SEGMENTATION / f"{stem}.png", labels.segmentation)
            row = {
                key: getattr(labels, key) for key in ("person", "pair", "relation", *_PER_PICTURE)
            }
            row["picture"] = f"{stem}.png"
            if posed:
                row["posed"] = labels.posed
            if labels.parameters is not None:
                row |= {f"parameters_{k}": v.numpy() for k, v in labels.parameters.items()}
            for key, value in row.items():
                stacks.setdefault(key, []).append(value)
            neutral.setdefault(labels.person, labels.neutral)
            ids.append(labels.ids)
        arrays = {key: np.array(values) for key, values in stacks.items()}
        if neutral:
            arrays["neutral"] = np.stack([neutral[person] for person in sorted(neutral)])
        arrays |= {"faces": head.faces.numpy(), "point_corners": points[0], "point_bary": points[1]}
        arrays["face_region"] = head.regions["face"].numpy()
        meta = {"format": FORMAT, "name": name, "head": head.name, "seed": seed, "ids": ids,
                "fingerprint": head.fingerprint}  # fmt: skip
        np.savez_compressed(
            temporary / LABELS, allow_pickle=False, meta=np.array(json.dumps(meta)), **arrays
        )
    return len(ids)


def _write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    path.write_bytes(cv2.imencode(path.suffix, np.ascontiguousarray(picture))[1].tobytes())


def read_labeled_set(folder: str | os.PathLike[str]) -> LabeledSet:
    """Return a folder of labeled pictures, its labels checked; pictures are read when asked for.

    Raises:
        InputError: if the folder has no labels file, or one that is damaged or does not fit its
            pictures; the text names the array.
    """
    path = Path(folder) / LABELS
    if not path.is_file():
        raise InputError(
            f"{folder} has no {LABELS}: give a folder that `smirk3d people` or, in the format of "
            "docs/people.md, you have written"
        )
    arrays = _read(path)
    meta = _meta(path, arrays.pop("meta", None))
    try:
        sizes: dict[str, int] = {}
        for name, shape in _SHAPES.items():
            if name in arrays:
                sizes |= check_shape(arrays[name], shape, name, **sizes)
    except ShapeError as error:
        raise InputError(f"{path}: {error}; docs/people.md describes the arrays") from error
    labeled = LabeledSet(Path(folder), meta, arrays)
    _check(path, labeled)
    return labeled


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*_SHAPES, "meta") if name in file}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read ({reason}): write the set again") from error
    for name, array in arrays.items():
        wanted = "U" if name in _TEXT else "biuf"
        if array.dtype.kind not in wanted:
            raise InputError(f"{path}: {name} has values of type {array.dtype}: write it as "
                             f"{'text' if name in _TEXT else 'numbers'}")  # fmt: skip
    return arrays


def _meta(path: Path, array: NDArray[Any] | None) -> dict[str, Any]:
    try:
        meta = {} if array is None else json.loads(str(array))
    except ValueError as error:
        raise InputError(f"{path}: meta is no JSON: {error}") from error
    if not isinstance(meta, dict) or meta.get("format", FORMAT) != FORMAT:
        raise InputError(f"{path}: meta must be a JSON object with format {FORMAT}")
    return meta


def _check(path: Path, labeled: LabeledSet) -> None:
    for name in ("picture", "person"):
        labeled[name]
    names = [str(name) for name in labeled["picture"]]
    for name in names:
        if Path(name).name != name or not (labeled.folder / name).is_file():
            raise InputError(f"{path} names the picture {name!r}, which is not beside it")
    if "relation" in labeled and not set(labeled["relation"].tolist()) <= set(RELATIONS):
        raise InputError(f"{path}: relation must be one of {', '.join(filter(None, RELATIONS))}")
    if "neutral" in labeled and len(labeled["neutral"]) != len(np.unique(labeled["person"])):
        raise InputError(f"{path}: neutral must have one row for each number in person")
    if "faces" in labeled and "neutral" in labeled:
        faces = labeled["faces"]
        if faces.size and not 0 <= faces.min() <= faces.max() < labeled["neutral"].shape[1]:
            raise InputError(f"{path}: faces name a vertex that neutral does not have")


def pair_rows(labeled: LabeledSet, relation: str) -> Iterator[tuple[int, int]]:
    """Yield the rows of both pictures of each pair that differs in something.

    Args:
        labeled: a set with ``pair`` and ``relation``.
        relation: one of ``labels.RELATIONS``.
    """
    pairs, relations = labeled["pair"], labeled["relation"]
    for number in np.unique(pairs[(relations == relation) & (pairs >= 0)]):
        rows = np.flatnonzero((pairs == number) & (relations == relation))
        if len(rows) == 2:
            yield int(rows[0]), int(rows[1])
