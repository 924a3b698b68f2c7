"""Normals and texture gradients of triangles."""

from __future__ import annotations

import numpy as np

from smirk3d.synthesis.people.drawing.kernels.compiling import compiled
from smirk3d.synthesis.people.drawing.kernels.records import F32, I32


@compiled
def gradients(points: F32, faces: I32, uv: F32, slope_u: F32, slope_v: F32) -> None:
    """Write the gradients ``[F, 3]`` of both texel coordinates along triangles, per metre."""
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        e1 = points[b] - points[a]
        e2 = points[c] - points[a]
        g11, g12, g22 = (e1 * e1).sum(), (e1 * e2).sum(), (e2 * e2).sum()
        area = g11 * g22 - g12 * g12
        if area < 1e-16:
            slope_u[f] = 0
            slope_v[f] = 0
            continue
        for axis in range(2):
            d1 = uv[f, 1, axis] - uv[f, 0, axis]
            d2 = uv[f, 2, axis] - uv[f, 0, axis]
            p = (g22 * d1 - g12 * d2) / area
            s = (g11 * d2 - g12 * d1) / area
            for k in range(3):
                value = p * e1[k] + s * e2[k]
                if axis == 0:
                    slope_u[f, k] = value
                else:
                    slope_v[f, k] = value


@compiled
def vertex_normals(points: F32, faces: I32, out: F32) -> None:
    """Write unit normals ``[V, 3]``, weighted by area."""
    out[:] = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            out[corner, 0] += nx
            out[corner, 1] += ny
            out[corner, 2] += nz
    for i in range(out.shape[0]):
        length = np.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2)
        if length > 0:
            out[i] /= length
