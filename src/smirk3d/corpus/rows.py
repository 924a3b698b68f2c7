"""The row of an input, and the journal that rows are committed to.

An input is done when its row is in a journal, a file to which one run appends. A row that a killed
run left torn is no row. Times of commits stand in the journal alone, so that tables made of equal
results are equal.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from sys import intern
from typing import Any, Literal, get_args

from smirk3d.assets.atomic import output_error
from smirk3d.assets.foreign.json_text import parse_json
from smirk3d.assets.foreign.origin import Origin
from smirk3d.closing import Closing
from smirk3d.corpus.manifest import InPieces
from smirk3d.errors import InputError

Status = Literal["done", "failed", "skipped"]
_STATUSES = set(get_args(Status))

JOURNALS = "journals"
"""The folder of journals inside of a corpus's own folder."""

_SYNC_EVERY = 1.0
"""Seconds of rows that a loss of power costs at most; a kill costs none."""
_BLOCK = 3 << 20
"""Bytes of lines that are parsed at once: some thousand rows."""


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


Outcome = ClipRow | InPieces | None
"""What becomes of a job: the row of its input, done or failed; that the input is to be tracked in
pieces; or None, for a piece that is tracked."""

COLUMNS = tuple(field.name for field in fields(ClipRow))
_SHARED = frozenset(
    ("status", "reason", "head", "head_fingerprint", "weights", "weights_sha256", "version")
)
"""Columns whose texts many rows have in common."""
_TEXT: set[type] = {str}
_WHOLE: set[type] = {int}
_REAL: set[type] = {float, int}
_KINDS: dict[str, set[type]] = {
    "start": _REAL, "end": _REAL | {type(None)}, "seconds": _REAL, "frames": _WHOLE,
    "faces": _WHOLE,
}  # fmt: skip
"""Types that JSON gives the values of columns that are no texts."""


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


class RowTable(Mapping[str, ClipRow]):
    """The newest row of each input, by id.

    Values are kept by column: an object for each of a million rows takes more time and memory than
    all that is done with them.

    Attributes:
        columns: lists of values by name, one value for each row that was read, replaced ones too.
        places: where the newest row of each id is in these lists.
    """

    def __init__(self) -> None:
        """Begin without rows."""
        self.columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self.places: dict[str, int] = {}
        self._times: list[float] = []

    def __getitem__(self, name: str) -> ClipRow:
        """Return the row of an id.

        Raises:
            KeyError: if it has none.
        """
        place = self.places[name]
        return ClipRow(**{column: values[place] for column, values in self.columns.items()})

    def __iter__(self) -> Iterator[str]:
        """Yield the ids."""
        return iter(self.places)

    def __len__(self) -> int:
        """Number of inputs that have a row."""
        return len(self.places)

    def sorted_columns(self) -> dict[str, list[Any]]:
        """Return the values of each column, ordered by id."""
        order = [self.places[name] for name in sorted(self.places)]
        return {name: list(map(values.__getitem__, order)) for name, values in self.columns.items()}

    def extend(self, block: Sequence[Sequence[Any]]) -> None:
        """Take in rows ``[time, *columns]`` that were checked."""
        times, *columns = zip(*block, strict=True)
        places, known = self.places, self._times
        for place, (name, when) in enumerate(zip(columns[0], times, strict=True), len(known)):
            before = places.setdefault(name, place)
            if before != place:
                before_when = known[before] if before < len(known) else times[before - len(known)]
                if before_when <= when:
                    places[name] = place
        known.extend(times)
        for name, values in zip(COLUMNS, columns, strict=True):
            self.columns[name].extend(map(intern, values) if name in _SHARED else values)


def read_rows(folder: Path) -> RowTable:
    """Return the newest row of each input of all journals of a corpus.

    Args:
        folder: the corpus's own folder.
    """
    table = RowTable()
    for path in sorted((folder / JOURNALS).glob("*.jsonl")):
        for block in _blocks(path):
            table.extend(block)
    return table


def _blocks(path: Path) -> Iterator[list[list[Any]]]:
    """Yield the rows of a journal, many at once; torn and foreign lines are left out."""
    origin = Origin(str(path), "journal of a corpus", "remove it, and its clips are done again")
    with path.open("rb") as file:
        while lines := file.readlines(_BLOCK):
            rows = _values(lines, origin)
            if not _fit(rows):
                rows = [row for row in rows if _fit([row])]
            if rows:
                yield rows


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


def _fit(rows: Sequence[Any]) -> bool:
    """Return whether values are rows ``[time, *columns]`` of the right types, all of them."""
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {1 + len(COLUMNS)}:
        return False
    times, *columns = zip(*rows, strict=True)
    return (
        set(map(type, times)) <= _REAL
        and all(
            set(map(type, values)) <= _KINDS.get(name, _TEXT)
            for name, values in zip(COLUMNS, columns, strict=True)
        )
        and set(columns[COLUMNS.index("status")]) <= _STATUSES
    )
