"""Region masks of the open head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.converters.anny_surface import HeadSurface


def region_masks(
    surface: HeadSurface, template: NDArray[np.float64]
) -> dict[str, NDArray[np.uint8]]:
    """Return the masks ``region_<name>`` ``[V]``."""
    x, y, z = template.T
    skin = surface.mask("skin")
    eye_y = template[surface.mask("eyeL")][:, 1].mean()
    eye_z = template[surface.mask("eyeL")][:, 2].mean()
    d = y - eye_y
    ax = abs(x)
    ears = skin & (ax > 0.066) & (z < eye_z - 0.045) & (d > -0.06) & (d < 0.04) & (z > eye_z - 0.1)
    neck = skin & (d < -0.105) & (z < eye_z)
    scalp = skin & ~ears & ~neck & ((d > 0.075) | (z < eye_z - 0.06))
    face = skin & ~ears & ~neck & ~scalp & (z > eye_z - 0.06) & (d > -0.115)
    masks = {
        "face": face,
        "lips": skin & (d < -0.055) & (d > -0.083) & (ax < 0.03) & (z > eye_z + 0.012),
        "nose": skin & (ax < 0.02) & (d < 0.01) & (d > -0.052) & (z > eye_z + 0.016),
        "eyes": skin & (abs(d) < 0.022) & (ax > 0.01) & (ax < 0.055) & (z > eye_z - 0.01),
        "brows": skin & (d > 0.014) & (d < 0.032) & (ax < 0.06) & (z > eye_z),
        "ears": ears,
        "neck": neck,
        "scalp": scalp,
    }
    return {f"region_{name}": mask.astype(np.uint8) for name, mask in masks.items()}
