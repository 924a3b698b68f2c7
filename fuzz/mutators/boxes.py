"""Changes to the boxes of MP4, MOV, AVIF and JPEG 2000, and to the elements of Matroska."""

from __future__ import annotations

import struct
from random import Random

from fuzz.mutators.raw import mutate_bytes, number_bytes

_HOLDERS = {
    b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"meta", b"iprp",
    b"ipco", b"moof", b"traf", b"mvex", b"jp2h",
}  # fmt: skip
"""Boxes that hold boxes."""

_CODES = (
    b"avc1", b"hvc1", b"mp4v", b"jpeg", b"rgb ", b"raw ", b"apcn", b"apac", b"av01", b"vp09",
    b"dvh1", b"encv", b"tmcd", b"text", b"mp4a", b"alac", b"\0\0\0\0", b"png ", b"rle ", b"cvid",
    b"SVQ3", b"MJPG", b"theo", b"free", b"uuid",
)  # fmt: skip
_ROTATIONS = (0, 1 << 16, -(1 << 16), 1 << 30, -(1 << 31), 46_341, 3)
_MOST_BOXES = 2000


def _iso_boxes(content: bytes) -> list[tuple[int, int]]:
    """Return start and end of each box, those in boxes too."""
    found: list[tuple[int, int]] = []
    waiting = [(0, len(content))]
    while waiting and len(found) < _MOST_BOXES:
        start, end = waiting.pop()
        while start + 8 <= end:
            (size,) = struct.unpack_from(">I", content, start)
            kind = content[start + 4 : start + 8]
            stop = start + size if size >= 8 else end
            found.append((start, min(stop, end)))
            if kind in _HOLDERS:
                waiting.append((start + (12 if kind == b"meta" else 8), min(stop, end)))
            elif kind == b"stsd":
                waiting.append((start + 16, min(stop, end)))
            start = stop
    return found


def mutate_iso_boxes(content: bytes, rng: Random) -> bytes:
    """Return a file of boxes of which one differs; most changes keep the sizes in step."""
    boxes = _iso_boxes(content)
    small = [box for box in boxes if box[1] - box[0] < 4096] or boxes
    start, end = rng.choice(small)
    way = rng.random()
    if way < 0.2:
        return content[:start] + number_bytes(rng, 4, "big") + content[start + 4 :]
    if way < 0.35:
        return content[: start + 4] + rng.choice(_CODES) + content[start + 8 :]
    if way < 0.7:
        place = start + 8 + 4 * rng.randrange(max((end - start - 8) // 4, 1))
        return content[:place] + number_bytes(rng, 4, "big") + content[place + 4 :]
    if way < 0.8:
        return _without(content, boxes, start, end)
    if way < 0.9:
        return _other_matrix(content, rng)
    body = mutate_bytes(content[start + 8 : end], (), rng)[: max(end - start - 8, 0)]
    return content[: start + 8] + body.ljust(max(end - start - 8, 0), b"\0") + content[end:]


def _without(content: bytes, boxes: list[tuple[int, int]], start: int, end: int) -> bytes:
    """Take a box out, and its size out of the boxes that hold it."""
    data = bytearray(content)
    for outer, stop in boxes:
        if outer < start and stop >= end:
            (size,) = struct.unpack_from(">I", data, outer)
            struct.pack_into(">I", data, outer, max(size - (end - start), 0))
    return bytes(data[:start] + data[end:])


def _other_matrix(content: bytes, rng: Random) -> bytes:
    """Change how the picture is turned when it is shown."""
    place = content.find(b"tkhd")
    if place < 0:
        return content[: len(content) // 2]
    start = place + 4 + (52 if content[place + 4] == 1 else 40)
    matrix = struct.pack(">9i", *(rng.choice(_ROTATIONS) for _ in range(9)))
    return content[:start] + matrix + content[start + 36 :]


_ELEMENTS = (
    b"\x1aE\xdf\xa3", b"\x18S\x80g", b"\x15I\xa9f", b"\x16T\xaek", b"\xae", b"\x86", b"\xe0",
    b"\xb0", b"\xba", b"\x1fC\xb6u", b"\xe7", b"\xa3", b"\xa0", b"D\x89", b"*\xd7\xb1", b"c\xa2",
    b"#\xe3\x83", b"U\xb0", b"\x54\xb0", b"\x54\xba", b"\x83", b"\xd7",
)  # fmt: skip
"""Marks of Matroska's elements: segment, tracks, sizes of the picture, clusters, times, codecs."""

_CODECS = (
    b"V_MPEG4/ISO/AVC", b"V_UNCOMPRESSED", b"V_VP9", b"V_AV1", b"V_MS/VFW/FOURCC", b"V_QUICKTIME",
    b"V_FFV1", b"V_THEORA", b"V_PRORES", b"A_AAC", b"S_TEXT/UTF8",
)  # fmt: skip


def mutate_ebml(content: bytes, rng: Random) -> bytes:
    """Return a Matroska file of which the size or content of one element differs."""
    if rng.random() < 0.15:
        place = content.find(b"V_")
        if place > 0:
            codec = rng.choice(_CODECS)
            return content[:place] + codec + content[place + len(codec) :]
    places = []
    for mark in _ELEMENTS:
        start = content.find(mark)
        if start >= 0:
            places.append(start + len(mark))
    start = rng.choice(places)
    way = rng.random()
    if way < 0.4:
        size = rng.choice((b"\x80", b"\x81", b"\xff", b"\x01" + b"\xff" * 7, b"\x00", b"\x88"))
        return content[:start] + size + content[start + len(size) :]
    width = rng.choice((1, 2, 4, 8))
    return content[: start + 1] + number_bytes(rng, width, "big") + content[start + 1 + width :]
