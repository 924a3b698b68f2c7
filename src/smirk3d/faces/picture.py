"""The picture that a face was found in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.preprocessing.media.pixel_formats import RgbConverter

PictureSource: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[np.generic]
"""What a picture can be given as: a file, a PIL image, or an array ``[H, W, 3]``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture, for formats that show the face in it.

    Attributes:
        path: name of the picture as files give it.
        size: width and height of the upright picture in pixels.
        pixels: uint8 ``[H, W, 3]`` of the picture, perhaps reduced; None where it is not at hand.
    """

    path: str
    size: tuple[int, int]
    pixels: NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, source: PictureSource, name: str | None = None) -> Picture:
        """Return the picture of a file, a PIL image or an array.

        Args:
            source: path of a picture file; a PIL image of any mode; or an upright RGB array
                ``[H, W, 3]``, uint8 or floating point in [0, 1].
            name: name of the picture; the file's path, or ``picture``, unless given.

        Raises:
            InputError: if the file cannot be read, or the array is of another kind.
        """
        path = name or (os.fspath(source) if isinstance(source, str | os.PathLike) else "picture")
        pixels = rgb_pixels(source)
        return cls(path=path, size=(pixels.shape[1], pixels.shape[0]), pixels=pixels)

    def require_pixels(self) -> NDArray[np.uint8]:
        """Return the pixels.

        Raises:
            InputError: if they are not at hand.
        """
        if self.pixels is None:
            raise InputError(f"{self.path}: this needs the picture, which is not at hand")
        return self.pixels

    def __repr__(self) -> str:
        """Return name and size on one line."""
        width, height = self.size
        return f"Picture({self.path!r}, {width} x {height})"


def rgb_pixels(source: PictureSource) -> NDArray[np.uint8]:
    """Return the upright picture uint8 ``[H, W, 3]`` of a file, a PIL image or an array.

    Raises:
        InputError: if the file cannot be read, or the array is of another kind.
    """
    if isinstance(source, str | os.PathLike):
        return read_image(Path(source))
    if isinstance(source, Image.Image):
        upright = ImageOps.exif_transpose(source)
        return np.ascontiguousarray(RgbConverter(upright)(upright))
    return _checked(source)


def _checked(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    kind = getattr(array, "dtype", None)
    shape: Sequence[int] = getattr(array, "shape", ())
    described = f"{kind} {list(shape)}" if kind is not None else type(array).__name__
    expected = (
        "a picture must be a path, a PIL image, or an array uint8 [H, W, 3] or floating point "
        "[H, W, 3] in [0, 1]"
    )
    if not isinstance(array, np.ndarray) or len(shape) != 3 or shape[2] != 3 or not array.size:
        raise InputError(f"{expected}, got {described}")
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{expected}, got {described}")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{expected}, got {described} with NaN or infinite values")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise InputError(f"{expected}, got {described} from {low:g} to {high:g}: divide by 255")
    return np.rint(values * 255).astype(np.uint8)
