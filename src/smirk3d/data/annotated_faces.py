"""Face photos with detected landmarks, decoded into memory.

A folder holds tar shards of 224 x 224 JPEGs and ``annotations.npz`` (``data/faces`` is one;
docs/data.md names the arrays). Small enough photos stay in memory as uint8, so that a GPU is never
kept waiting and batches are plain indexing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from smirk3d.assets.foreign.archives import tar_members
from smirk3d.assets.foreign.npz import read_npz
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.foreign.schema import NUMBER, TEXT, ArrayRule
from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import InputError

HELD_OUT_DIVISOR = 29
"""Photos whose key's number is divisible by this never train: they are what reports measure."""

LARGEST_ANNOTATIONS = 1 << 30
"""Bytes of the arrays that are read; a photo has 2.2 kB, so that this is half a million photos."""

_LONGEST_KEY = 18
"""Digits: every number of 18 fits 64 bits. Keys of the shared faces have 5."""
_MOST_MEMBERS, _LARGEST_MEMBER = 1_000_000, 16 << 20
"""Of a shard; crops have about 12 kB."""
_ARRAYS = (
    "key", "source", "landmarks_xy", "blendshapes", "blendshape_names", "oval_inside", "person",
)  # fmt: skip
_RULES = {
    "key": ArrayRule("N", TEXT),
    "source": ArrayRule("N", TEXT),
    "person": ArrayRule("N", TEXT, optional=True),
    "label": ArrayRule("N", TEXT),
    "landmarks_xy": ArrayRule("N 478 2", NUMBER),
    "blendshapes": ArrayRule("N A"),
    "blendshape_names": ArrayRule("A", TEXT),
    "oval_inside": ArrayRule("N", low=0, high=1),
}
LANDMARK_STEPS = 32
"""Stored landmarks are whole numbers of this part of a pixel."""


@dataclass(frozen=True)
class AnnotatedFaces:
    """N photos with their annotations.

    Attributes:
        keys: file stems ``[N]``.
        images: pictures, uint8 ``[N, 3, 224, 224]``.
        landmarks: detected landmarks ``[N, 478, 2]`` in crop pixels.
        blendshapes: MediaPipe's estimates ``[N, 52]`` in the order of ``blendshape_names``.
        blendshape_names: ``_neutral`` and 51 of ARKit's names.
        sources: data set of each photo ``[N]``.
        persons: name of each photo's person ``[N]``, empty where unknown.
        oval_inside: fraction of the face inside the original picture ``[N]``; the rest is black.
        refused: files that could not be read, with the reason.
    """

    keys: NDArray[np.str_]
    images: Tensor
    landmarks: Tensor
    blendshapes: Tensor
    blendshape_names: tuple[str, ...]
    sources: NDArray[np.str_]
    persons: NDArray[np.str_]
    oval_inside: Tensor
    refused: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """N."""
        return len(self.keys)

    def held_out(self) -> NDArray[np.bool_]:
        """Return the mask ``[N]`` of photos that never train."""
        mask: NDArray[np.bool_] = np.array([not trains(key) for key in self.keys], dtype=bool)
        return mask

    def blendshape(self, name: str) -> Tensor:
        """Return MediaPipe's estimates ``[N]`` of one of ARKit's actions."""
        return self.blendshapes[:, self.blendshape_names.index(name)]


def read_annotated_faces(
    folder: str | Path,
    *,
    keep: Callable[[str], bool] = lambda key: True,
    on_progress: Callable[[int], None] | None = None,
) -> AnnotatedFaces:
    """Return a folder's photos in the order of its annotations.

    Args:
        folder: holds ``*.tar`` and ``annotations.npz``.
        keep: tells from a key whether to read the photo.
        on_progress: called with the number of photos read so far.

    Raises:
        InputError: if the annotations are missing or damaged, or a photo of theirs is in no shard.
    """
    folder = Path(folder)
    arrays = read_annotations(folder, _ARRAYS)
    rows = {key: row for row, key in enumerate(arrays["key"]) if keep(key)}
    images = torch.zeros(len(arrays["key"]), 3, CROP_SIZE, CROP_SIZE, dtype=torch.uint8)
    read: set[str] = set()
    refused: dict[str, str] = {}
    for name, data in _members(folder):
        key = Path(name).stem
        if key not in rows:
            continue
        try:
            images[rows[key]] = _decode(data)
            read.add(key)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            refused[name] = str(error)
        if on_progress is not None:
            on_progress(len(read))
    absent = [key for key in rows if key not in read and f"{key}.jpg" not in refused]
    if absent:
        raise InputError(f"{folder}: {len(absent)} annotated photos are in no shard ({absent[0]})")
    kept = np.array([rows[key] for key in rows if key in read], dtype=np.int64)
    return AnnotatedFaces(
        keys=arrays["key"][kept],
        images=images[torch.from_numpy(kept)],
        landmarks=torch.from_numpy(arrays["landmarks_xy"][kept].astype(np.float32))
        / LANDMARK_STEPS,
        blendshapes=torch.from_numpy(arrays["blendshapes"][kept].astype(np.float32)),
        blendshape_names=tuple(str(name) for name in arrays["blendshape_names"]),
        sources=arrays["source"][kept],
        persons=arrays["person"][kept],
        oval_inside=torch.from_numpy(arrays["oval_inside"][kept].astype(np.float32)),
        refused=refused,
    )


def read_landmarks(
    folder: str | Path, *, keep: Callable[[str], bool] = lambda key: True
) -> tuple[Tensor, list[str]]:
    """Return landmarks ``[N, 478, 2]`` and persons alone, as :func:`read_annotated_faces` does.

    Raises:
        InputError: if the annotations are missing or damaged.
    """
    arrays = read_annotations(folder, ("key", "landmarks_xy", "person"))
    kept = np.array([row for row, key in enumerate(arrays["key"]) if keep(str(key))])
    landmarks = torch.from_numpy(arrays["landmarks_xy"][kept].astype(np.float32)) / LANDMARK_STEPS
    return landmarks, arrays["person"][kept].tolist()


def trains(key: str) -> bool:
    """Return whether the photo of a key is one to train on, not one that reports measure."""
    return int(key) % HELD_OUT_DIVISOR != 0


def read_annotations(folder: str | Path, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return arrays of a folder's ``annotations.npz`` by name; ``person`` is empty where absent.

    Raises:
        InputError: if the file is missing or damaged, or lacks one of them.
    """
    path = Path(folder) / "annotations.npz"
    origin = Origin(
        str(path),
        "file of annotations",
        "give a folder by `smirk3d preprocess` with --faces, or --data.faces in training",
    )
    rules = {name: _RULES[name] for name in names}
    arrays = read_npz(origin.require_file(), origin, rules, budget=LARGEST_ANNOTATIONS)
    if "person" in names:
        arrays.setdefault("person", np.full(len(arrays["key"]), ""))
    if "key" in arrays:
        _check_keys(arrays["key"].tolist(), origin)
    return arrays


def _check_keys(keys: list[str], origin: Origin) -> None:
    if len(set(keys)) != len(keys):
        raise origin.refusal("it names a photo twice")
    for key in keys:
        if not (key.isascii() and key.isdigit() and len(key) <= _LONGEST_KEY):
            raise origin.refusal(f"the key {key!r} is no number of up to {_LONGEST_KEY} digits")


def _members(folder: Path) -> Iterator[tuple[str, bytes]]:
    for shard in sorted(folder.glob("[!.]*.tar")):  # what a killed run left starts with a dot
        origin = Origin(str(shard), "shard", "copy it again")
        with origin.refusing():
            for member in tar_members(shard, most_members=_MOST_MEMBERS):
                if member.size > _LARGEST_MEMBER:
                    raise Unfit(f"{member.name} has {member.size} bytes, a crop up to 16 MiB")
                yield member.name, member.read()


def _decode(data: bytes) -> Tensor:
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
        if picture.size != (CROP_SIZE, CROP_SIZE):
            width, height = picture.size
            raise ValueError(f"is {width} x {height}, not {CROP_SIZE} x {CROP_SIZE}")
        array = np.asarray(picture.convert("RGB"))
    return torch.from_numpy(array.copy()).permute(2, 0, 1)
