"""The modules of USD, loaded when a file is written, and its arrays of NumPy's."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.optional import require


@dataclass(frozen=True)
class Pxr:
    """The modules of USD, which the extra ``usd`` installs."""

    Gf: ModuleType
    Sdf: ModuleType
    Usd: ModuleType
    UsdGeom: ModuleType
    UsdShade: ModuleType
    UsdSkel: ModuleType
    Vt: ModuleType


def load_pxr() -> Pxr:
    """Return the modules.

    Raises:
        MissingExtra: if usd-core is not installed.
    """
    names = Pxr.__dataclass_fields__
    return Pxr(**{name: require(f"pxr.{name}", extra="usd") for name in names})


def vectors(pxr: Pxr, values: NDArray[np.floating]) -> Any:
    """Return vectors ``[N, 3]`` as USD's array."""
    array = np.ascontiguousarray(values, np.float32)
    return pxr.Vt.Vec3fArray.FromNumpy(array)
