"""``smirk3d corpus``: the state of many results, and why some failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from smirk3d.cli.support.terminal import say
from smirk3d.cli.support.usage import FAILED, check_ending, check_number
from smirk3d.corpus.derived_names import parse_derived
from smirk3d.errors import UsageError


@dataclass
class CorpusState:
    """Say how far a corpus is: counts, what is to do, and failures by reason.

    A corpus is the folder that `smirk3d track FOLDER --out DIR` or `reconstruct FOLDER` makes. Exit
    code 3 when some of its inputs failed.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of the corpus."""
    sheet: Path | None = None
    """PNG to write: overlays of a sample of the results."""
    sample: int = 20
    """Results on the sheet."""
    faces: Path | None = None
    """File to write, .parquet or .csv: the table of all faces in one file, with --derived."""
    derived: str = ""
    """Columns to add to --faces, separated by commas: facs (action units), asymmetry, blinks,
    speech."""

    def run(self) -> int:
        """Do it and return the exit code."""
        derived = parse_derived(self.derived)
        if derived and self.faces is None:
            raise UsageError(
                f"--derived {self.derived} adds columns to a table: name it by --faces"
            )
        check_number("--sample", self.sample, 1, 1000)
        if self.sheet is not None:
            check_ending(self.sheet, (".png",), "a contact sheet is a PNG")
        if self.faces is not None:
            check_ending(self.faces, (".parquet", ".csv"), "a table is Parquet or CSV")

        from smirk3d.corpus.state import corpus_report, has_failures

        for line in corpus_report(self.folder):
            say(line)
        if self.sheet is not None:
            from smirk3d.corpus.sheet import write_sheet

            say(f"{write_sheet(self.folder, self.sheet, self.sample)} results -> {self.sheet}")
        if self.faces is not None:
            from smirk3d.corpus.reading import write_faces

            say(f"{write_faces(self.folder, self.faces, derived):,} rows -> {self.faces}")
        return FAILED if has_failures(self.folder) else 0


COMMAND = CorpusState
