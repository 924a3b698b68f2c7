"""Folders of labeled pictures (docs/people.md): written by us, or by anyone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_directory
from smirk3d.assets.foreign.npz import meta_of, read_npz
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import NUMBER, TEXT, TRUTH, WHOLE, ArrayRule
from smirk3d.conventions import ARKIT_NAMES, NUM_MEDIAPIPE_LANDMARKS
from smirk3d.errors import InputError
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import HEAD_GROUPS, VIEW_GROUPS
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.synthesis.people.labels import RELATIONS, LabeledPicture, PictureLabels

FORMAT = 1
"""Raised when an array changes its meaning."""

LABELS = "labels.npz"
SEGMENTATION = "segmentation"
_OURS = re.compile(r"\d{6}\.png")

_GROUPS = (*HEAD_GROUPS, *VIEW_GROUPS)


def _numbers(shape: str) -> ArrayRule:
    return ArrayRule(shape, NUMBER, optional=True)


def _if_known(shape: str) -> ArrayRule:
    return ArrayRule(shape, NUMBER, optional=True, finite="no infinity")


def _flags(shape: str) -> ArrayRule:
    return ArrayRule(shape, TRUTH + NUMBER, optional=True)


def _whole(shape: str, low: float | None = 0) -> ArrayRule:
    return ArrayRule(shape, WHOLE, optional=True, low=low)


_RULES = {
    "meta": ArrayRule("", TEXT, optional=True),
    "picture": ArrayRule("N", TEXT),
    "person": ArrayRule("N", WHOLE),
    "pair": _whole("N", low=-1),
    "relation": ArrayRule("N", TEXT, optional=True),
    "arkit": _if_known(f"N {len(ARKIT_NAMES)}"),
    "rotation": _numbers("N 3 3"),
    "gaze": _numbers("N 2 3"),
    "T_camera_head": _numbers("N 4 4"),
    "intrinsics": _numbers("N 3 3"),
    "T_crop_image": _numbers("N 3 3"),
    "landmarks": _if_known(f"N {NUM_MEDIAPIPE_LANDMARKS} 2"),
    "landmarks_visible": _flags(f"N {NUM_MEDIAPIPE_LANDMARKS}"),
    "points": _if_known("N P 2"),
    "points_visible": _flags("N P"),
    "point_corners": _whole("P 3"),
    "point_bary": _numbers("P 3"),
    "neutral": _numbers("M V 3"),
    "posed": _numbers("N V 3"),
    "faces": _whole("F 3"),
    "face_region": _flags("V"),
    **{
        f"parameters_{name}": _numbers(f"N {letter}")
        for name, letter in zip(_GROUPS, "SEJLYKHC", strict=True)
    },
}
"""Rules of a labels file's arrays: N pictures, M people."""

LARGEST_LABELS = 4 << 30
"""Bytes of all arrays: a picture on the open head has 10 kB, a person 61 kB, so that this is 60,000
people in a picture each."""

_SHARED = ("faces", "point_corners", "point_bary", "face_region")
"""Arrays of the head, the same for all pictures."""

_BLOCK_ROWS = 256
"""Pictures whose labels are collected in one array; any number of hundreds does."""

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
        arrays: by name, as docs/people.md describes them.
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
    complete: bool = True,
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
        complete: keep the people's vertices and the segmentations too, which training does not
            read: they are half of a set's bytes.

    Raises:
        OutputError: if the folder is there already or cannot be written.
    """
    with atomic_directory(folder) as temporary:
        if complete:
            (temporary / SEGMENTATION).mkdir()
        collected = _Labels(posed=posed, complete=complete)
        for index, labeled in enumerate(pictures):
            labels, stem = labeled.labels, f"{index:06d}"
            _write_picture(temporary / f"{stem}.png", labeled.picture[..., ::-1])
            if complete:
                _write_picture(temporary / SEGMENTATION / f"{stem}.png", labels.segmentation)
            collected.add(f"{stem}.png", labels)
        arrays = collected.arrays()
        arrays |= {"faces": head.faces.numpy(), "point_corners": points[0], "point_bary": points[1]}
        arrays["face_region"] = head.regions["face"].numpy()
        meta = {"format": FORMAT, "name": name, "head": head.name, "seed": seed,
                "ids": collected.ids, "fingerprint": head.fingerprint}  # fmt: skip
        np.savez_compressed(
            temporary / LABELS, allow_pickle=False, meta=np.array(json.dumps(meta)), **arrays
        )
    return len(collected.ids)


def join_labeled_sets(folder: str | os.PathLike[str], parts: Sequence[Path], name: str) -> int:
    """Make one folder of several that :func:`write_labeled_set` wrote; return how many pictures.

    It holds what one call with all the pictures would have written.

    Args:
        folder: to make; it must not exist or be empty.
        parts: folders of the same head and seed; nobody is in two of them, and people are numbered
            in their order.
        name: of the set.

    Raises:
        InputError: if a part is damaged.
        OutputError: if the folder is there already or cannot be written.
    """
    sets = [read_labeled_set(part) for part in parts]
    count = sum(map(len, sets))
    with atomic_directory(folder) as temporary:
        first = sets[0].arrays
        if (parts[0] / SEGMENTATION).is_dir():
            (temporary / SEGMENTATION).mkdir()
        start = 0
        for labeled in sets:
            for number, old in enumerate(labeled["picture"].tolist(), start):
                for place in ("", SEGMENTATION):
                    source = labeled.folder / place / old
                    if source.is_file():
                        _link(source, temporary / place / f"{number:06d}.png")
            start += len(labeled)
        arrays = {
            key: values
            if key in _SHARED
            else np.concatenate([labeled.arrays[key] for labeled in sets])
            for key, values in first.items()
            if key != "meta"
        }
        arrays["picture"] = np.array([f"{number:06d}.png" for number in range(count)])
        ids = [row for labeled in sets for row in labeled.meta["ids"]]
        meta = {**sets[0].meta, "name": name, "ids": ids}
        np.savez_compressed(
            temporary / LABELS, allow_pickle=False, meta=np.array(json.dumps(meta)), **arrays
        )
    return count


def remove_labeled_set(folder: Path) -> None:
    """Remove what :func:`write_labeled_set` wrote, and the folder where nothing else is in it."""
    with contextlib.suppress(OSError):
        for place in (folder / SEGMENTATION, folder):
            for path in place.glob("*.png"):
                if _OURS.fullmatch(path.name):
                    path.unlink()
            (place / LABELS).unlink(missing_ok=True)
            if place.is_dir():
                place.rmdir()


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the file system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


class _Rows:
    """Rows of one array, collected in blocks.

    A small array kept for every picture would lie between the megabytes that drawing each person
    takes and gives back, and the C library could not use the gaps again.
    """

    def __init__(self) -> None:
        self._blocks: list[NDArray[Any]] = []
        self._free = 0

    def append(self, row: Any) -> None:
        """Copy a row ``[...]`` of the same shape and type as the first."""
        row = np.asarray(row)
        if not self._free:
            self._blocks.append(np.empty((_BLOCK_ROWS, *row.shape), row.dtype))
            self._free = _BLOCK_ROWS
        self._blocks[-1][_BLOCK_ROWS - self._free] = row
        self._free -= 1

    def array(self) -> NDArray[Any]:
        """Return all rows ``[N, ...]``, and let go of the blocks."""
        self._blocks[-1] = self._blocks[-1][: _BLOCK_ROWS - self._free]
        rows = np.concatenate(self._blocks)
        self._blocks, self._free = [], 0
        return rows


class _Labels:
    """Labels of pictures as they come, to be the arrays of a labels file.

    Attributes:
        ids: what each picture's person is made of and stands in.
    """

    def __init__(self, *, posed: bool, complete: bool) -> None:
        self._posed, self._complete = posed, complete
        self._stacks: defaultdict[str, _Rows] = defaultdict(_Rows)
        self._people: dict[int, None] = {}
        self._names: dict[str, list[str]] = {"picture": [], "relation": []}
        self.ids: list[dict[str, str]] = []

    def add(self, picture: str, labels: PictureLabels) -> None:
        """Take the labels of a picture, and its person's vertices where they come first."""
        row = {key: getattr(labels, key) for key in ("person", "pair", *_PER_PICTURE)}
        if self._complete and labels.person not in self._people:
            self._people[labels.person] = None
            self._stacks["neutral"].append(labels.neutral)
        if self._posed:
            row["posed"] = labels.posed
        if labels.parameters is not None:
            row |= {f"parameters_{k}": v.numpy() for k, v in labels.parameters.items()}
        for key, value in row.items():
            self._stacks[key].append(value)
        self._names["picture"].append(picture)
        self._names["relation"].append(labels.relation)
        self.ids.append(labels.ids)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays ``[N, ...]`` by name, and let go of the rows."""
        arrays = {key: rows.array() for key, rows in self._stacks.items()}
        arrays |= {key: np.array(values) for key, values in self._names.items() if values}
        people = list(self._people)
        if people != sorted(people):
            arrays["neutral"] = arrays["neutral"][np.argsort(people)]
        return arrays


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
    origin = Origin(str(path), "file of labels", "write it again as docs/people.md describes it")
    arrays = read_npz(path, origin, _RULES, budget=LARGEST_LABELS)
    meta = meta_of(arrays, replace(origin, name=f"{path}:meta")) if "meta" in arrays else {}
    if meta.get("format", FORMAT) != FORMAT:
        raise InputError(f"{path}: meta must name format {FORMAT}: docs/people.md describes it")
    labeled = LabeledSet(Path(folder), meta, arrays)
    _check(path, labeled)
    return labeled


def _check(path: Path, labeled: LabeledSet) -> None:
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
