"""Lists of inputs in files: Parquet, CSV or JSONL, with a column ``uri``."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smirk3d.assets.foreign.json_text import parse_json, require_object
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.optional import require

LISTS = (".parquet", ".csv", ".jsonl")
"""Endings of lists of inputs."""

_COLUMNS = ("uri", "id", "start", "end")
_ROWS = 65536
"""Rows that are held at once: some megabytes."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An input as somebody listed it.

    Attributes:
        uri: path or address.
        id: given name, empty where none was given.
        start, end: the span in seconds; to the end of the file where end is None.
    """

    uri: str
    id: str = ""
    start: float = 0.0
    end: float | None = None


def listed_inputs(path: Path) -> Iterator[Listed]:
    """Yield the inputs of a list; paths in it are relative to its folder.

    Raises:
        InputError: if it is absent, damaged, has no column ``uri``, or a row is wrong.
        MissingExtra: if it is Parquet and pyarrow is not installed.
    """
    origin = Origin(
        str(path), "list of inputs", "give it a column uri, and id, start, end if need be"
    )
    origin.require_file()
    readers = {".parquet": _parquet_rows, ".csv": _csv_rows, ".jsonl": _json_rows}
    with origin.refusing():
        for number, row in enumerate(readers[path.suffix.lower()](path, origin), 1):
            try:
                yield _listed(row, path.parent)
            except (Unfit, ValueError, TypeError) as error:
                raise origin.refusal(f"row {number}: {error}") from error


def _listed(row: Mapping[str, Any], folder: Path) -> Listed:
    uri, name = row.get("uri"), row.get("id")
    if not isinstance(uri, str) or not uri or "\0" in uri:
        raise Unfit(f"its uri is {uri!r}")
    start, end = _seconds(row.get("start")), _seconds(row.get("end"))
    if end is not None and end <= (start or 0.0):
        raise Unfit(f"it ends at {end:g} s, before its start")
    if "://" not in uri:
        uri = os.path.join(folder, uri)  # noqa: PTH118  # Path would normalize what the user wrote
    return Listed(uri, "" if name is None else str(name), start or 0.0, end)


def _seconds(value: object) -> float | None:
    if value is None or value == "":
        return None
    seconds = float(value)  # type: ignore[arg-type]
    if math.isnan(seconds):
        return None
    if not 0 <= seconds < math.inf:
        raise Unfit(f"{seconds:g} is no time in seconds")
    return seconds


def _parquet_rows(path: Path, origin: Origin) -> Iterator[Mapping[str, Any]]:
    parquet = require("pyarrow.parquet", extra="corpus")
    with parquet.ParquetFile(path) as file:
        names = [name for name in _COLUMNS if name in file.schema_arrow.names]
        _require_uri(names)
        for batch in file.iter_batches(_ROWS, columns=names):
            columns = [batch.column(name).to_pylist() for name in names]
            for values in zip(*columns, strict=True):
                yield dict(zip(names, values, strict=True))


def _csv_rows(path: Path, origin: Origin) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        _require_uri(reader.fieldnames or ())
        yield from reader


def _json_rows(path: Path, origin: Origin) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield require_object(parse_json(line, origin))


def _require_uri(names: Any) -> None:
    if "uri" not in names:
        raise Unfit(f"it has no column uri, but {', '.join(map(str, names)) or 'none'}")
