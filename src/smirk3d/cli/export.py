"""``smirk3d export``: a result to other formats, or onto another head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from smirk3d.export.result import ResultRecord
    from smirk3d.face_parameters import FaceParameters
    from smirk3d.heads.head_model import HeadModel


@dataclass
class Export:
    """Write the faces of a result in other formats, into its folder or another."""

    result: Annotated[Path, tyro.conf.Positional]
    """A result folder, as reconstruct made it."""
    format: str = "glb"
    """Formats, separated by commas: glb, obj, ply, usd, npz, json, arkit-csv, flame, html,
    turntable, figure."""
    out: Path | None = None
    """Folder for the files; the result's own unless given."""
    head: str | None = None
    """File of the result's head, where it is not installed under its name."""
    to_head: str | None = None
    """Name or file of another head to carry the faces to first; says what is lost, in mm."""
    neutral: Path | None = None
    """Result folder of the same person at rest: with --to-head, expressions count from there."""

    def run(self) -> int:
        """Do it and return the exit code."""
        from smirk3d.errors import InputError
        from smirk3d.export.formats import Picture, parse_formats, write_face
        from smirk3d.export.result import read_photo, read_result
        from smirk3d.heads.registry import load_head

        formats = parse_formats(self.format)
        if self.neutral and not self.to_head:
            raise InputError("--neutral calibrates a conversion: give --to-head as well")
        record = read_result(self.result)
        head = load_head(self.head or record.head)
        record.check_head(head)
        faces = [face.parameters for face in record.faces]
        suffix = ""
        if self.to_head and faces:
            source, head = head, load_head(self.to_head)
            faces = self._carried(record, source, head)
            suffix = f"-{head.name}"
        folder = self.out or self.result
        photo = read_photo(self.result)
        for number, (found, parameters) in enumerate(zip(record.faces, faces, strict=True)):
            picture = Picture(
                path=record.input,
                size=record.image_size,
                T_crop_image=found.T_crop_image,
                pixels=photo,
            )
            stem = folder / f"face-{number}{suffix}"
            for name in formats:
                print(write_face(name, stem, head, parameters, picture))
        return 0

    def _carried(
        self, record: ResultRecord, source: HeadModel, target: HeadModel
    ) -> list[FaceParameters]:
        """Return the faces on another head, and print how far each is off."""
        from smirk3d.face_parameters import FaceParameters
        from smirk3d.fitting.conversion import convert_parameters

        carried = convert_parameters(
            source,
            target,
            FaceParameters.cat([face.parameters[None] for face in record.faces]),
            neutral=self._rest(source, len(record.faces)),
        )
        errors = zip(carried.expression_error, carried.surface_error, strict=True)
        for number, (moved, shaped) in enumerate(errors):
            print(
                f"face {number}: {source.name} to {target.name}, on average the expression is off"
                f" by {moved:.2f} mm, the face by {shaped:.2f} mm"
            )
        return [carried.parameters[number] for number in range(len(record.faces))]

    def _rest(self, source: HeadModel, count: int) -> FaceParameters | None:
        """Return the parameters of the person at rest."""
        if self.neutral is None:
            return None
        from smirk3d.errors import InputError
        from smirk3d.export.result import read_result

        record = read_result(self.neutral)
        record.check_head(source)
        if len(record.faces) != 1 or count != 1:
            raise InputError(
                f"{self.neutral} has {len(record.faces)} faces and {self.result} {count}:"
                " --neutral needs one person, alone in both"
            )
        return record.faces[0].parameters[None]


COMMAND = Export
