"""Pictures side by side on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from smirk3d.errors import check_shape

_PAPER = (250, 250, 251)
"""sRGB of the sheet; set by eye."""
_INK = (58, 62, 70)
"""sRGB of the labels; set by eye."""
_LABEL_SIZE = 15
"""Height of the labels' font in pixels; set by eye."""
_SMALLEST_LABEL = 8
"""Height in pixels below which a label that is too wide is not made smaller; set by eye: smaller
letters cannot be read."""
_SMOOTH = 4
"""Pixels by which the mask of a rounded corner is drawn larger, so that its edge has 17 steps."""


def contact_sheet(
    images: Sequence[NDArray[np.uint8]],
    columns: int,
    labels: Sequence[str] | None = None,
    *,
    gap: int = 12,
    corner: int = 8,
) -> NDArray[np.uint8]:
    """Return pictures in rows on light paper, each in the middle of its cell.

    Args:
        images: uint8 ``[H, W, 3]`` each, of any sizes, or ``[H, W, 4]`` with transparency.
        columns: pictures in a row.
        labels: a line of text under each, smaller where one would run into its neighbour.
        gap: between pictures and around them, in pixels.
        corner: radius of the pictures' round corners, in pixels.

    Returns:
        uint8 ``[H, W, 3]``.

    Raises:
        ValueError: if there are no pictures or columns, or labels do not match.
    """
    if not images or columns < 1:
        raise ValueError(f"got {len(images)} pictures for {columns} columns; need one of each")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"got {len(labels)} labels for {len(images)} pictures")
    columns = min(columns, len(images))
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    below = 2 * _LABEL_SIZE if labels is not None else 0
    rows = -(-len(images) // columns)
    size = (gap + columns * (width + gap), gap + rows * (height + below + gap))
    sheet = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(sheet), _font(labels, width) if labels else None
    for number, image in enumerate(images):
        left = gap + (number % columns) * (width + gap)
        top = gap + (number // columns) * (height + below + gap)
        at = (left + (width - image.shape[1]) // 2, top + (height - image.shape[0]) // 2)
        sheet.paste(Image.fromarray(image[..., :3]), at, _shape(image, corner))
        if labels is not None:
            middle = (left + width / 2, top + height + _LABEL_SIZE)
            draw.text(middle, labels[number], fill=_INK, font=font, anchor="mm")
    return np.asarray(sheet)


def _font(labels: Sequence[str], width: int) -> Any:
    """Return a font in which every label is at most so wide; one size for the whole sheet."""
    for size in range(_LABEL_SIZE, _SMALLEST_LABEL, -1):
        font = ImageFont.load_default(size)
        if all(font.getlength(label) <= width for label in labels):
            return font
    return ImageFont.load_default(_SMALLEST_LABEL)


def _shape(image: NDArray[np.uint8], corner: int) -> Image.Image:
    """Return the opacity of a picture with round corners."""
    check_shape(image, "H W 4" if image.shape[-1] == 4 else "H W 3", "image")
    mask = _round_corners(image.shape[1], image.shape[0], corner)
    if image.shape[2] == 4:
        combined = np.asarray(mask, np.uint16) * image[..., 3] // 255
        mask = Image.fromarray(combined.astype(np.uint8))
    return mask


@lru_cache(maxsize=1)
def _round_corners(width: int, height: int, corner: int) -> Image.Image:
    """Return a rectangle's opacity; not to be written to."""
    large = Image.new("L", (width * _SMOOTH, height * _SMOOTH), 0)
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, corner * _SMOOTH, fill=255)
    return large.resize((width, height), Image.Resampling.BOX)
