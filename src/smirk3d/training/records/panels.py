"""Sheets of a path's pictures, side by side, to look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.rendering.contact_sheet import contact_sheet


def panel_sheet(panels: Mapping[str, Tensor], rows: int = 6) -> NDArray[np.uint8]:
    """Return a sheet uint8 ``[H, W, 3]``: a row a face, a column a kind of picture.

    Args:
        panels: pictures ``[B, 3, H, W]`` in [0, 1] by name, all of one size.
        rows: at most so many faces.

    Raises:
        ValueError: if there are no panels.
    """
    if not panels:
        raise ValueError("there are no panels to show")
    count = min(rows, *(len(panel) for panel in panels.values()))
    pictures = [_to_uint8(panel[row]) for row in range(count) for panel in panels.values()]
    return contact_sheet(pictures, len(panels), list(panels) * count)


def _to_uint8(picture: Tensor) -> NDArray[np.uint8]:
    scaled = picture.detach().float().clamp(0, 1).mul(255).round()
    array: NDArray[np.uint8] = scaled.byte().permute(1, 2, 0).cpu().numpy()
    return array
