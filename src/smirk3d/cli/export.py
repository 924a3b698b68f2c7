"""``smirk3d export``: results in other formats, or of another head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smirk3d.assets.file_lists import listed_files
from smirk3d.assets.placing import placed
from smirk3d.assets.result_folders import record_files
from smirk3d.cli.support.terminal import complain, failure, say
from smirk3d.cli.support.usage import FAILED, check_head
from smirk3d.errors import InputError, UsageError
from smirk3d.export.format_names import parse_formats

if TYPE_CHECKING:
    from smirk3d.export.result import ResultRecord
    from smirk3d.faces import Face
    from smirk3d.heads.head_model import HeadModel
    from smirk3d.parameters.face_parameters import FaceParameters


@dataclass
class Export:
    """Write the faces of results in other formats, into their folders or another.

    Exit code 3 when some results failed; each is named with the reason, the others are done. Files
    that are there and that smirk3d did not write stay, unless they may be overwritten.
    """

    results: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Result folders, as reconstruct and track made them."""
    format: str = "glb"
    """Formats, separated by commas: glb, obj, ply, usd, npz, json, arkit-csv, flame, html,
    turntable, figure."""
    out: Path | None = None
    """Folder for the files, with a folder in it for each of several results; the results' own
    unless given."""
    overwrite: bool = False
    """Replace files of other content that are in the way."""
    head: str | None = None
    """File of the results' head, where it is not installed under its name."""
    to_head: str | None = None
    """Name or file of another head to convert the faces to first; prints the errors in mm."""
    neutral: Path | None = None
    """Result folder of the same person at rest: with --to-head, expressions count from there."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        formats = parse_formats(self.format)
        folders = self._check()
        failed = False
        for result, folder in zip(self.results, folders, strict=True):
            try:
                self._export(result, folder, formats)
            except Exception as error:
                complain(failure(result, error))
                failed = True
        return FAILED if failed else 0

    def _check(self) -> list[Path]:
        """Return the folder of each result's files; refuse options that cannot work."""
        if not self.results:
            raise UsageError("no result given: smirk3d export RESULT... --format glb")
        if self.neutral and not self.to_head:
            raise UsageError("--neutral calibrates a conversion: give --to-head as well")
        for head in (self.head, self.to_head):
            if head is not None:
                check_head(head)
        if self.out is None:
            return list(self.results)
        if len(self.results) == 1:
            return [self.out]
        names = [result.resolve().name for result in self.results]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"several results are named {name}: export each to its own --out")
        return [self.out / name for name in names]

    def _export(self, result: Path, folder: Path, formats: tuple[str, ...]) -> None:
        from smirk3d.export.formats import write_face
        from smirk3d.export.result import read_result
        from smirk3d.heads.registry import load_head

        record = read_result(result)
        head = load_head(self.head or record.head)
        record = record.with_head(head)
        faces = list(record.faces)
        suffix = ""
        if self.to_head and faces:
            source, head = head, load_head(self.to_head)
            faces = self._converted(result, record, source, head)
            suffix = f"-{head.name}"
        written: list[Path] = []
        with placed(folder, overwrite=self.overwrite, ours=listed_files(folder)) as staged:
            for number, face in enumerate(faces):
                stem = staged / f"face-{number}{suffix}"
                written += [write_face(name, stem, face) for name in formats]
        paths = [folder / path.name for path in written]
        record_files(folder, paths)
        for path in paths:
            say(path)

    def _converted(
        self, result: Path, record: ResultRecord, source: HeadModel, target: HeadModel
    ) -> list[Face]:
        """Return the faces converted to another head, and print the errors of each."""
        from smirk3d.fitting.conversion import convert_parameters
        from smirk3d.parameters.face_parameters import FaceParameters

        converted = convert_parameters(
            source,
            target,
            FaceParameters.cat([face.parameters[None] for face in record.faces]),
            neutral=self._rest(result, source, len(record.faces)),
        )
        errors = zip(converted.expression_error, converted.surface_error, strict=True)
        for number, (moved, shaped) in enumerate(errors):
            say(
                f"face {number}: {source.name} to {target.name}, on average the expression is off"
                f" by {moved:.2f} mm, the face by {shaped:.2f} mm"
            )
        return [
            replace(face, head=target, parameters=converted.parameters[number])
            for number, face in enumerate(record.faces)
        ]

    def _rest(self, result: Path, source: HeadModel, count: int) -> FaceParameters | None:
        """Return the parameters of the person at rest."""
        if self.neutral is None:
            return None
        from smirk3d.export.result import read_result

        record = read_result(self.neutral)
        record.check_head(source)
        if len(record.faces) != 1 or count != 1:
            raise InputError(
                f"{self.neutral} has {len(record.faces)} faces and {result} {count}:"
                " --neutral needs one person, alone in both"
            )
        return record.faces[0].parameters[None]


COMMAND = Export
