"""``smirk3d export``: a result to other formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass
class Export:
    """Write the faces of a result in other formats, into its folder or another."""

    result: Annotated[Path, tyro.conf.Positional]
    """A result folder, as reconstruct made it."""
    format: str = "glb"
    """Formats, separated by commas."""
    out: Path | None = None
    """Folder for the files; the result's own unless given."""

    def run(self) -> int:
        """Do it and return the exit code."""
        from smirk3d.export.formats import parse_formats, write_face
        from smirk3d.export.result import read_result
        from smirk3d.heads.registry import load_head

        formats = parse_formats(self.format)
        record = read_result(self.result)
        head = load_head(record.head)
        record.check_head(head)
        folder = self.out or self.result
        for number, face in enumerate(record.faces):
            for name in formats:
                path = write_face(name, folder / f"face-{number}", head, face.parameters)
                print(path)
        return 0


COMMAND = Export
