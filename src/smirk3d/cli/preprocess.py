"""``smirk3d preprocess``: photos and videos to training shards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smirk3d.cli.common_options import CountBar
from smirk3d.data.adapters import ADAPTERS, MediaItem, Split, media_items
from smirk3d.data.preprocess import PreprocessConfig
from smirk3d.errors import InputError


@dataclass
class Preprocess:
    """Turn data sets into shards of face crops with landmarks, quality and fits.

    A run that was cut off goes on when it is started again. What was refused stands with the reason
    in OUT/refused.json.
    """

    data: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Folders, each with its layout before it unless it is just photos and videos: ffhq=DIR,
    celeba=DIR, lrs2=DIR, lrs3=DIR, mead=DIR, DIR."""
    out: Path
    """Folder for the shards."""
    split: Literal["train", "val", "test"] = "train"
    """Split of the data sets."""
    head: str = "open"
    """Head whose fits are kept beside the shards as warm starts; none for no fits."""
    settings: Annotated[PreprocessConfig, tyro.conf.arg(name="")] = field(
        default_factory=PreprocessConfig
    )

    def run(self) -> int:
        """Do it and return the exit code."""
        from smirk3d.data.preprocess import preprocess
        from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector

        if not self.data:
            raise InputError("no data given: smirk3d preprocess ffhq=DIR mead=DIR --out SHARDS")
        items = [item for entry in self.data for item in _items(entry, self.split)]
        report = preprocess(
            items, self.out, self.settings, MediaPipeFaceDetector, on_progress=CountBar("shards")
        )
        print(f"{report.faces} faces in {self.out}")
        if report.refused:
            print(f"{len(report.refused)} refused: {self.out / 'refused.json'}")
        if self.head != "none":
            self._fit()
        return 0

    def _fit(self) -> None:
        from smirk3d.data.annotated_faces import read_landmarks, trains
        from smirk3d.heads.registry import load_head
        from smirk3d.training.fitted_targets import fits_path, fitted_targets

        head = load_head(self.head)
        landmarks, persons = read_landmarks(self.out, keep=trains)
        path = fits_path(self.out, head)
        fitted_targets(
            head, landmarks, path, persons=persons, processes=self.settings.processes,
            on_progress=CountBar("fits"),
        )  # fmt: skip
        print(path)


def _items(entry: str, split: Split) -> list[MediaItem]:
    layout, equals, folder = entry.partition("=")
    if equals and layout in ADAPTERS:
        return media_items(folder, layout, split)
    if not Path(entry).is_dir() and equals:
        raise InputError(f"no layout {layout!r}: there are {', '.join(ADAPTERS)}")
    return media_items(entry, split=split)


COMMAND = Preprocess
