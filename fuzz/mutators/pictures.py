"""Changes to the chunks, tags and segments of picture files."""

from __future__ import annotations

import struct
import zlib
from random import Random

from fuzz.mutators.raw import mutate_bytes, number_bytes

_Span = tuple[int, int]
"""Start and end of a part in its file."""


def mutate_png(content: bytes, rng: Random) -> bytes:
    """Return a PNG of which one chunk differs; checksums are right, so that it is looked at.

    Raises:
        struct.error: if a chunk is cut.
    """
    chunks: list[tuple[bytes, bytes]] = []
    place = 8
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        kind = content[place + 4 : place + 8]
        chunks.append((kind, content[place + 8 : place + 8 + length]))
        place += 12 + length
    # the header's fields decide what the decoder allocates
    chosen = 0 if rng.random() < 0.4 else rng.randrange(len(chunks))
    kind, data = chunks[chosen]
    way = rng.random()
    if way < 0.6:
        chunks[chosen] = (kind, _other_fields(data, rng) if chosen == 0 else _other(data, rng))
    elif way < 0.7:
        del chunks[chosen]
    elif way < 0.8:
        chunks.insert(chosen, chunks[chosen])
    elif way < 0.9:
        kinds = (b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"acTL", b"fdAT", b"iTXt", b"gAMA")
        chunks.insert(chosen, (rng.choice(kinds), data))
    else:
        chunks[chosen] = (kind, rng.randbytes(rng.choice((0, 1, 13, 900))))
    return content[:8] + b"".join(_png_chunk(kind, data) for kind, data in chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _other(data: bytes, rng: Random) -> bytes:
    return mutate_bytes(data, (), rng)


def _other_fields(data: bytes, rng: Random) -> bytes:
    """Change width, height, depth, colour kind or interlacing of a PNG's header."""
    offset, width = rng.choice(((0, 4), (4, 4), (8, 1), (9, 1), (12, 1)))
    if width == 1:
        value = bytes([rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))])
    else:
        value = number_bytes(rng, 4, "big")
    return data[:offset] + value + data[offset + width :]


def mutate_jpeg(content: bytes, rng: Random) -> bytes:
    """Return a JPEG of which one segment differs."""
    spans = _jpeg_segments(content)
    start, end = rng.choice(spans)
    way = rng.random()
    if way < 0.25:
        return content[: start + 2] + number_bytes(rng, 2, "big") + content[start + 4 :]
    if way < 0.6:
        body = mutate_bytes(content[start + 4 : end], (), rng)[:65_533]
        segment = content[start : start + 2] + struct.pack(">H", len(body) + 2) + body
        return content[:start] + segment + content[end:]
    if way < 0.75:
        return content[:start] + content[end:]
    if way < 0.9:
        return content[:end] + content[start:end] * rng.choice((1, 1, 300)) + content[end:]
    return content[: start + 1] + bytes([rng.randrange(0xC0, 0xFF)]) + content[start + 2 :]


def _jpeg_segments(content: bytes) -> list[_Span]:
    spans: list[_Span] = []
    place = 2
    while place + 4 <= len(content) and content[place] == 0xFF and len(spans) < 1000:
        (length,) = struct.unpack_from(">H", content, place + 2)
        spans.append((place, place + 2 + length))
        if content[place + 1] == 0xDA:
            break
        place += 2 + length
    if not spans:
        raise ValueError("no segments")
    return spans


def mutate_tiff(content: bytes, rng: Random) -> bytes:
    """Return a TIFF of which one entry of its first directory differs.

    Raises:
        struct.error: if the directory is cut.
    """
    order = "<" if content[:2] == b"II" else ">"
    endian = "little" if order == "<" else "big"
    (directory,) = struct.unpack_from(order + "I", content, 4)
    (count,) = struct.unpack_from(order + "H", content, directory)
    data = bytearray(content)
    entry = directory + 2 + 12 * rng.randrange(max(count, 1))
    way = rng.random()
    if way < 0.5:
        data[entry + 8 : entry + 12] = number_bytes(rng, 4, endian)
    elif way < 0.65:
        data[entry + 4 : entry + 8] = number_bytes(rng, 4, endian)
    elif way < 0.75:
        struct.pack_into(order + "H", data, entry + 2, rng.randrange(0, 19))
    elif way < 0.85:
        tags = (256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 320, 322, 324, 338, 339)
        struct.pack_into(order + "H", data, entry, rng.choice(tags))
    elif way < 0.95:
        _resize_tiff(data, directory, count, order, rng)
    else:
        data[directory : directory + 2] = number_bytes(rng, 2, endian)
    return bytes(data)


def _resize_tiff(data: bytearray, directory: int, count: int, order: str, rng: Random) -> None:
    """Say that the picture is large: just below what readers admit, or beyond."""
    for row in range(count):
        entry = directory + 2 + 12 * row
        (tag,) = struct.unpack_from(order + "H", data, entry)
        if tag in (256, 257, 278):
            struct.pack_into(order + "HI", data, entry + 2, 4, 1)
            struct.pack_into(order + "I", data, entry + 8, rng.choice((13_400, 14_100, 30_000)))


def mutate_riff(content: bytes, rng: Random) -> bytes:
    """Return a RIFF file (WebP, AVI) of which one chunk differs."""
    spans: list[_Span] = []
    place = 12
    while place + 8 <= len(content) and len(spans) < 1000:
        (length,) = struct.unpack_from("<I", content, place + 4)
        inside = content[place : place + 4] in (b"LIST", b"ANMF")
        spans.append((place, min(place + 8 + length, len(content))))
        place += 12 if inside else 8 + length + length % 2
    start, end = rng.choice(spans)
    way = rng.random()
    if way < 0.25:
        return content[: start + 4] + number_bytes(rng, 4, "little") + content[start + 8 :]
    if way < 0.7:
        body = mutate_bytes(content[start + 8 : min(end, start + 300)], (), rng)
        return content[: start + 8] + body + content[min(end, start + 300) :]
    if way < 0.85:
        return content[:start] + content[end:]
    return content[:end] + content[start:end] + content[end:]
