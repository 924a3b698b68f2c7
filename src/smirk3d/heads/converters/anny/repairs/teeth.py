"""Teeth that show: an overbite, and a sharp biting edge.

The sources' teeth are two walls, of which the upper one ends above the line where the lips meet, so
that a smile shows a dark gap; smooth shading across the biting edge darkens what is left of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.converters.anny.repairs.skin_fields import Field, ramp
from smirk3d.heads.converters.anny.surface import HeadSurface

_LOWERED = 0.0024
_FORWARD = 0.0012
_BACKWARD = 0.0004


def with_overbite(template: Field, surface: HeadSurface) -> Field:
    """Return a template ``[V, 3]`` whose upper front teeth stand before and over the lower ones."""
    result = template.copy()
    for part, down, forward in (("teethU", _LOWERED, _FORWARD), ("teethL", 0.0, -_BACKWARD)):
        ids = np.flatnonzero(surface.mask(part))
        height, depth = template[ids, 1], template[ids, 2]
        biting = ramp(height, height.max(), height.min()) if down else np.ones(len(ids))
        front = ramp(depth, depth.max() - 0.03, depth.max() - 0.005)
        result[ids, 1] -= down * biting * front
        result[ids, 2] += forward * front
    return result


def with_sharp_edges(
    arrays: dict[str, NDArray[Any]], surface: HeadSurface
) -> dict[str, NDArray[Any]]:
    """Return a head file's arrays in which front and back of the teeth share no vertices.

    The vertices of the biting edges are doubled, at the end of all vertices; the backs take the
    copies.
    """
    num_vertices = len(surface.part)
    backs = np.concatenate([_backs(arrays, surface, part) for part in ("teethU", "teethL")])
    used = np.isin(np.arange(num_vertices), arrays["faces"][backs])
    kept = np.delete(arrays["faces"], backs, axis=0)
    doubled = np.flatnonzero(used & np.isin(np.arange(num_vertices), kept))
    copies = np.arange(num_vertices)
    copies[doubled] = num_vertices + np.arange(len(doubled))
    result = {
        name: _with_copies(name, array, doubled, num_vertices) for name, array in arrays.items()
    }
    result["faces"] = arrays["faces"].copy()
    result["faces"][backs] = copies[arrays["faces"][backs]]
    return result


def _with_copies(
    name: str, array: NDArray[Any], doubled: NDArray[np.int64], num_vertices: int
) -> NDArray[Any]:
    if name.startswith(("region_", "v_template", "part", "lbs_weights")):
        return np.concatenate([array, array[doubled]])
    if array.ndim == 3 and array.shape[1] == num_vertices:
        return np.concatenate([array, array[:, doubled]], 1)
    return array


def _backs(arrays: dict[str, NDArray[Any]], surface: HeadSurface, part: str) -> NDArray[np.int64]:
    """Return the triangles of one row of teeth that face into the dental arch."""
    triangles = np.flatnonzero(surface.mask(part)[arrays["faces"]].all(1))
    corners = arrays["v_template"][arrays["faces"][triangles]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = corners.mean(1) - [0, 0, corners[..., 2].min()]
    backs: NDArray[np.int64] = triangles[(normals * outwards)[:, [0, 2]].sum(1) < 0]
    return backs
