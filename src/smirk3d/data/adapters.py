"""Layouts of data sets: which files there are, who is on them, and in which split they belong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smirk3d.errors import InputError

Split = Literal["train", "val", "test"]

PHOTO_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".bmp",
        ".tif",
        ".tiff",
        ".avif",
        ".heic",
        ".heif",
        ".jp2",
        ".gif",
    ]
)
VIDEO_SUFFIXES = frozenset(
    [".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"]
)


@dataclass(frozen=True, kw_only=True)
class MediaItem:
    """A photo or video of a data set.

    Attributes:
        path: path of the file.
        source: name of the data set, by which fractions are given.
        person: name of the person, empty where unknown.
        label: name of the expression, empty where unknown.
        split: split that it belongs to.
    """

    path: Path
    source: str
    person: str = ""
    label: str = ""
    split: Split = "train"

    @property
    def is_video(self) -> bool:
        """Whether the file is a video, by its ending."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


MEAD_VALIDATION = frozenset(["M013", "M023", "M042", "W018", "W028"])
MEAD_TEST = frozenset(["M005", "M022", "M028", "W029", "W033"])
"""Subjects outside training in SMIRK's published split of MEAD; all others train."""

_MEAD_FRONT = "front"
_MEAD_SIDES = frozenset(["left_30", "left_60", "right_30", "right_60"])

_FFHQ_FIRST_TEST = 60_000
"""FFHQ's authors train on the first 60,000 of its pictures."""

_CELEBA_SPLITS: dict[str, Split] = {"0": "train", "1": "val", "2": "test"}


def folder_items(root: Path) -> Iterator[MediaItem]:
    """Yield all photos and videos under a folder, sorted; the source is the folder's name."""
    for path in _files(root, PHOTO_SUFFIXES | VIDEO_SUFFIXES):
        yield MediaItem(path=path, source=root.resolve().name)


def ffhq_items(root: Path) -> Iterator[MediaItem]:
    """Yield FFHQ's pictures: ``*/NNNNN.png``, wherever its folders lie; each another person."""
    for path in _files(root, PHOTO_SUFFIXES):
        if path.stem.isdigit():
            split: Split = "train" if int(path.stem) < _FFHQ_FIRST_TEST else "test"
            yield MediaItem(path=path, source="ffhq", person=path.stem, split=split)


def celeba_items(root: Path) -> Iterator[MediaItem]:
    """Yield CelebA's pictures with persons and splits from its lists, where those are there.

    ``identity_CelebA.txt`` and ``list_eval_partition.txt`` may lie anywhere under the folder.
    """
    persons = _table(root, "identity_CelebA.txt")
    splits = _table(root, "list_eval_partition.txt")
    for path in _files(root, PHOTO_SUFFIXES):
        name = path.with_suffix(".jpg").name
        split = _CELEBA_SPLITS.get(splits.get(name, "0"), "train")
        yield MediaItem(path=path, source="celeba", person=persons.get(name, ""), split=split)


def lrs_items(root: Path, source: str) -> Iterator[MediaItem]:
    """Yield the videos of LRS2 or LRS3; the folder of a video is its person.

    LRS3 has the folders ``pretrain``, ``trainval`` and ``test``; LRS2 has ``pretrain`` and ``main``
    with lists ``val.txt`` and ``test.txt`` of ``PERSON/CLIP`` in the root.
    """
    listed: dict[str, Split] = {}
    splits: tuple[Split, ...] = ("val", "test")
    for split in splits:
        path = root / f"{split}.txt"
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            listed |= {line.split()[0]: split for line in lines if line.split()}
    for path in _files(root, VIDEO_SUFFIXES):
        part = path.relative_to(root).parts[0]
        clip = f"{path.parent.name}/{path.stem}"
        split = "test" if part == "test" else "train"
        if part == "main":
            split = listed.get(clip, "train")
        yield MediaItem(path=path, source=source, person=path.parent.name, split=split)


def mead_items(root: Path) -> Iterator[MediaItem]:
    """Yield MEAD's videos with SMIRK's split of its subjects.

    Its own layout is ``SUBJECT/video/VIEW/EMOTION/level_N/NNN.mp4``; files named
    ``SUBJECT_..._EMOTION_...`` in one folder a view are understood too. Front views have the source
    ``mead``, side views ``mead_sides``; views from above and below are left out.
    """
    emotions = ["neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised"]
    for path in _files(root, VIDEO_SUFFIXES):
        words = [*path.relative_to(root).parts[:-1], *path.stem.split("_")]
        subject = next((word for word in words if re.fullmatch(r"[MW]\d{3}", word)), None)
        if subject is None:
            continue
        folders = path.relative_to(root).parts[:-1]
        views = {folder.removeprefix("videos_") for folder in folders}
        seen = views & (_MEAD_SIDES | {_MEAD_FRONT, "top", "down"})
        if seen and not seen & (_MEAD_SIDES | {_MEAD_FRONT}):
            continue
        split: Split = "train"
        if subject in MEAD_VALIDATION | MEAD_TEST:
            split = "val" if subject in MEAD_VALIDATION else "test"
        yield MediaItem(
            path=path,
            source="mead_sides" if seen & _MEAD_SIDES else "mead",
            person=subject,
            label=next((word for word in words if word in emotions), ""),
            split=split,
        )


ADAPTERS: dict[str, Callable[[Path], Iterator[MediaItem]]] = {
    "folder": folder_items,
    "ffhq": ffhq_items,
    "celeba": celeba_items,
    "lrs2": lambda root: lrs_items(root, "lrs2"),
    "lrs3": lambda root: lrs_items(root, "lrs3"),
    "mead": mead_items,
}
"""Layouts by name."""


def media_items(
    root: str | Path, layout: str = "folder", split: Split = "train"
) -> list[MediaItem]:
    """Return a data set's items of a split, in an order that depends on their paths alone.

    Raises:
        InputError: if the layout is unknown, the folder absent, or nothing is found in it.
    """
    root = Path(root)
    if layout not in ADAPTERS:
        raise InputError(f"no layout {layout!r}: there are {', '.join(ADAPTERS)}")
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    items = [item for item in ADAPTERS[layout](root) if item.split == split]
    if not items:
        raise InputError(f"{root}: no photos or videos of the layout {layout!r}, split {split!r}")
    return items


def _files(root: Path, suffixes: frozenset[str]) -> list[Path]:
    found = (path for path in root.rglob("*") if path.suffix.lower() in suffixes)
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def _table(root: Path, name: str) -> dict[str, str]:
    """Return the first two columns of a list under the folder, empty where it is absent."""
    path = next(iter(sorted(root.rglob(name))), None)
    if path is None:
        return {}
    rows = (
        line.split()
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    )
    return {row[0]: row[1] for row in rows if len(row) >= 2}
