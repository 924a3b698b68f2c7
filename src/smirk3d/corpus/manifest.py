"""The inputs of a corpus: files, folders, globs, lists and addresses to one list of entries.

An entry is one job, or, if it is a long video, its pieces and their joining.
"""

from __future__ import annotations

import functools
import glob
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from smirk3d.assets.file_lists import read_record
from smirk3d.assets.optional import require
from smirk3d.assets.result_folders import result_names
from smirk3d.assets.safe_names import safe_component, same_name_key, short_hash
from smirk3d.corpus.manifest_files import LISTS, Listed, listed_inputs
from smirk3d.data.adapters import PHOTO_SUFFIXES, VIDEO_SUFFIXES
from smirk3d.errors import InputError

Kind = Literal["videos", "photos"]

STDIN = "-"
"""Stands for names on standard input, one a line."""

SUFFIXES: dict[Kind, frozenset[str]] = {
    "videos": VIDEO_SUFFIXES | {".3gp", ".flv", ".mxf", ".ogv", ".ts"},
    "photos": PHOTO_SUFFIXES,
}
"""Endings of what is taken from a folder."""

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Entry:
    """One input of a corpus.

    Attributes:
        id: its name, unique in the corpus on every file system; its folder of results is called so.
        uri: path or address of the file.
        start: seconds at which it begins.
        end: seconds before which it ends; None for the end of the file.
        same_as: id of an entry of the same file and span that comes before it; None for most.
    """

    id: str
    uri: str
    start: float = 0.0
    end: float | None = None
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class PieceJob:
    """The tracking of one piece of a long video.

    Attributes:
        entry: the video.
        number: of the piece, from 0.
    """

    entry: Entry
    number: int


@dataclass(frozen=True, slots=True)
class JoinJob:
    """The results of a long video whose pieces are tracked.

    Attributes:
        entry: the video.
    """

    entry: Entry


@dataclass(frozen=True, slots=True)
class InPieces:
    """The answer that an input is a long video, to be tracked in pieces.

    Attributes:
        entry: the video.
        count: number of its pieces.
    """

    entry: Entry
    count: int


Job = Entry | PieceJob | JoinJob
"""An input, or a part of a long video."""


def is_address(text: str) -> bool:
    """Return whether a text is an address that fsspec opens, rather than a path."""
    return "://" in text


def is_corpus(inputs: Sequence[str], kind: Kind) -> bool:
    """Return whether inputs stand for more than files: a list, a glob, a folder, an address."""
    return any(
        text == STDIN
        or is_address(text)
        or _is_list(text)
        or _is_glob(text)
        or (os.path.isdir(text) and next(_files(Path(text), kind), None) is not None)  # noqa: PTH112
        for text in inputs
    )


def _is_list(text: str) -> bool:
    return not is_address(text) and Path(text).suffix.lower() in LISTS


def _is_glob(text: str) -> bool:
    return bool(_MAGIC & set(text)) and not os.path.lexists(text)


def read_entries(inputs: Iterable[str], kind: Kind, *, beside: Path | None = None) -> list[Entry]:
    """Return the entries that inputs stand for, in order, each file and span once.

    Args:
        inputs: files, folders (with all below them), globs, lists (Parquet, CSV or JSONL with a
            column ``uri`` and, optionally, ``id``, ``start`` and ``end``), addresses, and ``-``
            for names on standard input.
        kind: what is taken from folders.
        beside: the folder of the results, which is not searched.

    Raises:
        InputError: if a list, a folder or a glob gives nothing, cannot be read, or gives an id
            twice.
        MissingExtra: if an address or a Parquet file needs a package that is not installed.
    """
    listed: list[Listed] = []
    for text in inputs:
        found = list(_expanded(text, kind, beside))
        if not found:
            raise InputError(f"{text} gives no {kind}: check it")
        listed += found
    return _named(listed)


def _expanded(text: str, kind: Kind, beside: Path | None) -> Iterator[Listed]:
    if text == STDIN:
        yield from (Listed(line.rstrip("\r\n")) for line in sys.stdin if line.strip())
    elif _is_list(text):
        yield from listed_inputs(Path(text))
    elif is_address(text):
        yield from _at_address(text, kind)
    elif _is_glob(text):
        for name in sorted(glob.glob(text, recursive=True)):  # noqa: PTH207
            yield from _expanded(name, kind, beside)
    elif os.path.isdir(text):  # noqa: PTH112
        files = [str(file) for file in _files(Path(text), kind, beside)]
        yield from map(Listed, files or [text])
    else:
        yield Listed(text)


def _at_address(address: str, kind: Kind) -> Iterator[Listed]:
    """Yield an address, or what a glob in it stands for."""
    scheme, _, path = address.partition("://")
    if scheme == "file":
        yield from _expanded(path, kind, None)
        return
    if not _MAGIC & set(path) or scheme in ("http", "https"):
        yield Listed(address)
        return
    fsspec = require("fsspec", extra="corpus")
    try:
        system, where = fsspec.core.url_to_fs(address)
        for name in sorted(system.glob(where)):
            yield Listed(f"{scheme}://{name}")
    except ImportError as error:
        raise InputError(f"{address}: {error}") from error
    except OSError as error:
        raise InputError(f"{address} cannot be listed ({error}): check it") from error


def _files(folder: Path, kind: Kind, beside: Path | None = None) -> Iterator[Path]:
    """Yield the files of a kind below a folder, sorted; hidden ones and results are left out.

    Raises:
        InputError: if the folder cannot be listed.
    """
    own = os.path.realpath(beside) if beside is not None else None

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}): check it")

    for where, folders, names in os.walk(folder, onerror=fail):
        if os.path.realpath(where) == own or (where != str(folder) and read_record(Path(where))):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in SUFFIXES[kind] and not name.startswith("."):
                yield Path(where, name)


def _named(listed: Sequence[Listed]) -> list[Entry]:
    """Return entries with unique ids; what is listed twice without an id is taken once."""
    seen: dict[tuple[str, float, float | None], str] = {}
    spans: list[tuple[Listed, str | None]] = []
    for item in listed:
        key = (_where(item.uri), item.start, item.end)
        if key in seen:
            if item.id:
                spans.append((item, seen[key]))
            continue
        seen[key] = item.uri
        spans.append((item, None))
    ids = _ids([item for item, _ in spans])
    first: dict[tuple[str, float, float | None], str] = {}
    entries = []
    for (item, copy), name in zip(spans, ids, strict=True):
        key = (item.uri if copy is None else copy, item.start, item.end)
        first.setdefault(key, name)
        same = None if copy is None else first[key]
        entries.append(Entry(name, item.uri, item.start, item.end, same))
    return entries


@functools.lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _where(uri: str) -> str:
    """Return what is equal for two spellings of one file; links to files are taken as named."""
    if is_address(uri):
        return uri
    folder, name = os.path.split(uri)
    return os.path.join(_real_folder(folder), name)  # noqa: PTH118


def _ids(items: Sequence[Listed]) -> list[str]:
    """Return the given ids as names of folders, and names of files for the others."""
    given = [safe_component(item.id) if item.id else "" for item in items]
    taken: set[str] = set()
    for item, name in zip(items, given, strict=True):
        if name:
            key = same_name_key(name)
            if key in taken:
                raise InputError(f"the id {item.id!r} is given twice: ids must be unique")
            taken.add(key)
    paths = {item.uri: _path(item.uri) for item in items if not item.id}
    names = result_names(list(dict.fromkeys(paths.values())))
    ids = []
    for item, own in zip(items, given, strict=True):
        if own:
            ids.append(own)
            continue
        name = names[paths[item.uri]]
        if item.start or item.end is not None:
            name = f"{name}-{item.start:g}-{'' if item.end is None else f'{item.end:g}'}".rstrip(
                "-"
            )
        if same_name_key(name) in taken:
            name = f"{name}-{short_hash(f'{item.uri} {item.start} {item.end}')}"
        taken.add(same_name_key(name))
        ids.append(name)
    return ids


def _path(uri: str) -> Path:
    """Return the path that names an input; of an address, its host and path."""
    if not is_address(uri):
        return Path(uri)
    return Path(str(PurePosixPath(uri.partition("://")[2].partition("?")[0])))


def shard_of(entries: Sequence[Entry], number: int, count: int) -> list[Entry]:
    """Return every count-th entry, beginning with the number-th of them, counted from 1.

    Ids stay those of the whole corpus.
    """
    return list(entries[number - 1 :: count])
