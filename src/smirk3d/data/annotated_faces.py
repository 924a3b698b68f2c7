"""Face photos with detected landmarks, decoded into memory.

A folder holds tar shards of 224 x 224 JPEGs and ``annotations.npz`` (``../shared/faces`` is one;
its README names the arrays). Small enough photos stay in memory as uint8, so that a GPU is never
kept waiting and batches are plain indexing.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import InputError

HELD_OUT_DIVISOR = 29
"""Photos whose key's number is divisible by this never train: they are what reports measure."""

_ARRAYS = ("key", "source", "landmarks_xy", "blendshapes", "blendshape_names", "oval_inside")
LANDMARK_STEPS = 32
"""Stored landmarks are whole numbers of this part of a pixel."""


@dataclass(frozen=True)
class AnnotatedFaces:
    """N photos and what is known of them.

    Attributes:
        keys: file stems ``[N]``.
        images: uint8 ``[N, 3, 224, 224]``.
        landmarks: ``[N, 478, 2]`` in crop pixels.
        blendshapes: MediaPipe's estimates ``[N, 52]`` in the order of ``blendshape_names``.
        blendshape_names: ``_neutral`` and 51 of ARKit's names.
        sources: where each photo comes from ``[N]``.
        persons: who is on it ``[N]``, empty where unknown.
        oval_inside: share of the face inside the original picture ``[N]``; the rest is black.
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
    arrays = _annotations(folder / "annotations.npz")
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
        except (OSError, ValueError) as error:
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
    arrays = _annotations(Path(folder) / "annotations.npz")
    kept = np.array([row for row, key in enumerate(arrays["key"]) if keep(str(key))])
    landmarks = torch.from_numpy(arrays["landmarks_xy"][kept].astype(np.float32)) / LANDMARK_STEPS
    return landmarks, arrays["person"][kept].tolist()


def trains(key: str) -> bool:
    """Return whether the photo of a key is one to train on, not one that reports measure."""
    return int(key) % HELD_OUT_DIVISOR != 0


def _annotations(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a folder of shards with annotations.npz")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _ARRAYS}
            nobody = np.full(len(arrays["key"]), "")
            arrays["person"] = file["person"] if "person" in file.files else nobody
            return arrays
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: damaged or of another kind ({error})") from error


def _members(folder: Path) -> Iterator[tuple[str, bytes]]:
    for shard in sorted(folder.glob("[!.]*.tar")):  # what a killed run left starts with a dot
        try:
            with tarfile.open(shard) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    if file is not None:
                        yield member.name, file.read()
        except (tarfile.TarError, OSError) as error:
            raise InputError(f"{shard}: damaged shard ({error}); copy it again") from error


def _decode(data: bytes) -> Tensor:
    with Image.open(io.BytesIO(data)) as picture:
        array = np.asarray(picture.convert("RGB"))
    if array.shape != (CROP_SIZE, CROP_SIZE, 3):
        raise ValueError(f"is {array.shape[1]} x {array.shape[0]}, not {CROP_SIZE} x {CROP_SIZE}")
    return torch.from_numpy(array.copy()).permute(2, 0, 1)
