"""Changes to the members of a ZIP archive and to what it says of them."""

from __future__ import annotations

import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random

from fuzz.mutators.raw import number_bytes

Change = Callable[[str, bytes], bytes]

_CENTRAL = b"PK\x01\x02"
_CHUNK = 16 << 20
_MOST_BYTES = 64 << 20
_BOMB_BYTES = 3 << 30
"""What a bomb unpacks to: more than any reader may take."""


def mutate_zip(content: bytes, change: Change, rng: Random) -> bytes:
    """Return an archive of which one member, or what is said of one, differs.

    Args:
        content: the archive.
        change: changes a member, given its name and content.
        rng: generator of all random choices.

    Raises:
        ValueError: if it would unpack to much.
        zipfile.BadZipFile: if the content is no archive.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(info.file_size for info in archive.infolist()) > _MOST_BYTES:
            raise ValueError("an earlier change made a bomb of it")
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    if not members:
        return content
    way = rng.random()
    place = rng.randrange(len(members))
    name, data = members[place]
    if way < 0.7:
        members[place] = (name, change(name, data))
    elif way < 0.78:
        del members[place]
    elif way < 0.82:
        members.append((name, change(name, data)))
    elif way < 0.86:
        members[place] = (rng.choice(("x.npy", "../" + name, name.upper(), "\x1b[1m")), data)
    elif way < 0.88:
        return with_bomb([m for m in members if m[0] != name], name, data[:128])
    elif way < 0.93:
        members[place] = (name, rng.choice(members)[1])
    else:
        return _other_directory(_zip(members, zipfile.ZIP_STORED), rng)
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    return _zip(members, method)


def _zip(members: list[tuple[str, bytes]], method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=1) as archive:
        for name, data in members:
            # the date is fixed: equal members give equal archives
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, data)
    return buffer.getvalue()


def _other_directory(content: bytes, rng: Random) -> bytes:
    """Change flags, method, sizes or place of a member in the list of members."""
    data = bytearray(content)
    places = []
    start = data.find(_CENTRAL)
    while start >= 0:
        places.append(start)
        start = data.find(_CENTRAL, start + 4)
    start = rng.choice(places)
    # offsets in APPNOTE 4.3.12: needed version, flags, method, checksum, sizes, disk, place
    offset, width = rng.choice(
        ((6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (24, 4), (28, 2), (34, 2), (42, 4))
    )
    if offset == 8:
        data[start + 8] |= rng.choice((1, 1, 8, 0x20, 0x40))
        return bytes(data)
    data[start + offset : start + offset + width] = number_bytes(rng, width, "little")
    return bytes(data)


@functools.cache
def _zeros(start: bytes) -> bytes:
    """Return a deflated stream that begins so and goes on with zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    chunk = packer.compress(bytes(_CHUNK)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + chunk * (_BOMB_BYTES // _CHUNK) + packer.flush()


def with_bomb(members: list[tuple[str, bytes]], name: str, start: bytes) -> bytes:
    """Return an archive with one more member, which unpacks to over 3 GiB from few bytes.

    Args:
        members: the others, names and contents.
        name: name of the bomb.
        start: first bytes, such as the header of an array; zeros follow.
    """
    if start.startswith(b"\x93NUMPY"):
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({_BOMB_BYTES},), }}"
        text = header.ljust(117).encode() + b"\n"
        start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    size = len(start) + _BOMB_BYTES
    plain = _zip([*members, (name, b"")], zipfile.ZIP_STORED)
    return _with_member(plain, name.encode(), _zeros(start), size)


def _with_member(content: bytes, name: bytes, packed: bytes, size: int) -> bytes:
    """Put a deflated content into the last member of an archive, which is empty."""
    data = bytearray(content)
    local, central = data.rfind(b"PK\x03\x04"), data.rfind(_CENTRAL)
    end = data.rfind(b"PK\x05\x06")
    sizes = struct.pack("<III", 0, len(packed), size)
    for start in (local + 8, central + 10):
        # method, time, date, checksum (wrong: it is known only once all is unpacked), sizes
        data[start : start + 2] = b"\x08\x00"
        data[start + 6 : start + 18] = sizes
    directory = data.find(_CENTRAL)
    struct.pack_into("<I", data, end + 16, directory + len(packed))
    after = local + 30 + len(name)
    return bytes(data[:after] + packed + data[after:])
