"""The light that each pixel of what is solid sends to the camera."""

from __future__ import annotations

import numpy as np

from smirk3d.synthesis.people.drawing.kernels.albedo import eye_albedo, green_texel, skin_albedo
from smirk3d.synthesis.people.drawing.kernels.compiling import compiled
from smirk3d.synthesis.people.drawing.kernels.records import (
    BUMP,
    CENTRE_ROW,
    EYE_LEFT,
    EYE_RIGHT,
    F3,
    F32,
    GLOSS,
    I32,
    LIP_GLOSS,
    LIPS,
    MIRROR_A,
    RED,
    SKIN,
    U8,
    Light,
    Mesh,
    Paint,
    Pixels,
)
from smirk3d.synthesis.people.drawing.kernels.reflection import lit_through, sent_light

_RELIEF = np.float32(0.0022)
"""Metres that the skin rises from a black to a white texel; chosen by eye."""
_STEEPEST = np.float32(0.45)
"""Slope that the relief nears but does not reach, so that pores do not turn black; by eye."""
_ALIKE = np.float32(0.004)
"""Metres of depth within which rays of a pixel that see one material see one place; by eye."""
_LIFT = np.float32(0.002)
"""Metres by which a point is lifted off its surface before the lamp's depth map, whose pixels are
2 * 0.21 m / 176 = 0.0024 m wide, is asked for it."""


@compiled
def _blend(rows: F32, a: int, b: int, c: int, w: F3) -> F3:
    """Return a vertex attribute ``[V, 3]`` at a point of a triangle."""
    return (
        w[0] * rows[a, 0] + w[1] * rows[b, 0] + w[2] * rows[c, 0],
        w[0] * rows[a, 1] + w[1] * rows[b, 1] + w[2] * rows[c, 1],
        w[0] * rows[a, 2] + w[1] * rows[b, 2] + w[2] * rows[c, 2],
    )


@compiled
def _weights(screen: F32, a: int, b: int, c: int, x: float, y: float) -> F3:
    """Return the weights of a triangle's corners at a place of the screen, in space."""
    ax, ay = screen[a, 0], screen[a, 1]
    bx, by = screen[b, 0] - ax, screen[b, 1] - ay
    cx, cy = screen[c, 0] - ax, screen[c, 1] - ay
    x, y = np.float32(x) - ax, np.float32(y) - ay
    inverse = 1 / (bx * cy - cx * by)
    wb, wc = (x * cy - y * cx) * inverse, (y * bx - x * by) * inverse
    wa = (1 - wb - wc) * screen[a, 2]
    wb, wc = wb * screen[b, 2], wc * screen[c, 2]
    depth = 1 / (wa + wb + wc)
    return wa * depth, wb * depth, wc * depth


@compiled
def _bumped(mesh: Mesh, f: int, skin: U8, numbers: F32, tx: float, ty: float, n: F3) -> F3:
    """Return a normal tilted by the relief that a map's lightness stands for."""
    mirrored = numbers[MIRROR_A] > 0
    y = 2 * numbers[CENTRE_ROW] - ty if mirrored else ty
    rise = numbers[BUMP] * _RELIEF * np.float32(1 / 255)
    half = np.float32(0.5)
    middle = green_texel(skin, tx - half, y - half)
    u = rise * (green_texel(skin, tx + half, y - half) - middle)
    v = rise * (green_texel(skin, tx - half, y + half) - middle)
    if mirrored:
        v = -v
    gx = u * mesh.slope_u[f, 0] + v * mesh.slope_v[f, 0]
    gy = u * mesh.slope_u[f, 1] + v * mesh.slope_v[f, 1]
    gz = u * mesh.slope_u[f, 2] + v * mesh.slope_v[f, 2]
    steep = np.sqrt(gx * gx + gy * gy + gz * gz)
    less = _STEEPEST / (_STEEPEST + steep)
    return n[0] - gx * less, n[1] - gy * less, n[2] - gz * less


@compiled
def _at(f: int, x: float, y: float, mesh: Mesh, paint: Paint, light: Light) -> F3:
    """Return the light of a triangle at a place of the screen."""
    a, b, c = mesh.faces[f, 0], mesh.faces[f, 1], mesh.faces[f, 2]
    w = _weights(mesh.screen, a, b, c, x, y)
    p, n = _blend(mesh.points, a, b, c, w), _blend(mesh.normals, a, b, c, w)
    around, mirrored = _blend(mesh.light, a, b, c, w), _blend(mesh.mirror, a, b, c, w)
    way = w[0] * mesh.open_share[a] + w[1] * mesh.open_share[b] + w[2] * mesh.open_share[c]
    vx, vy, vz = -p[0], -p[1], np.float32(light.distance) - p[2]
    length = 1 / np.sqrt(vx * vx + vy * vy + vz * vz)
    v = (vx * length, vy * length, vz * length)
    m = mesh.material[f]
    f0, rough = paint.gloss[m, 0], paint.gloss[m, 1]
    if m == SKIN:
        uv = mesh.uv
        tx = w[0] * uv[f, 0, 0] + w[1] * uv[f, 1, 0] + w[2] * uv[f, 2, 0]
        ty = w[0] * uv[f, 0, 1] + w[1] * uv[f, 1, 1] + w[2] * uv[f, 2, 1]
        mask = _blend(mesh.masks, a, b, c, w)
        ruddy = w[0] * mesh.masks[a, RED] + w[1] * mesh.masks[b, RED] + w[2] * mesh.masks[c, RED]
        albedo = skin_albedo(paint, tx, ty, mask, ruddy)
        n = _bumped(mesh, f, paint.skin_a, paint.numbers, tx, ty, n)
        f0 = f0 * paint.numbers[GLOSS] * (1 + mask[LIPS] * paint.numbers[LIP_GLOSS])
        rough = rough * (1 - np.float32(0.35) * mask[LIPS])
    elif m in (EYE_LEFT, EYE_RIGHT):
        albedo = eye_albedo(paint, m - EYE_LEFT, p, v)
    else:
        albedo = (paint.colours[m, 0], paint.colours[m, 1], paint.colours[m, 2])
    length = 1 / np.sqrt(max(n[0] * n[0] + n[1] * n[1] + n[2] * n[2], np.float32(1e-12)))
    if m != SKIN and n[0] * v[0] + n[1] * v[1] + n[2] * v[2] < 0:
        length = -length
    n = (n[0] * length, n[1] * length, n[2] * length)
    arrives = np.float32(0)
    if n[0] * light.key[0] + n[1] * light.key[1] + n[2] * light.key[2] > np.float32(-0.25):
        arrives = np.float32(
            lit_through(light, p[0] + n[0] * _LIFT, p[1] + n[1] * _LIFT, p[2] + n[2] * _LIFT)
        )
    return sent_light(light, m, albedo, n, v, (around, mirrored, way, arrives), (f0, rough))


@compiled
def _alike(ids: I32, q: F32, material: U8, at: tuple[int, int], ray: int) -> tuple[int, bool]:
    """Return the first ray of a pixel's four that sees the place a ray sees, and if all four do."""
    i, j = at[0] + ray // 2, at[1] + ray % 2
    first, all_like = ray, True
    for other in range(4):
        k, m = at[0] + other // 2, at[1] + other % 2
        near = ids[k, m] >= 0 and material[ids[k, m]] == material[ids[i, j]]
        if near:
            near = abs(1 / q[k, m] - 1 / q[i, j]) < _ALIKE
        if near and other < first:
            first = other
        all_like = all_like and near
    return first, all_like


@compiled
def shade(ids: I32, q: F32, mesh: Mesh, paint: Paint, light: Light, pixels: Pixels) -> None:
    """Write the light of pixels, each of which has 2 x 2 rays; where these agree, of its middle.

    Args:
        ids: triangle of each ray ``[2H, 2W]``, -1 where none.
        q: as ``draw_ids`` writes it.
        mesh: what is drawn.
        paint: of the person.
        light: that falls on it.
        pixels: are written.
    """
    height, width = pixels.cover.shape
    sample = np.zeros((4, 3), np.float32)
    for row in range(height):
        for column in range(width):
            count, total = 0, np.float32(0)
            pixels.seen[row, column] = -1
            for k in range(3):
                pixels.colour[row, column, k] = 0
            for ray in range(4):
                i, j = 2 * row + ray // 2, 2 * column + ray % 2
                f = ids[i, j]
                if f < 0:
                    continue
                like, all_like = _alike(ids, q, mesh.material, (2 * row, 2 * column), ray)
                if like < ray:
                    for k in range(3):
                        sample[ray, k] = sample[like, k]
                else:
                    x = 2 * column + 1.0 if all_like else j + 0.5
                    y = 2 * row + 1.0 if all_like else i + 0.5
                    red, green, blue = _at(f, x, y, mesh, paint, light)
                    sample[ray, 0], sample[ray, 1], sample[ray, 2] = red, green, blue
                count += 1
                total += q[i, j]
                pixels.seen[row, column] = f
                for k in range(3):
                    pixels.colour[row, column, k] += np.float32(0.25) * sample[ray, k]
            pixels.cover[row, column] = np.float32(0.25) * count
            pixels.q[row, column] = total / max(count, 1)
