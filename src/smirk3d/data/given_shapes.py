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

from smirk3d.errors import InputError


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
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; it must hold key [M] and shape [M, {shapes.shape[1]}]"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            names, given = file["key"].astype(str), file["shape"].astype(np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: damaged or of another kind ({error})") from error
    if given.ndim != 2 or len(given) != len(names) or not 0 < given.shape[1] <= shapes.shape[1]:
        expected = f"[{len(names)}, up to {shapes.shape[1]}]"
        raise InputError(f"{path}: shape is {list(given.shape)}, expected {expected}")
    if not np.isfinite(given).all():
        raise InputError(f"{path}: shape holds values that are not finite")
    rows = {name: row for row, name in enumerate(names.tolist())}
    known = np.array([rows.get(key, -1) for key in keys.tolist()])
    if (known < 0).all():
        raise InputError(f"{path}: none of its keys is that of a photo")
    found = torch.from_numpy(known >= 0)
    result = shapes.clone()
    result[found] = 0
    result[found, : given.shape[1]] = torch.from_numpy(given[known[known >= 0]])
    return result
