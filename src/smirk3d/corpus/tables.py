"""The two tables of a corpus: ``clips``, one row an input, and ``faces``, one file an input.

As Parquet, ``faces.parquet`` is a folder of files that every reader takes as one table. As CSV,
``faces.csv`` is joined of such files when a run ends. Equal results give equal bytes: rows are
ordered by id, frame and person, whoever made them.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path, output_error
from smirk3d.assets.locks import ENDING, FileLock
from smirk3d.assets.optional import require
from smirk3d.corpus.columns import FACE_COLUMNS, NUMBERS, Columns
from smirk3d.corpus.rows import COLUMNS, read_rows
from smirk3d.errors import OutputError

Table = Literal["parquet", "csv"]

OWN_FOLDER = ".smirk3d-corpus"
"""Folder inside of a corpus for what is no result: journals, the plan, parts of tables."""

_WHOLE = ("frames", "faces")
_REAL = ("start", "end", "seconds")
_WAIT = 120.0
"""Seconds to wait for another run that writes the tables; 10^6 rows take under a minute."""


def clips_path(out: Path, table: Table) -> Path:
    """Return the file of the table of inputs."""
    return out / f"clips.{table}"


def faces_path(out: Path, table: Table) -> Path:
    """Return the file or folder of the table of faces."""
    return out / f"faces.{table}"


def part_path(out: Path, table: Table, name: str) -> Path:
    """Return the file of one input's faces; a name that begins with ``_`` would be passed over."""
    folder = faces_path(out, table) if table == "parquet" else out / OWN_FOLDER / "faces"
    return folder / f"clip-{name}.{table}"


def write_part(path: Path, name: str, columns: Columns) -> None:
    """Write the faces of one input.

    Args:
        path: of :func:`part_path`.
        name: the input's id.
        columns: of :mod:`smirk3d.corpus.face_rows`.

    Raises:
        OutputError: if it cannot be written.
        MissingExtra: if it is Parquet and pyarrow is not installed.
    """
    seen = columns["person"] >= 0
    if path.suffix == ".csv":
        with atomic_path(path) as temporary:
            temporary.write_text(_csv_rows(name, columns, seen), encoding="utf-8")
        return
    arrow = require("pyarrow", extra="corpus")
    parquet = require("pyarrow.parquet", extra="corpus")
    arrays = [arrow.array([name] * len(seen), arrow.string())]
    for column in FACE_COLUMNS[1:]:
        values = columns[column]
        hidden = ~seen if column == "person" else np.isnan(values.astype(np.float64))
        arrays.append(arrow.array(values, mask=hidden))
    with atomic_path(path) as temporary:
        # another compression or level would give other bytes, not other values
        parquet.write_table(
            arrow.table(arrays, names=list(FACE_COLUMNS)), temporary, compression="zstd"
        )


def _csv_rows(name: str, columns: Columns, seen: NDArray[np.bool_]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = np.stack([columns[column] for column in NUMBERS], 1)
    for row in range(len(seen)):
        values = ["" if np.isnan(value) else f"{value:.6g}" for value in numbers[row].tolist()]
        person = int(columns["person"][row]) if seen[row] else ""
        frame, seconds = int(columns["frame"][row]), float(columns["seconds"][row])
        writer.writerow([name, frame, f"{seconds:.6f}".rstrip("0").rstrip("."), person, *values])
    return text.getvalue()


def write_tables(out: Path, table: Table) -> None:
    """Write the tables anew from all that is committed.

    Raises:
        OutputError: if they cannot be written.
        MissingExtra: if they are Parquet and pyarrow is not installed.
    """
    with _alone(out):
        columns = read_rows(out / OWN_FOLDER).sorted_columns()
        with atomic_path(clips_path(out, table)) as temporary:
            if table == "csv":
                _write_csv(temporary, COLUMNS, zip(*columns.values(), strict=True))
            else:
                _write_clips(temporary, columns)
        if table == "csv":
            done = zip(columns["id"], columns["status"], strict=True)
            _join_faces(out, [name for name, status in done if status == "done"])


def _alone(out: Path) -> FileLock:
    """Wait until no other run writes the tables, so that the last one writes all rows."""
    until = time.monotonic() + _WAIT
    path = out / OWN_FOLDER / f"tables{ENDING}"
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return FileLock(path, out)
        except OutputError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        except OSError as error:
            raise output_error(path, error) from error


def _write_clips(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    arrow = require("pyarrow", extra="corpus")
    parquet = require("pyarrow.parquet", extra="corpus")
    kinds: dict[str, Any] = {name: arrow.string() for name in COLUMNS}
    kinds |= {name: arrow.int64() for name in _WHOLE}
    kinds |= {name: arrow.float64() for name in _REAL}
    arrays = [arrow.array(columns[name], kinds[name]) for name in COLUMNS]
    parquet.write_table(arrow.table(arrays, names=list(COLUMNS)), path, compression="zstd")


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _join_faces(out: Path, names: Iterable[str]) -> None:
    with atomic_path(faces_path(out, "csv")) as temporary, temporary.open("wb") as file:
        file.write((",".join(FACE_COLUMNS) + "\n").encode())
        for name in names:
            part = part_path(out, "csv", name)
            if part.is_file():
                file.write(part.read_bytes())
