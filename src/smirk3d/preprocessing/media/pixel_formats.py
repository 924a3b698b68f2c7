"""Pixels of any mode to 8-bit sRGB.

Integers wider than eight bits and floating-point numbers carry no stated white. The rule: 16-bit
files have white at 65535; otherwise white is 1 (floating point only), 255 or 65535, the first that
no pixel exceeds, else the largest pixel. Negative values and NaN are black.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

BACKGROUND = 128
"""Grey level, of 255, that shows through transparent pixels."""

_WIDE_MODES = ("I", "F")
_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")


_STRIP_ROWS = 256
"""Rows worked on at once: 18 MB in single precision of a photo of 24 megapixels."""


def strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield the first row's number and the rows of a picture, so many at a time."""
    for top in range(0, picture.height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, picture.height)
        yield top, picture.crop((0, top, picture.width, bottom))


class RgbConverter:
    """Converts strips of one picture to RGB by the rules that its mode, profile and range give.

    Args:
        picture: the loaded picture.
    """

    def __init__(self, picture: Image.Image) -> None:
        """Read the properties of the whole picture once."""
        self._wide = picture.mode in _WIDE_MODES or picture.mode.startswith("I;")
        self._white = _white(picture) if self._wide else 255.0
        self._alpha = picture.mode in _ALPHA_MODES or "transparency" in picture.info
        self._profile_mode = _profile_mode(picture.mode)
        self._transform = _to_srgb(picture, self._profile_mode)

    def __call__(self, strip: Image.Image) -> NDArray[np.uint8]:
        """Return the strip as uint8 ``[H, W, 3]``."""
        if self._wide:
            values = np.nan_to_num(np.asarray(strip, np.float32), nan=0.0) * (255 / self._white)
            grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
            strip = Image.fromarray(grey)
        if not self._alpha:
            return np.asarray(self._opaque(strip))
        with_alpha = strip.convert("RGBA")
        alpha = np.asarray(with_alpha.getchannel("A"), np.float32)[..., None] / 255
        colour = np.asarray(self._opaque(with_alpha.convert("RGB")), np.float32)
        mixed = colour * alpha + BACKGROUND * (1 - alpha)
        return np.rint(mixed).astype(np.uint8)

    def _opaque(self, strip: Image.Image) -> Image.Image:
        if self._transform is not None:
            converted = ImageCms.applyTransform(strip.convert(self._profile_mode), self._transform)
            if converted is not None:
                return converted
        return strip.convert("RGB")


def _white(picture: Image.Image) -> float:
    if picture.mode.startswith("I;16"):
        return 65535.0
    largest = 0.0
    for _, strip in strips(picture):
        values = np.asarray(strip, np.float64)
        largest = max(largest, float(values.max(initial=0, where=np.isfinite(values))))
    steps = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0)
    return next((step for step in steps if largest <= step), largest)


def _profile_mode(mode: str) -> str:
    """Return the mode whose channels an embedded profile describes."""
    if mode in {"CMYK", "LAB"}:
        return mode
    return "L" if mode in {"1", "L", "LA", "La"} or mode[0] in "IF" else "RGB"


def _to_srgb(picture: Image.Image, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from the embedded profile, or None where sRGB can be taken as given."""
    profile_bytes = picture.info.get("icc_profile")
    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile_bytes:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile_bytes))
            if "srgb" in ImageCms.getProfileDescription(source).lower():
                return None
        else:
            return None
        if mode == "L" and source.profile.xcolor_space.strip() != "GRAY":
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
