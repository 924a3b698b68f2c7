"""A figure for papers: the photo, the head over it, the head in clay, and its actions as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from smirk3d.assets.atomic import atomic_path
from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.export.pictures.face_pictures import posed
from smirk3d.faces import Face
from smirk3d.rendering.clay import View, clay, facing_viewer
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.rendering.folds import face_slopes
from smirk3d.rendering.pictures import overlay

_SIDE = 480
"""Side of a panel in pixels, 41 mm at :data:`_DPI`; four make a figure 16 cm wide."""
_SHOWN = 16
"""Strongest actions that are drawn as bars."""
_LEAST = 0.02
"""Smallest weight whose bar can be told from none: 2 % of its full length is four pixels."""
_INK, _SOFT, _BAR, _PAPER = (40, 43, 49), (226, 229, 234), (47, 111, 222), (255, 255, 255)
"""sRGB of text, of empty bars, of bars and of the background; chosen by eye."""
_NAME_FRACTION, _MARGIN = 0.44, 28
"""Width of the names as a fraction of the panel, and the margin in pixels; set by eye. The longest
name, mouthLowerDownRight, takes 144 of the 201 pixels there are."""
_DPI = 300
"""Dots an inch, what journals ask of colour figures in print."""


def write_figure(path: str | Path, face: Face) -> None:
    """Write a PNG with photo, overlay, clay and the strongest actions, side by side.

    Args:
        path: the file.
        face: the face; without its picture's pixels, photo and overlay are left out.

    Raises:
        OutputError: if it cannot be written.
    """
    head, parameters, vertices = face.model(), face.parameters, face.vertices()
    panels, labels = [], []
    if face.shows_pixels:
        square = np.asarray(
            Image.fromarray(face.crop(CROP_SIZE, _SIDE)).resize(
                (_SIDE, _SIDE), Image.Resampling.LANCZOS
            )
        )
        zoom = np.diag([CROP_SIZE / _SIDE, CROP_SIZE / _SIDE, 1.0])
        panels += [square, overlay(square, [posed(face, zoom)])]
        labels += ["photo", "head over the photo"]
    view = View(height=_SIDE, width=_SIDE)
    slopes = face_slopes(head, parameters)
    panels.append(clay(head, facing_viewer(head, vertices), view, slopes=slopes))
    labels.append("facing the viewer")
    if head.has_named_actions:
        weights = head.arkit(parameters[None].to(head.v_template))[0].tolist()
        panels.append(action_bars(ARKIT_NAMES, weights, _SIDE))
        labels.append("strongest actions")
    sheet = contact_sheet(panels, len(panels), labels)
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary, "PNG", dpi=(_DPI, _DPI))


def action_bars(names: Sequence[str], weights: Sequence[float], side: int) -> NDArray[np.uint8]:
    """Return a bar chart uint8 ``[side, side, 3]`` of the strongest actions, 0 to 1.

    Args:
        names: of all actions.
        weights: of each.
        side: in pixels.
    """
    chart = Image.new("RGB", (side, side), _PAPER)
    draw = ImageDraw.Draw(chart)
    ranked = sorted(zip(weights, names, strict=True), reverse=True)
    shown = [(weight, name) for weight, name in ranked if weight >= _LEAST][:_SHOWN]
    row = (side - 2 * _MARGIN) / (_SHOWN + 1)
    font = ImageFont.load_default(round(0.52 * row))
    left, right = round(_NAME_FRACTION * side), side - _MARGIN - round(1.4 * row)
    bottom = _MARGIN + row * _SHOWN
    for tick in (0, 0.5, 1):
        x = left + tick * (right - left)
        draw.line((x, _MARGIN, x, bottom), _SOFT, 2)
        draw.text((x, bottom + 0.5 * row), f"{tick:g}", _INK, font, "mm")
    if not shown:
        draw.text((side / 2, side / 2), "at rest", _INK, font, "mm")
    for number, (weight, name) in enumerate(shown):
        middle = _MARGIN + row * (number + 0.5)
        end = left + min(weight, 1.0) * (right - left)
        draw.text((left - 0.4 * row, middle), name, _INK, font, "rm")
        draw.rectangle((left, middle - 0.3 * row, end, middle + 0.3 * row), _BAR)
        draw.text((end + 0.25 * row, middle), f"{weight:.2f}", _INK, font, "lm")
    return np.asarray(chart)
