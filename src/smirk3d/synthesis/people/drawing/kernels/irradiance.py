"""Light from all sides that reaches vertices past the mesh."""

from __future__ import annotations

import numpy as np

from smirk3d.synthesis.people.drawing.kernels.compiling import compiled
from smirk3d.synthesis.people.drawing.kernels.records import F32, I32
from smirk3d.synthesis.people.drawing.kernels.triangles import depth_map


@compiled
def light_points(points: F32, frame: F32, radius: float, size: int, out: F32) -> None:
    """Write screen points of parallel light; ``frame`` rows: right, up, towards the light."""
    scale = size / (2 * radius)
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        right = frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z
        up = frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z
        out[i, 0] = right * scale + 0.5 * size
        out[i, 1] = 0.5 * size - up * scale
        out[i, 2] = frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z


@compiled
def visible_irradiance(
    points: F32,
    normals: F32,
    blockers: I32,
    frames: F32,
    radiance: F32,
    radius: float,
    size: int,
    distance: float,
) -> tuple[F32, F32, F32]:
    """Return light from all sides at vertices past the mesh: arriving, mirrored, share arriving.

    Of shapes ``[V, 3]``, ``[V, 3]`` and ``[V]``; mirrored is the mean light about the direction
    that a rough surface mirrors to a camera on +z.

    Args:
        points: ``[V, 3]``.
        normals: ``[V, 3]``.
        blockers: triangles ``[F, 3]`` that light does not pass.
        frames: ``[K, 3, 3]``, rows right, up and towards each of K directions.
        radiance: linear RGB of each direction times its solid angle over pi ``[K, 3]``.
        radius: of a sphere about the origin that holds what matters, in metres.
        size: of the depth maps, in pixels.
        distance: of the camera, in metres.
    """
    count = points.shape[0]
    total = np.zeros((count, 3), np.float32)
    seen = np.zeros((count, 2), np.float32)
    mirrored = np.zeros((count, 3), np.float32)
    weight = np.full(count, 1e-6, np.float32)
    back = mirror_directions(points, normals, distance)
    screen = np.empty((count, 3), np.float32)
    lift = np.float32(0.75 * 2 * radius / size)
    for k in range(frames.shape[0]):
        light_points(points, frames[k], radius, size, screen)
        nearest = np.full((size, size), -1e9, np.float32)
        depth_map(screen, blockers, nearest)
        dx, dy, dz = frames[k, 2, 0], frames[k, 2, 1], frames[k, 2, 2]
        brightness = radiance[k, 0] + radiance[k, 1] + radiance[k, 2]
        for i in range(count):
            cosine = normals[i, 0] * dx + normals[i, 1] * dy + normals[i, 2] * dz
            along = back[i, 0] * dx + back[i, 1] * dy + back[i, 2] * dz
            # a little light comes round: skin scatters it
            cosine = (cosine + np.float32(0.12)) / np.float32(1.12)
            if cosine <= 0 and along <= 0:
                continue
            cosine = max(cosine, np.float32(0))
            lit = _past(nearest, screen[i, 0], screen[i, 1], screen[i, 2] + lift, size)
            lobe = max(along, np.float32(0)) ** 6
            weight[i] += lobe
            for c in range(3):
                total[i, c] += radiance[k, c] * cosine * lit
                mirrored[i, c] += radiance[k, c] * lobe * lit
            seen[i, 0] += cosine * brightness * lit
            seen[i, 1] += cosine * brightness
    fraction = np.empty(count, np.float32)
    # radiance came times solid angle over pi
    scale = np.float32(frames.shape[0] / 4)
    for i in range(count):
        fraction[i] = seen[i, 0] / max(seen[i, 1], np.float32(1e-6))
        for c in range(3):
            mirrored[i, c] *= scale / weight[i]
    return total, mirrored, fraction


@compiled
def mirror_directions(points: F32, normals: F32, distance: float) -> F32:
    """Return the directions ``[V, 3]`` that surfaces mirror to a camera on +z."""
    out = np.empty_like(points)
    for i in range(points.shape[0]):
        vx, vy, vz = -points[i, 0], -points[i, 1], np.float32(distance) - points[i, 2]
        length = 1 / np.sqrt(vx * vx + vy * vy + vz * vz)
        vx, vy, vz = vx * length, vy * length, vz * length
        twice = 2 * (vx * normals[i, 0] + vy * normals[i, 1] + vz * normals[i, 2])
        out[i, 0] = twice * normals[i, 0] - vx
        out[i, 1] = twice * normals[i, 1] - vy
        out[i, 2] = twice * normals[i, 2] - vz
    return out


@compiled
def _past(nearest: F32, x: float, y: float, q: float, size: int) -> float:
    """Return the fraction of the four nearest map pixels that a point at q is not behind."""
    column, row = int(np.floor(x - 0.5)), int(np.floor(y - 0.5))
    if column < 0 or row < 0 or column >= size - 1 or row >= size - 1:
        return 1.0
    fx, fy = x - 0.5 - column, y - 0.5 - row
    lit = 0.0
    if q >= nearest[row, column]:
        lit += (1 - fx) * (1 - fy)
    if q >= nearest[row, column + 1]:
        lit += fx * (1 - fy)
    if q >= nearest[row + 1, column]:
        lit += (1 - fx) * fy
    if q >= nearest[row + 1, column + 1]:
        lit += fx * fy
    return lit
