"""What ICT-FaceKit's README says about its mesh: vertex ranges, materials, names.

https://github.com/ICT-VGL/ICT-FaceKit, "Face Model Topology". Lengths are centimetres; the axes are
those of head space.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOME = "https://github.com/ICT-VGL/ICT-FaceKit"
NEUTRAL = "generic_neutral_mesh"
METRES_PER_UNIT = 0.01
"""ICT-FaceKit's unit is the centimetre."""
NUM_PUBLISHED_VERTICES = 26_719
"""Vertices of the published light model."""

NUM_VERTICES = 24_591
"""Vertices kept: all but tear fluid, blend and occlusion strips and lashes, which come last."""

FACE = slice(0, 6_706)
"""The narrow face area: from the hairline to the chin, without ears and neck."""

WIDE_FACE = slice(0, 9_409)
MOUTH_SOCKET = slice(11_248, 13_294)
EYE_SOCKETS = slice(13_294, 14_062)
GUMS_AND_TONGUE = slice(14_062, 17_039)
UPPER_TEETH = slice(17_039, 19_247)
LOWER_TEETH = slice(19_247, 21_451)
EYE_LEFT, EYE_RIGHT = slice(21_451, 23_021), slice(23_021, 24_591)
SCLERA_LEFT, SCLERA_RIGHT = slice(21_451, 22_221), slice(23_021, 23_791)

LANDMARKS = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272,
    4088, 3443, 268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857,
    1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721,
    3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711,
    5533, 6216, 6207, 6470, 5517, 5966,
)  # fmt: skip
"""Vertices of iBUG's 68 landmarks ("Facial Landmarks" in the README)."""

_ATLAS = {
    "M_Face": ((0, 0), (0.0, 0.0), 0.75),
    "M_BackHead": ((1, 0), (0.75, 0.0), 0.25),
    "M_GumsTongue": ((2, 0), (0.75, 0.25), 0.25),
    "M_Teeth": ((3, 0), (0.75, 0.5), 0.25),
    "M_ScleraLeft": ((0, 0), (0.75, 0.75), 0.25),
    "M_IrisLeft": ((0, 0), (0.5, 0.75), 0.25),
    "M_ScleraRight": ((0, 0), (0.25, 0.75), 0.25),
    "M_IrisRight": ((0, 0), (0.0, 0.75), 0.25),
}
"""Published square of each material, and its corner and side in the atlas; a choice of ours."""


def atlas_coordinates(uv: NDArray[np.float64], materials: NDArray[np.str_]) -> NDArray[np.float64]:
    """Return texture coordinates in one square ``[0, 1]``.

    ICT-FaceKit gives each material a square of its own, some of them the same one. Here the face
    takes the lower left three quarters, the others a quarter each above and beside it.

    Args:
        uv: published coordinates of each corner ``[..., 2]``.
        materials: of each corner's triangle ``[...]``.
    """
    placed = np.zeros_like(uv)
    for material, (tile, corner, size) in _ATLAS.items():
        rows = materials == material
        placed[rows] = (uv[rows] - tile) * size + corner
    return placed


def arkit_spelling(name: str) -> str:
    """Return ``eyeBlinkLeft`` of ``eyeBlink_L``; names without side stay."""
    base, _, side = name.partition("_")
    return base + {"L": "Left", "R": "Right"}.get(side, "")
