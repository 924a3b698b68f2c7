"""Reports: tables in Markdown and JSON, pictures, and the environment of the measurement."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import read_json_file, require_object
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.errors import OutputError, printable
from smirk3d.evaluation.environment import environment, environment_line

SCHEMA = "smirk3d.evaluation/1"

Cell = str | int | float | None
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Table:
    """A table of figures.

    Attributes:
        title: a sentence above the table.
        columns: headings; the first column names the rows.
        rows: one cell for each column; None or nan gives an empty cell.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [" | ".join(self.columns), " | ".join("---" for _ in self.columns)]
        lines += [" | ".join(map(_shown, row)) for row in self.rows]
        return "\n".join(f"| {line} |" for line in lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the table as JSON values: its title and a list of rows by heading."""
        rows = [
            {name: _plain(cell) for name, cell in zip(self.columns, row, strict=True)}
            for row in self.rows
        ]
        return {"title": self.title, "rows": rows}


@dataclass(frozen=True)
class Section:
    """Results of one protocol.

    Attributes:
        name: name of the protocol.
        about: data, alignment and metric in a few sentences.
        tables: tables of figures.
        pictures: pictures by name, uint8 ``[H, W, 3]``.
        seconds: wall-clock time of the protocol.
    """

    name: str
    about: str
    tables: Sequence[Table]
    pictures: dict[str, Picture] = field(default_factory=dict)
    seconds: float = 0.0


def check_report_folder(out: str | Path) -> None:
    """Refuse a folder with a report of another program.

    Raises:
        OutputError: if the folder holds a report that smirk3d did not write.
    """
    text, data = Path(out) / "report.md", Path(out) / "report.json"
    origin = Origin(str(data), "report", "give another folder with --out", OutputError)
    try:
        known = require_object(read_json_file(origin)).get("schema") == SCHEMA
    except (OutputError, Unfit):
        known = False
    for path in (data, text):
        if not known and os.path.lexists(path):
            raise OutputError(
                f"{path} was not written by smirk3d evaluate: give another folder with --out"
            )


def write_report(
    out: str | Path,
    sections: Sequence[Section],
    settings: dict[str, Any],
    failed: Mapping[str, str] | None = None,
) -> tuple[Path, Path]:
    """Write ``report.md``, ``report.json`` and pictures to a folder.

    Args:
        out: folder, created where it is absent.
        sections: results of the protocols.
        settings: settings of the evaluation, which the report repeats.
        failed: reason by name of each protocol and method that failed.

    Returns:
        The paths of ``report.md`` and ``report.json``.

    Raises:
        OutputError: if they cannot be written.
    """
    out = Path(out)
    where = environment()
    lines = ["# Evaluation", "", environment_line(where), ""]
    lines += [f"Settings: {', '.join(f'{k} {v}' for k, v in settings.items())}."]
    for section in sections:
        lines += ["", f"## {section.name}", "", f"{section.about} ({section.seconds:.0f} s)"]
        for table in section.tables:
            lines += ["", table.title, "", table.markdown()]
        for name, picture in section.pictures.items():
            file = f"{section.name}-{name}.png"
            with atomic_path(out / file) as temporary:
                Image.fromarray(picture).save(temporary, format="png")
            lines += ["", f"![{name}]({file})"]
    for name, why in (failed or {}).items():
        lines += ["", f"## {name}", "", f"Failed: {why}"]
    document = {
        "schema": SCHEMA,
        "environment": where,
        "settings": settings,
        "protocols": [
            {
                "name": section.name,
                "about": section.about,
                "seconds": round(section.seconds, 1),
                "tables": [table.as_dict() for table in section.tables],
                "pictures": [f"{section.name}-{name}.png" for name in section.pictures],
            }
            for section in sections
        ],
        "failed": dict(failed or {}),
    }
    text, data = out / "report.md", out / "report.json"
    content = json.dumps(document, indent=1, default=str) + "\n"
    lines = [printable(line) for line in "\n".join(lines).split("\n")]
    # the file that marks the report as ours is written first
    for path, written in ((data, content), (text, "\n".join(lines) + "\n")):
        with atomic_path(path) as temporary:
            temporary.write_text(written, encoding="utf-8")
    return text, data


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, (float, np.floating)):
        return float(cell) if math.isfinite(cell) else None
    return int(cell) if isinstance(cell, np.integer) else cell


def _shown(cell: Cell) -> str:
    cell = _plain(cell)
    if cell is None:
        return ""
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
