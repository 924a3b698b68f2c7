"""Region masks from geometry, for heads that come without any.

Distances are in units of the distance between the eyes' centres, from the point midway, so that
they hold for heads of any size. They are meant for an upright, average template.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.mesh_parts import Floats, inside_polygon

Mask = NDArray[np.bool_]

_OUTER_LIPS = slice(48, 60)
_EYES = (slice(36, 42), slice(42, 48))
_BROWS = (slice(17, 22), slice(22, 27))
_NOSE = (27, 31, 32, 33, 34, 35)
"""Of iBUG's 68 landmarks, counted from 0: the nose's root and its base."""


def region_masks(
    vertices: Floats,
    skin: Mask,
    eye_centres: Floats,
    *,
    landmarks: Floats | None = None,
    face: Mask | None = None,
    hairless: Mask | None = None,
) -> dict[str, NDArray[np.uint8]]:
    """Return the masks ``region_<name>`` ``[V]`` of the eight regions that every head has.

    Args:
        vertices: template ``[V, 3]`` in metres, head axes.
        skin: vertices of the outer skin ``[V]``.
        eye_centres: ``[2, 3]`` in metres.
        landmarks: iBUG's 68 points on the template ``[68, 3]``; they outline lips, nose, eyes and
            brows better than boxes do.
        face: the face, where it is known ``[V]``.
        hairless: face, ears and front of the neck together, where they are known ``[V]``.
    """
    unit = float(np.linalg.norm(eye_centres[0] - eye_centres[1]))
    middle = eye_centres.mean(0)
    x, y, z = ((vertices - middle) / unit).T
    wide = abs(x)
    ears = skin & (wide > 1.12) & (z < -0.7) & (z > -1.75) & (y > -1.15) & (y < 0.3)
    if hairless is not None:
        ears &= hairless
    neck = skin & (y < -1.7 - 0.6 * z.clip(-1.5, 0.2)) & (z < 0.1) & ~ears
    if face is not None:
        neck &= ~face
    else:
        face = skin & ~ears & ~neck & (y < 1.25) & (y > -2.0) & (z > -0.95)
    scalp = skin & ~face & ~ears & ~neck
    if landmarks is None:
        inner = {
            "lips": skin & (y < -0.88) & (y > -1.34) & (wide < 0.48) & (z > 0.19),
            "nose": skin & (y < 0.16) & (y > -0.84) & (wide < 0.32) & (z > 0.26),
            "eyes": skin & (abs(y) < 0.35) & (wide > 0.16) & (wide < 0.9) & (z > -0.16),
            "brows": skin & (y > 0.23) & (y < 0.52) & (wide < 0.97) & (z > 0),
        }
    else:
        points = (landmarks - middle) / unit
        inner = _outlined(np.stack([x, y, z], 1), skin & (z > -0.3), points)
    masks = {"face": face, **inner, "ears": ears, "neck": neck, "scalp": scalp}
    return {f"region_{name}": mask.astype(np.uint8) for name, mask in masks.items()}


def _outlined(points: Floats, skin: Mask, landmarks: Floats) -> dict[str, Mask]:
    flat, marks = points[:, :2], landmarks[:, :2]
    lips = skin & inside_polygon(flat, _grown(marks[_OUTER_LIPS], 1.06))
    lips &= points[:, 2] > landmarks[_OUTER_LIPS, 2].min() - 0.1
    eyes = np.zeros(len(points), bool)
    for eye in _EYES:
        around = _grown(marks[eye], 1.4)
        around[:, 1] += 0.09 * np.sign(around[:, 1] - around[:, 1].mean())
        eyes |= skin & inside_polygon(flat, around)
    brows = np.zeros(len(points), bool)
    for brow in _BROWS:
        line = marks[brow]
        band = np.concatenate([_shifted(line, 0, 0.1), _shifted(line[::-1], 0, -0.08)])
        brows |= skin & inside_polygon(flat, band)
    top, *base = marks[list(_NOSE)]
    right, left = np.array([base[0], base[-1]]) * [1.7, 1.0]
    outline = [
        _shifted(top, 0.12, 0), _shifted(top, -0.12, 0),
        _shifted(right, 0, 0.25), right, left, _shifted(left, 0, 0.25),
    ]  # fmt: skip
    nose = skin & inside_polygon(flat, np.array(outline)) & ~eyes
    return {"lips": lips, "nose": nose, "eyes": eyes, "brows": brows}


def _shifted(points: Floats, x: float, y: float) -> Floats:
    moved: Floats = points + np.array([x, y])
    return moved


def _grown(polygon: Floats, factor: float) -> Floats:
    middle = polygon.mean(0)
    grown: Floats = middle + (polygon - middle) * factor
    return grown
