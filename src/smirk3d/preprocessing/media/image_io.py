"""Read a picture file as upright RGB; write PNG."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.errors import InputError, OutputError, ShapeError, Smirk3dError
from smirk3d.preprocessing.media.pixel_formats import RgbConverter, strips
from smirk3d.preprocessing.media.regular_files import read_once
from smirk3d.preprocessing.native_log import quiet_stderr

MAX_PIXELS = 200_000_000
"""Largest picture that is read: the largest phone sensors; beyond it lie decompression bombs."""

MAX_BYTES = 640_000_000
"""Largest picture file that is read: 100 megapixels at 16 bits without compression, and more.

With :data:`MAX_PIXELS` it keeps reading under 2 GiB."""

MIN_SIDE = 16
"""Shortest side of a picture, in pixels, that can hold a face."""

_FORMATS = (
    "JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "TGA",
    "QOI", "ICO", "SGI",
)  # fmt: skip
"""What is decoded. Pillow knows more, among them formats that run other programs (EPS)."""

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


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Return a picture as uint8 RGB ``[H, W, 3]``, upright and in sRGB.

    The EXIF orientation is applied and an ICC profile converted to sRGB (a damaged profile is
    ignored). Transparent places show mid grey, which hides neither dark nor light hair. Of an
    animation or a multi-page file the first picture is read. Sixteen bits are reduced to eight;
    the rule for wider and floating-point pixels is in
    :mod:`smirk3d.preprocessing.media.pixel_formats`. Beside the result and the file, memory of at
    most about four bytes a pixel is used.

    Raises:
        InputError: if the file is missing, no picture, damaged, larger than ``MAX_PIXELS`` or
            ``MAX_BYTES``, or shorter on a side than ``MIN_SIDE``.
        MissingExtra: for HEIC without the extra that reads it.
    """
    return read_image_bytes(picture_bytes(path), path)


def picture_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a picture file, read once, for :func:`read_image_bytes`.

    Raises:
        InputError: if it is no regular file, empty, larger than ``MAX_BYTES``, or cannot be read.
    """
    return read_once(Path(path), "picture", MAX_BYTES)


def read_image_bytes(content: bytes, name: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Return the picture that a file's content shows, as :func:`read_image` does.

    Args:
        content: of the file, as :func:`picture_bytes` gives it.
        name: of the file, for messages.

    Raises:
        InputError: if it is no picture, damaged, larger than ``MAX_PIXELS`` or shorter on a side
            than ``MIN_SIDE``.
        MissingExtra: for HEIC without the extra that reads it.
    """
    if _is_heif(content[:64]):
        require("pi_heif", extra="heic").register_heif_opener()
    pixels, orientation = _stored_pixels(content, os.fspath(name))
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


def _is_heif(start: bytes) -> bool:
    """Tell HEIC from AVIF, which share the container, by the brands in the first box."""
    if start[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12]} | {start[i : i + 4] for i in range(16, length - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return False
    return bool(brands & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})


def _stored_pixels(content: bytes, name: str) -> tuple[NDArray[np.uint8], int]:
    """Return the pixels ``[H, W, 3]`` of a file and the EXIF orientation that is left to apply."""
    try:
        with _no_warnings(), _size_guard, _opened(content) as picture:
            _check_size(picture.size, name)
            with quiet_stderr() if picture.format == "TIFF" else contextlib.nullcontext():
                return _decoded(picture)
    except UnidentifiedImageError as error:
        raise InputError(
            f"{name} is not a picture in a known format: give JPEG, PNG, WebP, AVIF, HEIC or TIFF"
        ) from error
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{name} has more than {MAX_PIXELS // 10**6} million pixels: reduce it first"
        ) from error
    except MemoryError as error:
        raise InputError(f"{name} does not fit into memory: reduce it first") from error
    except Smirk3dError:
        raise
    except Exception as error:  # Pillow's decoders raise of every kind on damaged files
        raise InputError(
            f"{name} is damaged or cut short ({_first_line(error)}): copy or export it again"
        ) from error


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million: "
            "reduce it first"
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{name} has {width} x {height} pixels, too few to hold a face: give a larger picture"
        )


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep Pillow from warning of odd metadata in files that it then reads well, or not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _SizeGuard:
    """Sets Pillow's own limit to ours while any thread reads, since it is the process's.

    Pillow looks at it at places where sizes are told anew: tiles of TIFF, pictures within icons.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = Image.MAX_IMAGE_PIXELS
                Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses what is twice as large

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                Image.MAX_IMAGE_PIXELS = self._before


_size_guard = _SizeGuard()


def _opened(content: bytes) -> Image.Image:
    Image.preinit()
    try:
        return _identified(content)
    except UnidentifiedImageError:
        # not one of the usual formats; all decoders take longer to load than a photo to decode
        Image.init()
        return _identified(content)


def _identified(content: bytes) -> Image.Image:
    """Return a picture, not yet decoded, of a format that is loaded."""
    known = [name for name in _FORMATS if name in Image.OPEN]
    return Image.open(io.BytesIO(content), formats=known)


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
    except Exception:  # Pillow raises of every kind on damaged metadata
        return 1
