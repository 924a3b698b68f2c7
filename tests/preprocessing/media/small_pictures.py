"""Pictures of two colours and PNG files made by hand, which tests of reading share."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

RED, BLUE = (200, 30, 30), (30, 30, 200)


def two_colours(width: int = 64, height: int = 48) -> Image.Image:
    """Left half red, right half blue."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


def saved(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def assert_two_colours(pixels: np.ndarray, tolerance: int = 0) -> None:
    assert pixels.shape == (48, 64, 3) and pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    np.testing.assert_allclose(pixels[24, 8].astype(int), RED, atol=tolerance)
    np.testing.assert_allclose(pixels[24, 56].astype(int), BLUE, atol=tolerance)


def png_of(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG file, whose rows may be absent."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    stride = len(rows) // height
    filtered = b"".join(
        b"\0" + rows[i * stride : (i + 1) * stride] for i in range(height if rows else 0)
    )
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(filtered))
        + chunk(b"IEND", b"")
    )  # fmt: skip
