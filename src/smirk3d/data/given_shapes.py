"""Identity coefficients that another method gives for the photos, as targets of training.

SMIRK takes its shape targets from MICA (Zielonka et al., ECCV 2022). Whoever has it writes its
codes to a file and names that in ``data.shapes``; photos that are not in the file keep the fitted
shape.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.assets.foreign.npz import read_npz
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import NUMBER, TEXT, ArrayRule
from smirk3d.errors import InputError

_LARGEST = 512 << 20
"""Bytes; MICA's 300 coefficients of a hundred thousand photos have 120 MB."""
_LARGEST_COEFFICIENT = 1e4
"""Coefficients are in standard deviations, or a small multiple of them: nothing near this is a
face."""
_RULES = {
    "key": ArrayRule("M", TEXT),
    "shape": ArrayRule("M S", NUMBER, low=-_LARGEST_COEFFICIENT, high=_LARGEST_COEFFICIENT),
}


def with_given_shapes(shapes: Tensor, keys: NDArray[np.str_], path: Path) -> Tensor:
    """Return shapes ``[N, S]`` with those of the file in place of the photos' own.

    Args:
        shapes: fitted coefficients ``[N, S]``.
        keys: of the photos ``[N]``.
        path: npz with ``key`` ``[M]`` and ``shape`` ``[M, S']``; S' may be smaller than S, and the
            rest is then 0.

    Raises:
        InputError: if the file is absent, damaged, of other shapes, or of no photo.
    """
    most = shapes.shape[1]
    origin = Origin(str(path), "file of shapes", f"it must hold key [M] and shape [M, {most}]")
    arrays = read_npz(origin.require_file(), origin, _RULES, budget=_LARGEST)
    names, given = arrays["key"], arrays["shape"].astype(np.float32)
    if not 0 < given.shape[1] <= most:
        raise origin.refusal(f"shape is {list(given.shape)}, expected [{len(names)}, up to {most}]")
    rows = {name: row for row, name in enumerate(names.tolist())}
    row = np.array([rows.get(key, -1) for key in keys.tolist()])
    if (row < 0).all():
        raise InputError(f"{path}: none of its keys is that of a photo")
    found = torch.from_numpy(row >= 0)
    result = shapes.clone()
    result[found] = 0
    result[found, : given.shape[1]] = torch.from_numpy(given[row[row >= 0]])
    return result
