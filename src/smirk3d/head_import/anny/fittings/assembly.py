"""The fittings joined to the arrays of a head file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.fittings.dentition import dentition
from smirk3d.head_import.anny.fittings.hair import brows, lashes
from smirk3d.head_import.anny.fittings.patch import Patch, patch
from smirk3d.head_import.anny.repairs.face_points import LIP_CONTACT
from smirk3d.head_import.anny.repairs.skin_fields import Field, ramp
from smirk3d.head_import.anny.surface import HeadSurface
from smirk3d.heads.spec import PARTS

Arrays = dict[str, NDArray[Any]]

_TONGUE_SIZE = np.array([0.78, 0.92, 0.97])
"""Factors of the tongue's width, height and length; set by eye."""
_TONGUE_SHIFT = np.array([0.0, -0.0035, -0.0005])
"""How the sources' tongue is made to lie within the lower teeth, about its back."""
_TONGUE_TAPER = 0.45
"""Fraction of its size that it loses towards its back, which slim necks would not hold."""


def with_fittings(arrays: Arrays, surface: HeadSurface) -> Arrays:
    """Return a head file's arrays with fittings in the place of the sources' walls of teeth.

    Skin, cavity, tongue and eyes come first, in the order that they had; strips of hair last, so
    that triangles have one number with and without them.
    """
    template = arrays["v_template"].copy()
    tongue = surface.mask("tongue")
    back = np.array([0.0, template[tongue, 1].mean(), template[tongue, 2].min()])
    template[tongue] = back + _TONGUE_SHIFT + _TONGUE_SIZE * (template[tongue] - back)
    narrow = 1 - _TONGUE_TAPER * ramp(template[tongue, 2] - back[2], 0.04, 0.0)
    template[tongue, :2] = back[:2] + narrow[:, None] * (template[tongue, :2] - back[:2])
    upper, lower = surface.mask("teethU"), surface.mask("teethL")
    eye = arrays["joints"][list(arrays["joint_names"]).index("eyeL")]
    lip_line = float(template[surface.mouth_loops[LIP_CONTACT][0], 1])
    patches = [
        *dentition(template, upper, lower, lip_line),
        _neck_cap(template, surface, arrays),
        brows(template, eye, surface),
        *lashes(template, eye, surface),
    ]
    joined = {**arrays, "v_template": template}
    kept = np.flatnonzero(~(upper | lower))
    return {**_per_vertex(joined, kept, patches), **_triangles(arrays, kept, patches)}


def _neck_cap(template: Field, surface: HeadSurface, arrays: Arrays) -> Patch:
    """Return a fan that closes the neck, with vertices of its own for a sharp rim.

    It has the texture of a single place of the rim.
    """
    loop = surface.neck_loop
    count = len(loop)
    points = np.concatenate([template[loop], template[loop].mean(0, keepdims=True)])
    weights = np.concatenate([np.eye(count), np.full((1, count), 1 / count)])
    fan = np.stack([np.arange(count), np.roll(np.arange(count), -1), np.full(count, count)], 1)
    upwards = np.cross(points[fan[:, 1]] - points[fan[:, 0]], points[fan[:, 2]] - points[fan[:, 0]])
    if upwards[:, 1].sum() > 0:
        fan = fan[:, ::-1]
    corner = np.flatnonzero(arrays["faces"].ravel() == loop[0])[0]
    uv = np.tile(arrays["uv"][arrays["uv_faces"].ravel()[corner]], (count + 1, 1))
    ids = np.tile(loop, (count + 1, 1))
    return patch("skin", points, fan, uv, ids, weights)


def _per_vertex(arrays: Arrays, kept: NDArray[np.int64], patches: list[Patch]) -> Arrays:
    count = len(arrays["v_template"])
    result: Arrays = {}
    for name, array in arrays.items():
        if name == "v_template":
            added = [p.points for p in patches]
        elif name == "part":
            added = [np.full(len(p.points), PARTS.index(p.part), np.uint8) for p in patches]
        elif name.startswith("region_"):
            on = name == "region_neck"
            added = [np.full(len(p.points), on and p.part == "skin", np.uint8) for p in patches]
        elif name == "lbs_weights":
            added = [p.carried(array).clip(0, 1) for p in patches]
        elif name == "shape_basis":
            added = [p.carried(array) for p in patches]
        elif array.ndim == 3 and array.shape[1] == count:
            added = [p.turned_with(array) for p in patches]
        else:
            result[name] = array
            continue
        rows = array[:, kept] if array.ndim == 3 else array[kept]
        result[name] = np.concatenate([rows, *added], 1 if array.ndim == 3 else 0)
    return result


def _triangles(arrays: Arrays, kept: NDArray[np.int64], patches: list[Patch]) -> Arrays:
    new = np.full(len(arrays["v_template"]), -1)
    new[kept] = np.arange(len(kept))
    stay = (new[arrays["faces"]] >= 0).all(1)
    uv_rows, uv_faces = np.unique(arrays["uv_faces"][stay], return_inverse=True)
    faces = [new[arrays["faces"][stay]]]
    uv, uv_index = [arrays["uv"][uv_rows]], [uv_faces.reshape(-1, 3)]
    for piece in patches:
        faces.append(
            len(kept) + sum(len(p.points) for p in patches[: len(faces) - 1]) + piece.faces
        )
        uv_index.append(sum(map(len, uv)) + piece.faces)
        uv.append(piece.uv)
    return {
        "faces": np.concatenate(faces).astype(np.int32),
        "uv": np.concatenate(uv).astype(np.float32),
        "uv_faces": np.concatenate(uv_index).astype(np.int32),
    }
