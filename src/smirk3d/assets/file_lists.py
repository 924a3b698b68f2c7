"""Lists of the files that smirk3d wrote into a folder; each folder of results carries one.

A folder may be replaced when its list names every file in it. Only listed files are ever removed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smirk3d.assets.foreign.json_text import read_json_file
from smirk3d.assets.foreign.origin import Origin
from smirk3d.errors import InputError

RESULT_NAME = "result.json"
RESULT_SCHEMA = "smirk3d.result/1"
LIST_NAME = "smirk3d-files.json"
"""The list of a folder that is no result of its own, such as the layouts of a FLAME clip."""

_LIST_SCHEMA = "smirk3d.files/1"
_SCHEMAS = {RESULT_NAME: RESULT_SCHEMA, LIST_NAME: _LIST_SCHEMA}
_MAX_BYTES = 256_000_000
"""Larger lists are not read: a million names of frames take less."""
_OF_THE_SYSTEM = frozenset({".DS_Store", "Thumbs.db"})
"""Files that file managers leave in folders they show."""


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return the JSON of a folder that smirk3d wrote, None where there is none of ours."""
    for name, schema in _SCHEMAS.items():
        path = folder / name
        with contextlib.suppress(OSError, InputError):
            if path.is_symlink() or path.stat().st_size > _MAX_BYTES:
                continue
            origin = Origin(str(path), "list of files", "remove it")
            content = read_json_file(origin, largest=_MAX_BYTES)
            if isinstance(content, dict) and content.get("schema") == schema:
                return content
    return None


def listed_files(folder: Path) -> frozenset[str]:
    """Return the files that a folder's list names, relative to it, parts joined by slashes."""
    record = read_record(folder)
    names = record.get("files") if record else None
    if not isinstance(names, list):
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str))


def foreign_entries(folder: Path) -> Iterator[str]:
    """Yield what a folder holds that its list does not name; nothing where it may be replaced.

    Links are never ours, nor are empty folders that no listed file lies in.
    """
    listed = listed_files(folder)
    parents = {str(parent) for name in listed for parent in _parents(name)}
    for name, entry in _walk(folder):
        if entry.is_symlink():
            yield name
        elif entry.is_dir(follow_symlinks=False):
            if name not in parents:
                yield name
        elif name not in listed and entry.name not in _OF_THE_SYSTEM:
            yield name


def files_below(folder: Path) -> list[str]:
    """Return the files of a folder and its folders, relative to it, sorted."""
    return sorted(name for name, entry in _walk(folder) if not entry.is_dir(follow_symlinks=False))


def write_list(folder: Path) -> None:
    """Write the list of a folder that is no result of its own; call it last."""
    content = {"schema": _LIST_SCHEMA, "files": sorted({*files_below(folder), LIST_NAME})}
    (folder / LIST_NAME).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def remove_listed(folder: Path) -> None:
    """Remove a folder's listed files, and it and its folders where they are empty then."""
    listed = listed_files(folder)
    folders = [folder]
    for name, entry in list(_walk(folder)):
        with contextlib.suppress(OSError):
            if entry.is_symlink():
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(folder / name)
            elif name in listed or entry.name in _OF_THE_SYSTEM:
                (folder / name).unlink()
    for emptied in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            emptied.rmdir()


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _walk(folder: Path, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield name and entry of all that lies in a folder; links are not followed."""
    with os.scandir(folder / below) as entries:
        for entry in list(entries):
            name = f"{below}/{entry.name}" if below else entry.name
            yield name, entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder, name)
