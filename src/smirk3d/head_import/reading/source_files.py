"""Files of a head as published, read one by one from a folder, a ZIP or a tar archive.

Archives are read in memory and never unpacked to disk, so that no name in them can lead elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from smirk3d.assets.foreign.archives import ZipArchive, tar_members
from smirk3d.assets.foreign.origin import DAMAGE, one_line, reason_of
from smirk3d.errors import InputError, Smirk3dError

LARGEST_FILE = 512 << 20
"""Bytes of a file: ICT-FaceKit's largest has 2.6 MB; FLAME's 400 components in double precision are
48 MB."""
LARGEST_TOTAL = 4 << 30
"""Bytes of all files: ICT-FaceKit's 94 have 226 MB."""
_MOST_FILES = 100_000
"""Files of a folder or an archive; ICT-FaceKit's archive has 94."""
DEEPEST_FOLDER = 4
"""Folders below the given one; ICT-FaceKit's files lie one deep."""


@dataclass(frozen=True)
class _Entry:
    name: str
    size: int
    read: Callable[[], bytes]


def read_source_files(
    path: str | os.PathLike[str], wanted: Callable[[str], bool], *, depth: int = DEEPEST_FOLDER
) -> Iterator[tuple[str, bytes]]:
    """Yield name (path inside the source, with ``/``) and content of each wanted file.

    The order is the archive's; in folders it is by name.

    Args:
        path: a folder, a ``.zip``, or a ``.tar`` that may be compressed by gzip, bzip2 or xz.
        wanted: tells from a name whether the file is read.
        depth: how many levels of folders below ``path`` are searched, if it is a folder.

    Raises:
        InputError: if the source is absent, damaged, of another kind, or unpacks to more than
            512 MiB a file or 4 GiB in all.
    """
    path = Path(path)
    total = 0
    with _named_damage(path):
        for entry in _entries(path, depth):
            if not wanted(entry.name):
                continue
            total += entry.size
            if max(entry.size / LARGEST_FILE, total / LARGEST_TOTAL) > 1:
                raise InputError(
                    f"{path}: {one_line(entry.name)} makes it larger than a head can be (512 MiB a "
                    "file, 4 GiB in all): give the head alone"
                )
            yield entry.name, entry.read()


def source_names(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the names of all files of a folder or archive, as :func:`read_source_files` gives.

    Raises:
        InputError: if the source is absent, damaged or of another kind.
    """
    path = Path(path)
    with _named_damage(path):
        for entry in _entries(path, DEEPEST_FOLDER):
            yield entry.name


@contextlib.contextmanager
def _named_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except Smirk3dError:
        raise
    except DAMAGE as error:
        reason = one_line(reason_of(error))
        raise InputError(f"{path} cannot be read ({reason}): fetch it again") from error


def _entries(path: Path, depth: int) -> Iterator[_Entry]:
    if path.is_dir():
        members = _folder_entries(path, depth)
    elif not path.is_file():
        raise InputError(f"{path} does not exist: give a file or a folder")
    elif zipfile.is_zipfile(path):
        members = _zip_entries(path)
    else:
        members = _tar_entries(path)
    for count, entry in enumerate(members):
        if count >= _MOST_FILES:
            raise InputError(f"{path} holds more than {_MOST_FILES} files: it is no head")
        yield entry


def _folder_entries(folder: Path, deepest: int) -> Iterator[_Entry]:
    for root, folders, files in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(folders) if depth < deepest else []
        for file in sorted(files):
            full = Path(root, file)
            if full.is_file():
                name = PurePosixPath(full.relative_to(folder)).as_posix()
                yield _Entry(name, full.stat().st_size, full.read_bytes)


def _zip_entries(path: Path) -> Iterator[_Entry]:
    with ZipArchive(path, most_members=_MOST_FILES) as archive:
        for name in archive.names:
            read = partial(archive.read, name, largest=LARGEST_FILE)
            yield _Entry(name, archive.size(name), read)


def _tar_entries(path: Path) -> Iterator[_Entry]:
    try:
        for member in tar_members(path, most_members=_MOST_FILES):
            yield _Entry(member.name, member.size, member.read)
    except tarfile.ReadError as error:
        raise InputError(
            f"{path} is neither a folder nor a ZIP or tar archive, or damaged: give one of these"
        ) from error
