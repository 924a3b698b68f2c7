"""Read a picture file as upright RGB; write PNG."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.errors import InputError, OutputError, ShapeError
from smirk3d.preprocessing.native_log import quiet_stderr
from smirk3d.preprocessing.pixel_formats import RgbConverter, strips

MAX_PIXELS = 200_000_000
"""Largest picture that is read: the largest phone sensors; beyond it lie decompression bombs."""

MIN_SIDE = 16
"""Shortest side of a picture, in pixels, that can hold a face."""

_FORMATS = (
    "JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "TGA",
    "QOI", "ICO", "SGI",
)  # fmt: skip
"""What is decoded. Pillow knows more, among them formats that run other programs (EPS)."""

_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError,
    RuntimeError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files, as fuzzing them shows."""

_UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[:, ::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[::-1],
}
"""EXIF orientation to the view that shows the picture upright."""

_limit_lock = threading.Lock()


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Return a picture as uint8 RGB ``[H, W, 3]``, upright and in sRGB.

    The EXIF orientation is applied and an ICC profile converted to sRGB (a damaged profile is
    ignored). Transparent places show mid grey, which hides neither dark nor light hair. Of an
    animation or a multi-page file the first picture is read. Sixteen bits are reduced to eight;
    the rule for wider and floating-point pixels is in :mod:`smirk3d.preprocessing.pixel_formats`.
    Beside the result, memory of at most about four bytes a pixel is used while reading.

    Raises:
        InputError: if the file is missing, no picture, damaged, larger than ``MAX_PIXELS`` or
            shorter on a side than ``MIN_SIDE``.
        MissingExtra: for HEIC without the extra that reads it.
    """
    path = Path(path)
    _check_readable(path)
    pixels, orientation = _stored_pixels(path)
    if orientation in _UPRIGHT:
        pixels = _UPRIGHT[orientation](pixels)
    return np.ascontiguousarray(pixels)


def write_png(path: str | os.PathLike[str], image: NDArray[np.uint8]) -> None:
    """Write a picture as PNG, whole or not at all.

    Args:
        path: the file; an existing one is replaced.
        image: uint8, ``[H, W, 3]`` RGB, ``[H, W, 4]`` RGBA or ``[H, W]`` grey.

    Raises:
        OutputError: if it cannot be written.
        ShapeError: if the array is none of these.
    """
    if image.dtype != np.uint8 or not (
        image.ndim == 2 or (image.ndim == 3 and image.shape[2] in {3, 4})
    ):
        raise ShapeError(
            "image must be uint8 of shape [H, W], [H, W, 3] or [H, W, 4], "
            f"got {image.dtype} {list(image.shape)}"
        )
    if 0 in image.shape:
        raise OutputError(f"{path} cannot be written: the picture is empty")
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image)).save(temporary, format="PNG", compress_level=4)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _check_readable(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give the pictures in it")
        if not path.exists():
            raise InputError(f"{path} does not exist: check the name and the folder")
        if not path.is_file():
            raise InputError(f"{path} is not a regular file: give a picture file")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty: copy or export it again")
        with path.open("rb") as file:
            start = file.read(64)
    except PermissionError as error:
        raise InputError(f"{path} may not be read: change its permissions") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path!s} cannot be read ({_first_line(error)}): check it") from error
    if _is_heif(start):
        require("pi_heif", extra="heic").register_heif_opener()


def _is_heif(start: bytes) -> bool:
    """Tell HEIC from AVIF, which share the container, by the brands in the first box."""
    if start[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12]} | {start[i : i + 4] for i in range(16, length - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return False
    return bool(brands & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})


def _stored_pixels(path: Path) -> tuple[NDArray[np.uint8], int]:
    """Return the pixels ``[H, W, 3]`` of a file and the EXIF orientation that is left to apply."""
    with _no_warnings(), _opened(path) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise InputError(
                f"{path} has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million: "
                "reduce it first"
            )
        if min(width, height) < MIN_SIDE:
            raise InputError(
                f"{path} has {width} x {height} pixels, too few to hold a face: "
                "give a larger picture"
            )
        try:
            with quiet_stderr() if picture.format == "TIFF" else contextlib.nullcontext():
                return _decoded(picture)
        except MemoryError as error:
            raise InputError(
                f"{path} ({width} x {height} pixels) does not fit into memory: reduce it first"
            ) from error
        except _DECODER_ERRORS as error:
            raise InputError(
                f"{path} is damaged or cut short ({_first_line(error)}): copy or export it again"
            ) from error


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep Pillow from warning of odd metadata in files that it then reads well, or not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        # Pillow's own limit is global and lower than the largest sensors; ours is checked above.
        with _limit_lock:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                Image.init()
                known = [name for name in _FORMATS if name in Image.OPEN]
                picture = Image.open(path, formats=known)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not a picture in a known format: give JPEG, PNG, WebP, AVIF, HEIC or TIFF"
        ) from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read: change its permissions") from error
    except _DECODER_ERRORS as error:
        raise InputError(
            f"{path} is damaged ({_first_line(error)}): copy or export it again"
        ) from error
    with picture:
        yield picture


def _decoded(picture: Image.Image) -> tuple[NDArray[np.uint8], int]:
    picture.load()
    # After load(), because Pillow itself turns TIFF upright there.
    orientation = _orientation(picture)
    width, height = picture.size
    convert = RgbConverter(picture)
    pixels = np.empty((height, width, 3), np.uint8)
    for top, strip in strips(picture):
        pixels[top : top + strip.height] = convert(strip)
    return pixels, orientation


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except _DECODER_ERRORS:
        return 1
