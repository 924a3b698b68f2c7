"""Changes to the headers and members of a tar archive."""

from __future__ import annotations

import io
import tarfile
from random import Random

from fuzz.mutators.zips import Change

_BLOCK = 512
# offsets and widths of POSIX ustar: name, mode, size, time, checksum, kind, link, magic, prefix
_FIELDS = ((0, 100), (100, 8), (124, 12), (124, 12), (136, 12), (148, 8), (156, 1), (157, 100),
           (257, 8), (345, 155))  # fmt: skip
_TEXTS = (
    b"../../x", b"/etc/passwd", b"\xff\xfe", b"", b"\x00", b"77777777777", b"00000000000",
    b"-0000000001", b"\x80" + b"\x00" * 3 + b"\xff" * 8, b"\xff" * 12, b"99999999999", b"1", b"2",
    b"3", b"5", b"L", b"x", b"g", b"S", b"K", b"7", b"x.jpg", b"000000009.jpg",
)  # fmt: skip


def mutate_tar(content: bytes, change: Change, rng: Random) -> bytes:
    """Return an archive of which one member or header differs.

    Args:
        content: the archive.
        change: changes a member, given its name and content.
        rng: generator of all random choices.

    Raises:
        tarfile.TarError: if the content is no archive.
    """
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        infos = archive.getmembers()
        places = [info.offset for info in infos]
        members = []
        for info in infos:
            file = archive.extractfile(info)
            members.append((info, file.read() if file is not None else b""))
    if not members:
        return content
    way = rng.random()
    if way < 0.4:
        return _other_header(content, rng.choice(places), rng)
    place = rng.randrange(len(members))
    info, data = members[place]
    if way < 0.8:
        members[place] = (info, change(info.name, data))
    elif way < 0.9:
        del members[place]
    else:
        members.append((info, data))
    return _tar(members)


def _tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _other_header(content: bytes, start: int, rng: Random) -> bytes:
    header = bytearray(content[start : start + _BLOCK])
    offset, width = rng.choice(_FIELDS)
    header[offset : offset + width] = rng.choice(_TEXTS)[:width].ljust(width, b"\0")
    if offset != 148:
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
    return content[:start] + bytes(header) + content[start + _BLOCK :]
