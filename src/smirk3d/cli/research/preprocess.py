"""``smirk3d preprocess``: photos and videos to training shards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.support.common_options import CountBar
from smirk3d.cli.support.corpus_options import Engines
from smirk3d.cli.support.terminal import complain, failure, say
from smirk3d.cli.support.usage import FAILED, check_head
from smirk3d.data.adapters import ADAPTERS, MediaItem, media_items
from smirk3d.data.preprocess_config import PreprocessConfig
from smirk3d.errors import InputError, UsageError


@dataclass
class Preprocess:
    """Turn data sets into shards of face crops with landmarks, quality and fits.

    A run that was cut off goes on when it is started again. What was not wanted stands with the
    reason in OUT/refused.json, what could not be read in OUT/failed.json: then the exit code is 3.
    """

    data: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Folders, each with its layout before it unless it is just photos and videos: ffhq=DIR,
    celeba=DIR, lrs2=DIR, lrs3=DIR, mead=DIR, DIR."""
    out: Path
    """Folder for the shards."""
    split: Literal["train", "val", "test"] = "train"
    """Split of the data sets."""
    head: str = DEFAULT_HEAD
    """Head whose fits are kept beside the shards as pseudo-labels; none for no fits."""
    engines: tyro.conf.OmitArgPrefixes[Engines] = field(default_factory=Engines)
    settings: Annotated[PreprocessConfig, tyro.conf.arg(name="")] = field(
        default_factory=PreprocessConfig
    )

    def run(self) -> int:
        """Do it and return the exit code."""
        layouts = [_layout(entry) for entry in self.data]
        self._check()
        from smirk3d.data.preprocess import preprocess
        from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector

        items = self._items(layouts)
        report = preprocess(
            items, self.out, self.settings, MediaPipeFaceDetector,
            engine=self.engines.make_engine(self.settings.processes),
            part=self.engines.shard_numbers(), on_progress=CountBar("shards"),
        )  # fmt: skip
        if report.missing:
            say(f"{report.missing} shards are left to the other runs: the last one joins them")
            return 0
        say(f"{report.faces} faces in {self.out}")
        if report.refused:
            say(f"{len(report.refused)} refused: {self.out / 'refused.json'}")
        if self.head != "none":
            self._fit()
        if not report.failed:
            return 0
        complain(f"{len(report.failed)} files could not be read: {self.out / 'failed.json'}")
        return FAILED

    def _check(self) -> None:
        if not self.data:
            raise UsageError("no data given: smirk3d preprocess ffhq=DIR mead=DIR --out SHARDS")
        if self.head != "none":
            check_head(self.head)
        self.engines.check()

    def _items(self, layouts: list[tuple[str, str]]) -> list[MediaItem]:
        """Return all files; a folder that holds none is an error before any work, and all are said.

        What a folder of shards is for is settled by its first run, so that none may be left out.
        """
        items: list[MediaItem] = []
        failed = False
        for layout, folder in layouts:
            try:
                items += media_items(folder, layout, self.split)
            except Exception as error:
                complain(failure(folder, error))
                failed = True
        if failed:
            raise InputError("nothing was done: correct or leave out these folders")
        return items

    def _fit(self) -> None:
        from smirk3d.data.annotated_faces import read_landmarks, trains
        from smirk3d.heads.registry import load_head
        from smirk3d.training.fitted_targets import fits_path, fitted_targets

        head = load_head(self.head)
        landmarks, persons = read_landmarks(self.out, keep=trains)
        path = fits_path(self.out, head)
        fitted_targets(
            head, landmarks, path, persons=persons, processes=max(1, self.settings.processes),
            on_progress=CountBar("fits"),
        )  # fmt: skip
        say(path)


def _layout(entry: str) -> tuple[str, str]:
    """Return layout and folder of ``LAYOUT=FOLDER`` or ``FOLDER``."""
    layout, equals, folder = entry.partition("=")
    if equals and layout in ADAPTERS:
        return layout, folder
    if equals and not Path(entry).is_dir():
        raise UsageError(f"no layout {layout!r}: there are {', '.join(ADAPTERS)}")
    return "folder", entry


COMMAND = Preprocess
