"""Faces as tables for pandas, which is imported when a table is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.assets.optional import require
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

if TYPE_CHECKING:
    import pandas as pd


def parameter_columns(
    parameters: FaceParameters, head: HeadModel | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return each component of B faces as a column ``[B]``.

    Args:
        parameters: ``[B]``.
        head: the head, whose names for components the columns get: ``expression.jawOpen``. Without
            it they are numbered: ``expression.0``.
    """
    names = {group.name: group.names for group in head.spec} if head is not None else {}
    columns = {}
    for group, values in parameters.items():
        named = names.get(group) or [str(number) for number in range(values.shape[-1])]
        for number, name in enumerate(named):
            columns[f"{group}.{name}"] = to_numpy(values[:, number]).astype(np.float64)
    return columns


def data_frame(
    rows: Iterable[Mapping[str, float | int | str]] | Mapping[str, NDArray[np.generic]],
) -> pd.DataFrame:
    """Return a pandas table of rows, or of columns.

    Raises:
        MissingExtra: if pandas is not installed.
    """
    pandas = require("pandas", extra="tables")
    return pandas.DataFrame(rows if isinstance(rows, Mapping) else list(rows))
