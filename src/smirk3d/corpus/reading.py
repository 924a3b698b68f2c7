"""The faces of a corpus as one table, for pandas or polars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.corpus.columns import FACE_COLUMNS
from smirk3d.corpus.derived import derive
from smirk3d.corpus.derived_names import Derived, parse_derived
from smirk3d.corpus.rows import read_rows
from smirk3d.corpus.state import read_plan
from smirk3d.corpus.tables import OWN_FOLDER, part_path
from smirk3d.errors import InputError, UsageError, reason

if TYPE_CHECKING:
    import pandas as pd

_TEXT, _WHOLE = ("clip",), ("frame", "person")


def read_faces(
    folder: str | Path,
    *,
    clips: Sequence[str] | None = None,
    derived: Sequence[Derived] = (),
    frame: Literal["pandas", "polars"] = "pandas",
) -> pd.DataFrame:
    """Return the faces of a corpus as one table, a row for each frame and person.

    Columns are ``clip``, ``frame``, ``seconds``, ``person``, ``score``, ``quality``,
    ``confidence``, the box (``left``, ``top``, ``right``, ``bottom``) in pixels, angles of head and
    gaze in degrees, and ARKit's 52 actions in [0, 1]. Frames without a face have a row that is
    empty after ``seconds``.

    Args:
        folder: the folder that ``smirk3d track FOLDER --out DIR`` or ``reconstruct`` made.
        clips: ids of the inputs to read; all that are done unless given.
        derived: columns to add: ``facs``, ``asymmetry``, ``blinks``, ``speech``; what they hold and
            what they do not is in :func:`smirk3d.corpus.derived.derive`.
        frame: library of the table.

    Raises:
        InputError: if the folder is no corpus, a table is damaged, or a clip is not done.
        MissingExtra: if pyarrow, pandas or polars is not installed.
        UsageError: if derived columns are unknown.
    """
    names = parse_derived(",".join(derived))
    if frame not in ("pandas", "polars"):
        raise UsageError(f"no frames of {frame!r}: there are pandas and polars")
    table = _table(Path(folder), clips, names)
    if frame == "polars":
        polars: Any = require("polars", extra="corpus")
        return polars.from_arrow(table)
    require("pandas", extra="corpus")
    return table.to_pandas()


def write_faces(folder: Path, path: Path, derived: Sequence[Derived] = ()) -> int:
    """Write the faces of a corpus into one file, Parquet or CSV, and return the number of rows.

    Raises:
        InputError: if the folder is no corpus or a table is damaged.
        OutputError: if the file cannot be written.
        MissingExtra: if pyarrow is not installed.
    """
    table = _table(folder, None, derived)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".csv":
            require("pyarrow.csv", extra="corpus").write_csv(table, temporary)
        else:
            require("pyarrow.parquet", extra="corpus").write_table(
                table, temporary, compression="zstd"
            )
    return int(table.num_rows)


def _table(folder: Path, clips: Sequence[str] | None, derived: Sequence[Derived]) -> Any:
    arrow = require("pyarrow", extra="corpus")
    kind = read_plan(folder).table
    rows = read_rows(folder / OWN_FOLDER)
    done = sorted(name for name, row in rows.items() if row.status == "done")
    wanted = done if clips is None else list(dict.fromkeys(clips))
    missing = sorted(set(wanted) - set(done))
    if missing:
        raise InputError(
            f"{folder}: {missing[0]!r} is not done; `smirk3d corpus {folder}` says why"
        )
    schema = arrow.schema([(name, _kind(arrow, name)) for name in FACE_COLUMNS])
    parts = [_part(part_path(folder, kind, name), schema) for name in wanted]
    table = arrow.concat_tables(parts) if parts else schema.empty_table()
    return _with_derived(arrow, table, derived) if derived else table


def _kind(arrow: Any, name: str) -> Any:
    if name in _TEXT:
        return arrow.string()
    if name in _WHOLE:
        return arrow.int32()
    return arrow.float64() if name == "seconds" else arrow.float32()


def _part(path: Path, schema: Any) -> Any:
    """Return the faces of one input.

    Raises:
        InputError: if its file is absent or damaged.
    """
    parquet = require("pyarrow.parquet", extra="corpus")
    try:
        if path.suffix == ".parquet":
            return parquet.ParquetFile(path).read().cast(schema)
        csv = require("pyarrow.csv", extra="corpus")
        return csv.read_csv(
            path,
            csv.ReadOptions(column_names=list(FACE_COLUMNS)),
            convert_options=csv.ConvertOptions(
                column_types={field.name: field.type for field in schema}
            ),
        )
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are ValueErrors
        why = f"{path} is not a whole table of faces ({reason(error)})"
        raise InputError(f"{why}: do its clip again with --fresh") from error


def _with_derived(arrow: Any, table: Any, derived: Sequence[Derived]) -> Any:
    clips = table.column("clip").combine_chunks().dictionary_encode()
    codes = clips.indices.to_numpy(zero_copy_only=False)
    people = table.column("person").to_pandas().fillna(-1).to_numpy().astype(np.int64)

    def column(name: str) -> NDArray[np.float64]:
        return table.column(name).to_numpy().astype(np.float64)

    for name, values in derive(derived, column, _groups(codes, people)).items():
        table = table.append_column(name, arrow.array(values, mask=np.isnan(values)))
    return table


def _groups(clips: NDArray[Any], people: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each person of each clip, by time; those without a person are left out."""
    order = np.lexsort((people, clips))
    keys = np.stack([clips[order], people[order]], 1)
    bounds = np.flatnonzero((np.diff(keys, axis=0) != 0).any(1)) + 1
    groups = np.split(order, bounds) if len(order) else []
    return [np.sort(rows) for rows in groups if people[rows[0]] >= 0]
