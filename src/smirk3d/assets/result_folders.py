"""Folders of results: one for each input, which never costs the user a file.

Each input's folder is ``OUT/NAME``. It is replaced when it is the result of the same input and
holds nothing that smirk3d did not write; else the result goes beside it as ``NAME-2``.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smirk3d.assets.atomic import atomic_directory, atomic_path, output_error, sweep
from smirk3d.assets.file_lists import (
    RESULT_NAME,
    RESULT_SCHEMA,
    files_below,
    foreign_entries,
    listed_files,
    read_record,
)
from smirk3d.assets.locks import ENDING, FileLock, remove_free_locks
from smirk3d.assets.safe_names import path_text, real, safe_component, same_name_key, short_hash


@dataclass
class Draft:
    """A result that is being written.

    Attributes:
        path: the temporary folder to fill.
        folder: the folder that it becomes.
        input_digest: hash of the whole input file; None where there is none.
        job: hash of all that the result depends on; None for one that is not complete, or is made
            anew each time.
    """

    path: Path
    folder: Path
    input_digest: str | None = None
    job: str | None = None


@dataclass(frozen=True)
class Destination:
    """The place of one input's result.

    Attributes:
        source: the input, as the user named it.
        folder: ``OUT/NAME``.
        inputs: real paths of all inputs; no folder that holds one is written to.
        names: keys of the names of all inputs; none is written to in place of another.
    """

    source: Path
    folder: Path
    inputs: frozenset[Path] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def input_text(self) -> str:
        """The input as ``result.json`` names it."""
        return path_text(self.source)

    def candidates(self) -> Iterator[Path]:
        """Yield the folder and those beside it, in the order in which they are tried."""
        yield self.folder
        for number in itertools.count(2):
            name = f"{self.folder.name}-{number}"
            if same_name_key(name) not in self.names:
                yield self.folder.with_name(name)

    def choose(self, input_digest: str | None = None) -> Path:
        """Return the folder that the result may be written to now."""
        return next(
            folder for folder in self.candidates() if self._obstacle(folder, input_digest) is None
        )

    def note(self, written: Path, input_digest: str | None = None) -> str | None:
        """Return why a result was written elsewhere than to :attr:`folder`, None if it was not."""
        if written == self.folder:
            return None
        why = self._obstacle(self.folder, input_digest) or "was in the way"
        return f"{self.folder} {why}: left as it is, the result is in {written}"

    def finished(self, job: str) -> Path | None:
        """Return the folder of a whole result of the same job, None where there is none."""
        for folder in self.candidates():
            if not os.path.lexists(folder):
                return None
            record = read_record(folder)
            if record and record.get("job") == job:
                names = listed_files(folder)
                if names and all((folder / name).is_file() for name in names):
                    return folder
        return None

    @contextlib.contextmanager
    def writing(self, input_digest: str | None = None, job: str | None = None) -> Iterator[Draft]:
        """Give a draft to fill, which becomes the result when the block ends well.

        ``result.json`` has to be among what is written; the list of files is added to it.

        Args:
            input_digest: hash of the whole input file.
            job: see :class:`Draft`.

        Raises:
            OutputError: if another run writes there, or it cannot be written; nothing changed.
        """
        with self._locked():
            sweep(self.folder.parent)
            remove_free_locks(self.folder.parent)
            folder = self.choose(input_digest)
            with atomic_directory(folder, overwrite=True) as temporary:
                draft = Draft(temporary, folder, input_digest, job)
                yield draft
                _complete(draft)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.folder.with_name(f".{self.folder.name}{ENDING}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, self.folder)
        except OSError as error:
            raise output_error(self.folder, error) from error
        with lock:
            yield

    def _obstacle(self, folder: Path, input_digest: str | None) -> str | None:
        """Return what forbids to write to a folder, None where nothing does."""
        if not os.path.lexists(folder):
            return None
        if folder.is_symlink() or not folder.is_dir():
            return "is no folder of smirk3d's"
        where = real(folder)
        if any(where == path or where in path.parents for path in self.inputs):
            return "holds an input"
        try:
            return self._keeps(folder, input_digest)
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    def _keeps(self, folder: Path, input_digest: str | None) -> str | None:
        """Return what a folder holds that must stay, None where it may be replaced."""
        sweep(folder)
        if not any(folder.iterdir()):
            return None
        if next(foreign_entries(folder), None) is not None:
            return "holds files that smirk3d did not write"
        record = read_record(folder) or {}
        if record.get("input") == self.input_text:
            return None
        if input_digest and record.get("input_digest") == input_digest:
            return None
        return "is the result of another input"


def destinations(inputs: Sequence[Path], out: Path) -> list[Destination]:
    """Return a place for each input, each file once, in the order of their first mention.

    Names do not depend on the order: inputs of one name are distinguished by their path below the
    folder that they have in common, then by their ending, then by a hash of that path.

    Args:
        inputs: files, or folders of pictures; they need not be there.
        out: the folder of all results.
    """
    files: dict[Path, list[Path]] = defaultdict(list)
    for path in inputs:
        files[real(path)].append(path)
    chosen = {where: min(paths, key=os.fsencode) for where, paths in files.items()}
    names = result_names(list(chosen.values()))
    keys = frozenset(same_name_key(name) for name in names.values())
    held = frozenset(chosen) | {real(path.parent) / path.name for path in inputs}
    return [
        Destination(
            source=path,
            folder=out / names[path],
            inputs=held,
            names=keys,
        )
        for path in chosen.values()
    ]


def result_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return a name for each path, as of :func:`destinations`; no two are equal on any system."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[same_name_key(safe_component(_stem(path)))].append(path)
    names: dict[Path, str] = {}
    below: dict[Path, Path] = {}
    for group in groups.values():
        if len(group) == 1:
            names[group[0]] = safe_component(_stem(group[0]))
        else:
            below |= _below_common(group)
    taken = {same_name_key(name) for name in names.values()}
    apart = {path: _joined(*part.parent.parts, _stem(path)) for path, part in below.items()}
    for path in _repeated(apart, taken):
        apart[path] = _joined(apart[path], path.suffix[1:])
    for path in _repeated(apart, taken):
        apart[path] = _joined(_stem(path), short_hash(str(below[path])))
    return names | apart


def _stem(path: Path) -> str:
    """Return a file's name without its ending, or a folder's whole name."""
    return real(path).name if path.is_dir() else path.stem


def _joined(*parts: str) -> str:
    return safe_component("-".join(part for part in parts if part))


def _repeated(names: Mapping[Path, str], taken: Iterable[str]) -> list[Path]:
    count: dict[str, int] = defaultdict(int, dict.fromkeys(taken, 1))
    for name in names.values():
        count[same_name_key(name)] += 1
    return [path for path, name in names.items() if count[same_name_key(name)] > 1]


def _below_common(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return each path below the folder that all have in common."""
    full = {path: real(path.parent) / path.name for path in paths}
    try:
        root = os.path.commonpath([path.parent for path in full.values()])
    except ValueError:  # drives of Windows have nothing in common
        return {path: where.relative_to(where.anchor) for path, where in full.items()}
    return {path: where.relative_to(root) for path, where in full.items()}


def _complete(draft: Draft) -> None:
    """Add to ``result.json`` what the result was made of, and the list of all files."""
    record = _record_of(draft.path)
    if record is None:
        raise ValueError(f"{draft.folder}: no {RESULT_NAME} was written")
    record |= {"input_digest": draft.input_digest, "job": draft.job}
    _write_record(draft.path, {**record, "files": files_below(draft.path)})


def record_files(folder: Path, paths: Iterable[Path]) -> None:
    """Add files, and all files of folders, to the list of the result folder that they lie in.

    Call it after writing into a folder of results. Nothing happens to paths outside of it, where
    there is no result, and to a result without a list.

    Raises:
        OutputError: if the list cannot be written.
    """
    record = _record_of(folder)
    if record is None or not isinstance(record.get("files"), list):
        return
    where, names = real(folder), set(listed_files(folder))
    for path in paths:
        inside = real(path)
        if where not in inside.parents:
            continue
        below = inside.relative_to(where).as_posix()
        names |= {f"{below}/{name}" for name in files_below(inside)} if inside.is_dir() else {below}
    _write_record(folder, {**record, "files": sorted(names)})


def _record_of(folder: Path) -> dict[str, Any] | None:
    record = read_record(folder)
    return record if record is not None and record.get("schema") == RESULT_SCHEMA else None


def _write_record(folder: Path, record: Mapping[str, Any]) -> None:
    with atomic_path(folder / RESULT_NAME) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
