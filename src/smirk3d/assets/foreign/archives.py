"""ZIP and tar archives from outside: read member by member, within a budget of bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from smirk3d.assets.foreign.npy import Stream
from smirk3d.assets.foreign.origin import Unfit
from smirk3d.closing import Closing

_BLOCK = 1 << 20
"""Bytes read at once. 256 MiB from memory take 37 to 40 ms in blocks of 1 or 4 MiB, 74 ms in blocks
of 16 KiB, and 56 ms in blocks of 16 MiB (AMD EPYC)."""
_LARGEST_READ = 16 << 20
"""Bytes that the standard readers may ask for at once: a directory of 100,000 names has 11 MB."""
_STRONGEST_DEFLATE = 1032
"""Deflate's largest ratio, 258 bytes for two bits; the 100 MiB of zeros tried reach 1,029."""
_XZ_MEMORY = 256 << 20
"""Bytes; ``xz -9`` needs 65 MB to be read."""
_LARGEST_TAR = 16 << 30
"""Bytes of all members, read or passed over: heads have up to 4 GiB."""

_ENCRYPTED = 0x1
_KNOWN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _CappedFile(io.RawIOBase):
    """A file that refuses reads of absurd size, as a lying directory brings them about."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, _LARGEST_READ + 1) if size >= 0 else _LARGEST_READ + 1)
        if len(data) > _LARGEST_READ:
            raise Unfit("its directory is too large")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


class ZipArchive(Closing):
    """A ZIP archive whose directory is checked against the file's own size.

    Attributes:
        names: names of the members, in the archive's order.
    """

    def __init__(self, source: Path | bytes, *, most_members: int) -> None:
        """Open the archive and read its directory.

        Args:
            source: the file, or what is in it.
            most_members: more are refused.

        Raises:
            Unfit: if the directory is too large, names a member twice, or lies about sizes.
            zipfile.BadZipFile: and others of :data:`~smirk3d.assets.foreign.origin.DAMAGE`, if it
                is damaged.
        """
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        try:
            size = file.seek(0, io.SEEK_END)
            self._zip = zipfile.ZipFile(_CappedFile(file))
            self._members = _checked_members(self._zip, size, most_members)
        except BaseException:
            file.close()
            raise
        self._file = file
        self.names = tuple(self._members)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._file.close()

    def size(self, name: str) -> int:
        """Return how many bytes a member unpacks to, as the directory says."""
        return self._members[name].file_size

    def is_packed(self, name: str) -> bool:
        """Return whether a member is compressed."""
        return self._members[name].compress_type != zipfile.ZIP_STORED

    def open(self, name: str) -> IO[bytes]:
        """Open a member, to be read in blocks; never more comes out than the directory says."""
        return self._zip.open(self._members[name])

    def read(self, name: str, *, largest: int) -> bytes:
        """Return a member of at most so many bytes.

        Raises:
            Unfit: if it is larger.
        """
        if self.size(name) > largest:
            raise Unfit(f"{name} would unpack to more than {_size_text(largest)}")
        with self.open(name) as file:
            return read_all(file, largest=largest)


def _checked_members(archive: zipfile.ZipFile, size: int, most: int) -> dict[str, zipfile.ZipInfo]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > most:
        raise Unfit(f"it has {len(infos)} members, expected are up to {most}")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        if name in members:
            raise Unfit(f"it holds {name} twice")
        if info.flag_bits & _ENCRYPTED:
            raise Unfit(f"{name} is encrypted")
        if info.compress_type not in _KNOWN:
            raise Unfit(f"{name} is compressed by another method than deflate")
        packed = info.compress_type == zipfile.ZIP_DEFLATED
        most_bytes = info.compress_size * (_STRONGEST_DEFLATE if packed else 1)
        if info.compress_size > size or info.file_size > most_bytes:
            raise Unfit(f"{name} promises more bytes than it can hold")
        members[name] = info
    return members


def read_all(file: Stream, *, largest: int) -> bytes:
    """Return what a stream holds, in blocks.

    Raises:
        Unfit: as soon as it is more than ``largest`` bytes.
    """
    parts: list[bytes] = []
    total = 0
    while block := file.read(_BLOCK):
        total += len(block)
        if total > largest:
            raise Unfit(f"it unpacks to more than {_size_text(largest)}")
        parts.append(block)
    return b"".join(parts)


def unpack_gzip(content: bytes, *, largest: int) -> bytes:
    """Return what gzip has packed, at most so many bytes.

    Raises:
        Unfit: if it is more.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        return read_all(file, largest=largest)


@dataclass(frozen=True)
class TarMember:
    """A file in a tar archive.

    Attributes:
        name: name in the archive.
        size: bytes.
        read: gives its content; only until the next member is asked for.
    """

    name: str
    size: int
    read: Callable[[], bytes]


def tar_members(path: Path, *, most_members: int) -> Iterator[TarMember]:
    """Yield the files of a tar archive, packed by gzip, bzip2, xz or not at all, front to back.

    Raises:
        Unfit: if it has more members than that, or unpacks to more than a head can have.
        tarfile.TarError: and others of :data:`~smirk3d.assets.foreign.origin.DAMAGE`, if it is
            damaged.
    """
    total = 0
    with path.open("rb") as file:
        stream = _ForwardFile(_unpacking(file))
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for count, info in enumerate(archive):
                total += max(info.size, 0)
                if count >= most_members:
                    raise Unfit(f"it has more than {most_members} members")
                if total > _LARGEST_TAR:
                    raise Unfit(f"it unpacks to more than {_size_text(_LARGEST_TAR)}")
                if info.isreg() and not info.issparse():
                    yield TarMember(info.name, info.size, _reader(archive, info))


def _reader(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        file = archive.extractfile(info)
        assert file is not None
        content = read_all(file, largest=info.size)
        if len(content) != info.size:
            raise Unfit(f"{info.name} ends early")
        return content

    return read


def _unpacking(file: IO[bytes]) -> Stream:
    start = file.read(6)
    file.seek(0)
    if start[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=file)
    if start[:3] == b"BZh":
        return _Unpacked(file, bz2.BZ2Decompressor)
    if start == b"\xfd7zXZ\0":
        return _Unpacked(file, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY))
    return file


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Unpacked:
    """A stream of what bzip2 or xz has packed, in blocks of bounded size."""

    def __init__(self, file: IO[bytes], make: Callable[[], _Decompressor]) -> None:
        self._file, self._make = file, make
        self._current = make()
        self._waiting = b""

    def read(self, size: int, /) -> bytes:
        while size > 0:
            if self._current.eof:
                self._waiting = self._current.unused_data or self._file.read(_BLOCK)
                if not self._waiting.strip(b"\0"):
                    return b""
                self._current = self._make()
            elif self._current.needs_input and not self._waiting:
                self._waiting = self._file.read(_BLOCK)
                if not self._waiting:
                    raise EOFError("it ends early")
            block = self._current.decompress(self._waiting, size)
            self._waiting = b""
            if block:
                return block
        return b""


class _ForwardFile(io.RawIOBase):
    """A stream that is only read forwards, in pieces of bounded size, as tarfile asks for them."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._position = stream, 0

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _LARGEST_READ:
            raise Unfit("a header asks for too much")
        parts: list[bytes] = []
        left = size
        while left and (block := self._stream.read(left)):
            parts.append(block)
            left -= len(block)
        self._position += size - left
        return b"".join(parts)

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or offset < self._position:
            raise Unfit("a header leads back")
        while self._position < offset:
            if not self.read(min(_BLOCK, offset - self._position)):
                break
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _size_text(count: int) -> str:
    return f"{count >> 30} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"
