"""The row of an input, and the journal that rows are committed to.

An input is done when its row is in a journal, a file to which one run appends. A row that a killed
run left torn is no row. Times of commits stand in the journal alone, so that tables made of equal
results are equal.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from sys import intern
from typing import Any, Literal

from smirk3d.assets.atomic import output_error
from smirk3d.assets.foreign.json_text import parse_json
from smirk3d.assets.foreign.origin import Origin
from smirk3d.closing import Closing
from smirk3d.errors import InputError

Status = Literal["done", "failed", "skipped"]

JOURNALS = "journals"
"""The folder of journals inside of a corpus's own folder."""

_SYNC_EVERY = 1.0
"""Seconds of rows that a loss of power costs at most; a kill costs none."""
_LINES = 8192
"""Lines that are parsed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRow:
    """What became of an input; a row of ``clips.parquet``.

    Attributes:
        id: name of the input, and of its folder of results.
        uri: path or address.
        start, end: span in seconds; to the end of the file where end is None.
        digest: hash of the content of the file, empty where it was not read.
        status: ``done``, ``failed`` or ``skipped``.
        reason: why it is not done, in one line; empty where it is.
        note: what its result lacks, such as the end of a damaged file; empty for most.
        folder: folder of the result relative to the corpus's, empty where there is none.
        frames: number of frames, 1 for a photo.
        faces: number of people in a video, of faces in a photo.
        seconds: length of the video, or of the span.
        head, head_fingerprint: head of the parameters, and the hash over its arrays.
        weights, weights_sha256: weights, ``none`` for a fit, and the hash of their file.
        version: of smirk3d.
        job: hash of the settings that the result depends on, head and weights among them.
    """

    id: str
    uri: str
    start: float = 0.0
    end: float | None = None
    digest: str = ""
    status: Status
    reason: str = ""
    note: str = ""
    folder: str = ""
    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    head: str = ""
    head_fingerprint: str = ""
    weights: str = ""
    weights_sha256: str = ""
    version: str = ""
    job: str = ""


COLUMNS = tuple(field.name for field in fields(ClipRow))
_SHARED = frozenset(
    ("status", "reason", "head", "head_fingerprint", "weights", "weights_sha256", "version")
)
"""Columns whose texts many rows have in common."""
_NUMBERS = {"start": float, "frames": int, "faces": int, "seconds": float}


class Journal(Closing):
    """A file that rows are appended to, by one run at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make a journal; a torn line at its end is ended.

        Raises:
            OutputError: if it cannot be written.
        """
        self._path = path
        self._synced = 0.0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            if self._file.tell() and not _ends_a_line(path):
                self._file.write(b"\n")
        except OSError as error:
            raise output_error(path, error) from error

    def commit(self, row: ClipRow) -> None:
        """Append a row; from now on its input is done, whatever becomes of this process.

        Raises:
            OutputError: if it cannot be written.
        """
        line = json.dumps([round(time.time(), 6), *astuple(row)], ensure_ascii=True)
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
            if time.monotonic() - self._synced > _SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise output_error(self._path, error) from error

    def close(self) -> None:
        """Close the file; all rows are on the disk then."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def read_rows(folder: Path) -> dict[str, ClipRow]:
    """Return the newest row of each input, by id, of all journals of a corpus.

    Args:
        folder: the corpus's own folder.
    """
    newest: dict[str, tuple[float, ClipRow]] = {}
    for path in sorted((folder / JOURNALS).glob("*.jsonl")):
        for when, row in _rows_of(path):
            known = newest.get(row.id)
            if known is None or known[0] <= when:
                newest[row.id] = when, row
    return {name: row for name, (_, row) in newest.items()}


def _rows_of(path: Path) -> Iterator[tuple[float, ClipRow]]:
    origin = Origin(str(path), "journal of a corpus", "remove it, and its clips are done again")
    with path.open("rb") as file:
        while lines := file.readlines(_LINES * 400):
            for values in _values(lines, origin):
                row = _row(values)
                if row is not None:
                    yield float(values[0]), row


def _values(lines: Iterable[bytes], origin: Origin) -> list[Any]:
    """Return the values of whole lines; torn ones are left out."""
    try:
        found: list[Any] = parse_json(b"[" + b",".join(lines) + b"]", origin)
        return found
    except InputError:
        whole = []
        for line in lines:
            try:
                whole.append(parse_json(line, origin))
            except InputError:
                continue
        return whole


def _row(values: Any) -> ClipRow | None:
    if not isinstance(values, list) or len(values) != 1 + len(COLUMNS):
        return None
    try:
        float(values[0])
        row = {name: _cell(name, value) for name, value in zip(COLUMNS, values[1:], strict=True)}
    except (TypeError, ValueError):
        return None
    return ClipRow(**row)


def _cell(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        return _NUMBERS[name](value)
    if name == "end":
        return None if value is None else float(value)
    if not isinstance(value, str):
        raise TypeError(name)
    return intern(value) if name in _SHARED else value
