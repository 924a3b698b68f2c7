"""Compiled loops that give the light that each pixel of a person sends to the camera.

Positions and directions are in the viewer's frame (head axes); colours are linear RGB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.synthesis.people.compiled import compiled

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
F3 = tuple[float, float, float]

SKIN, EYE_LEFT, EYE_RIGHT, TEETH, GUMS, TONGUE, CAVITY, CLOTH, HAT, FRAME = range(10)
"""Materials, as triangles are numbered."""

LIPS, BEARD, LIDS, RED = range(4)
"""Columns of the vertex masks."""

(
    SHARE, GAIN_R, GAIN_G, GAIN_B, CONTRAST, MEAN_R, MEAN_G, MEAN_B, BUMP, FRECKLES, BLOTCHES,
    STUBBLE, LIP_R, LIP_G, LIP_B, LIP_GLOSS, EYE_SHADOW, GLOSS, MIRROR_A, MIRROR_B, CENTRE_ROW,
    HAIR_R, HAIR_G, HAIR_B, NOISE_X, NOISE_Y, PUPIL, SCLERA_R, SCLERA_G, SCLERA_B, IRIS_R, IRIS_G,
    IRIS_B, IRIS_SIZE, LIKE_R, LIKE_G, LIKE_B, NUM_NUMBERS,
) = range(38)  # fmt: skip
"""Places of a person's numbers in the array that the loops read."""

_RELIEF = np.float32(0.0022)
"""Metres that the skin rises from a black to a white texel; chosen by eye."""
_STEEPEST = np.float32(0.45)
_ALIKE = np.float32(0.004)
"""Metres of depth within which rays of a pixel that see one material see one place."""
_LIFT = np.float32(0.002)
_BEHIND = np.float32(1 / 0.004)
"""One over the metres behind a surface over which shadow sets in."""
_HORIZON = np.float32(0.65)
"""Of mirrored surroundings, what skin's own roughness leaves at grazing angles."""
_SHARP = np.float32(0.25)
"""Roughness below which surfaces mirror the sharp probe."""


@compiled
def _probe(probe: F32, x: float, y: float, z: float, turn: float) -> tuple[float, float, float]:
    """Return the light of a probe ``[H, W, 3]`` from a direction, bilinear."""
    height, width = probe.shape[0], probe.shape[1]
    u = (np.arctan2(x, z) + turn) * np.float32(0.15915494) + np.float32(0.5)
    u = (u - np.floor(u)) * width - np.float32(0.5)
    v = np.arccos(min(max(y, np.float32(-1)), np.float32(1))) * np.float32(0.31830989)
    v = v * height - np.float32(0.5)
    j, i = int(np.floor(u)), int(np.floor(v))
    fx, fy = u - j, v - i
    j0, j1 = j % width, (j + 1) % width
    i0, i1 = min(max(i, 0), height - 1), min(max(i + 1, 0), height - 1)
    w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    red = (w00 * probe[i0, j0, 0] + w01 * probe[i0, j1, 0]
           + w10 * probe[i1, j0, 0] + w11 * probe[i1, j1, 0])  # fmt: skip
    green = (w00 * probe[i0, j0, 1] + w01 * probe[i0, j1, 1]
             + w10 * probe[i1, j0, 1] + w11 * probe[i1, j1, 1])  # fmt: skip
    blue = (w00 * probe[i0, j0, 2] + w01 * probe[i0, j1, 2]
            + w10 * probe[i1, j0, 2] + w11 * probe[i1, j1, 2])  # fmt: skip
    return red, green, blue


@compiled
def _texel(texture: U8, x: float, y: float) -> tuple[float, float, float]:
    """Return a texture's sRGB values 0 to 255 at a place in texels, bilinear."""
    j, i = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - np.float32(j), y - np.float32(i)
    height, width = texture.shape[0], texture.shape[1]
    j0, i0 = min(max(j, 0), width - 1), min(max(i, 0), height - 1)
    j1, i1 = min(max(j + 1, 0), width - 1), min(max(i + 1, 0), height - 1)
    w00, w01 = np.float32((1 - fx) * (1 - fy)), np.float32(fx * (1 - fy))
    w10, w11 = np.float32((1 - fx) * fy), np.float32(fx * fy)
    a, b, c, d = texture[i0, j0], texture[i0, j1], texture[i1, j0], texture[i1, j1]
    return (
        w00 * a[0] + w01 * b[0] + w10 * c[0] + w11 * d[0],
        w00 * a[1] + w01 * b[1] + w10 * c[1] + w11 * d[1],
        w00 * a[2] + w01 * b[2] + w10 * c[2] + w11 * d[2],
    )


@compiled
def _green(texture: U8, x: float, y: float) -> float:
    """Return a texture's green at a place in texels, bilinear."""
    j, i = int(np.floor(x)), int(np.floor(y))
    fx, fy = np.float32(x - j), np.float32(y - i)
    height, width = texture.shape[0], texture.shape[1]
    j0, i0 = min(max(j, 0), width - 1), min(max(i, 0), height - 1)
    j1, i1 = min(max(j + 1, 0), width - 1), min(max(i + 1, 0), height - 1)
    upper = texture[i0, j0, 1] * (1 - fx) + texture[i0, j1, 1] * fx
    lower = texture[i1, j0, 1] * (1 - fx) + texture[i1, j1, 1] * fx
    return upper * (1 - fy) + lower * fy


@compiled
def _skin(
    skin_a: U8, skin_b: U8, linear: F32, noise: F32, numbers: F32, x: float, y: float, mask: F3,
    ruddy: float,
) -> F3:  # fmt: skip
    """Return a skin's albedo at a place of the maps, in texels."""
    lips, beard, lids = mask
    ya = 2 * numbers[CENTRE_ROW] - y if numbers[MIRROR_A] > 0 else y
    yb = 2 * numbers[CENTRE_ROW] - y if numbers[MIRROR_B] > 0 else y
    ra, ga, ba = _texel(skin_a, x, ya)
    red, green, blue = linear[int(ra)], linear[int(ga)], linear[int(ba)]
    rows = noise.shape[1]
    nx, ny = x + numbers[NOISE_X], y + numbers[NOISE_Y]
    i, j = int(ny * np.float32(0.31)) % rows, int(nx * np.float32(0.31)) % rows
    smooth = noise[0, i, j]
    fine = noise[1, int(ny * np.float32(2.3)) % rows, int(nx * np.float32(2.3)) % rows]
    spot = noise[2, int(ny * np.float32(1.3)) % rows, int(nx * np.float32(1.3)) % rows]
    if numbers[SHARE] > 0:
        rb, gb, bb = _texel(skin_b, x, yb)
        share = numbers[SHARE] + np.float32(0.2) * smooth
        share = min(max(share, np.float32(0)), np.float32(1))
        # the second map is brought to the first's mean: a mixture must not be patched
        red += share * (numbers[LIKE_R] * linear[int(rb)] - red)
        green += share * (numbers[LIKE_G] * linear[int(gb)] - green)
        blue += share * (numbers[LIKE_B] * linear[int(bb)] - blue)
    contrast = numbers[CONTRAST]
    red = numbers[MEAN_R] + contrast * (red - numbers[MEAN_R])
    green = numbers[MEAN_G] + contrast * (green - numbers[MEAN_G])
    blue = numbers[MEAN_B] + contrast * (blue - numbers[MEAN_B])
    blotch = numbers[BLOTCHES] * smooth
    flush = 1 - numbers[BLOTCHES] * ruddy
    red *= numbers[GAIN_R] * (1 + np.float32(0.06) * blotch)
    green *= (
        numbers[GAIN_G]
        * (1 - np.float32(0.06) * blotch)
        * (flush * np.float32(0.2) + np.float32(0.8))
    )
    blue *= (
        numbers[GAIN_B]
        * (1 - np.float32(0.06) * blotch)
        * (flush * np.float32(0.2) + np.float32(0.8))
    )
    dark = max(spot - (1 - numbers[FRECKLES]), np.float32(0)) * (1 - lips)
    red *= 1 - np.float32(0.35) * dark
    green *= 1 - np.float32(0.55) * dark
    blue *= 1 - np.float32(0.65) * dark
    cover = numbers[STUBBLE] * beard * (np.float32(0.55) + np.float32(0.45) * fine) * (1 - lips)
    red += cover * (numbers[HAIR_R] - red)
    green += cover * (numbers[HAIR_G] - green)
    blue += cover * (numbers[HAIR_B] - blue)
    shadow = 1 - numbers[EYE_SHADOW] * lids
    red *= shadow * (1 + lips * (numbers[LIP_R] - 1))
    green *= shadow * (1 + lips * (numbers[LIP_G] - 1))
    blue *= shadow * (1 + lips * (numbers[LIP_B] - 1))
    least = np.float32(0.006)
    return max(red, least), max(green, least), max(blue, least)


@compiled
def _eye(iris: U8, linear: F32, numbers: F32, centre: F32, axes: F32, point: F3, v: F3) -> F3:
    """Return an eye's albedo at a point of its surface, seen through the cornea.

    ``axes`` has the eye's right, up and gaze as rows. The ray goes on to the iris's plane.
    """
    x, y, z = point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]
    vx, vy, vz = v
    depth = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z
    radius = np.sqrt(x * x + y * y + z * z)
    size = numbers[IRIS_SIZE]
    plane = np.sqrt(max(radius * radius - size * size, np.float32(0))) * np.float32(0.97)
    toward = axes[2, 0] * vx + axes[2, 1] * vy + axes[2, 2] * vz
    if depth > plane:
        # refraction at the cornea bends rays towards the gaze
        slant = np.float32(0.55) + np.float32(0.45) * max(toward, np.float32(0.2))
        step = (depth - plane) / max(slant, np.float32(0.3))
        bend = np.float32(0.7)
        x -= step * (bend * vx + (1 - bend) * axes[2, 0])
        y -= step * (bend * vy + (1 - bend) * axes[2, 1])
        z -= step * (bend * vz + (1 - bend) * axes[2, 2])
    right = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z
    up = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z
    if depth < 0:
        right, up = np.float32(0.03), np.float32(0.0)
    r = np.sqrt(right * right + up * up) / size
    sr, sg, sb = numbers[SCLERA_R], numbers[SCLERA_G], numbers[SCLERA_B]
    # redder and darker towards the corners
    far = min(max((r - np.float32(1.1)) * np.float32(0.9), np.float32(0)), np.float32(1))
    sr, sg, sb = (
        sr * (1 - np.float32(0.1) * far),
        sg * (1 - np.float32(0.28) * far),
        sb * (1 - np.float32(0.3) * far),
    )
    if r > np.float32(1.08):
        return sr, sg, sb
    pupil = numbers[PUPIL]
    rows, columns = iris.shape[0], iris.shape[1]
    at = (r - pupil) / (1 - pupil)
    i = min(max(int(at * rows), 0), rows - 1)
    j = int(np.arctan2(up, right) * np.float32(0.15915494) * columns) % columns
    red = linear[iris[i, j, 0]] * numbers[IRIS_R]
    green = linear[iris[i, j, 1]] * numbers[IRIS_G]
    blue = linear[iris[i, j, 2]] * numbers[IRIS_B]
    open_ = min(max((r - pupil + np.float32(0.05)) * np.float32(10), np.float32(0)), np.float32(1))
    rim = min(
        max((np.float32(1.0) - r) * np.float32(6) + np.float32(0.25), np.float32(0.25)),
        np.float32(1),
    )
    factor = open_ * rim
    red, green, blue = (
        red * factor + np.float32(0.002),
        green * factor + np.float32(0.002),
        blue * factor + np.float32(0.002),
    )
    out = min(max((r - np.float32(0.94)) * np.float32(8), np.float32(0)), np.float32(1))
    return red + out * (sr - red), green + out * (sg - green), blue + out * (sb - blue)


@compiled
def lit_through(shadow: F32, frame: F32, radius: float, soft: float, px: float, py: float,
                pz: float) -> float:  # fmt: skip
    """Return the share of a lamp's light that reaches a point past its depth map ``[S, S]``."""
    size = shadow.shape[0]
    scale = size / (2 * radius)
    x = (frame[0, 0] * px + frame[0, 1] * py + frame[0, 2] * pz) * scale + 0.5 * size - 0.5
    y = 0.5 * size - (frame[1, 0] * px + frame[1, 1] * py + frame[1, 2] * pz) * scale - 0.5
    q = frame[2, 0] * px + frame[2, 1] * py + frame[2, 2] * pz
    lit = np.float32(0)
    for di in range(-1, 2):
        for dj in range(-1, 2):
            i = int(y + np.float32(di) * soft + np.float32(0.5))
            j = int(x + np.float32(dj) * soft + np.float32(0.5))
            if i < 0 or j < 0 or i >= size or j >= size:
                lit += 1
            else:
                # soft in depth too, so that nine places give more than nine shades
                behind = (shadow[i, j] - q) * _BEHIND
                lit += 1 - min(max(behind - np.float32(0.5), np.float32(0)), np.float32(1))
    return lit * np.float32(1 / 9)


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
def _bumped(skin: U8, numbers: F32, tx: float, ty: float, du: F32, dv: F32, n: F3) -> F3:
    """Return a normal tilted by the relief that a map's lightness stands for."""
    mirrored = numbers[MIRROR_A] > 0
    y = 2 * numbers[CENTRE_ROW] - ty if mirrored else ty
    rise = numbers[BUMP] * _RELIEF * np.float32(1 / 255)
    half = np.float32(0.5)
    middle = _green(skin, tx - half, y - half)
    u = rise * (_green(skin, tx + half, y - half) - middle)
    v = rise * (_green(skin, tx - half, y + half) - middle)
    if mirrored:
        v = -v
    gx, gy, gz = u * du[0] + v * dv[0], u * du[1] + v * dv[1], u * du[2] + v * dv[2]
    steep = np.sqrt(gx * gx + gy * gy + gz * gz)
    less = _STEEPEST / (_STEEPEST + steep)
    return n[0] - gx * less, n[1] - gy * less, n[2] - gz * less


@compiled
def _sent(
    m: int, albedo: F3, n: F3, v: F3, around: F3, mirrored: F3, way: float, arrives: float,
    f0: float, rough: float, key: F32, key_colour: F32, probe: F32, turn: float, ambient: float,
) -> F3:  # fmt: skip
    """Return the light that a point sends: scattered below, and mirrored by its surface."""
    cosine = n[0] * key[0] + n[1] * key[1] + n[2] * key[2]
    facing = max(n[0] * v[0] + n[1] * v[1] + n[2] * v[2], np.float32(0.02))
    wr, wg, wb = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    if m == SKIN:
        # light that skin scatters comes round edges, red the farthest
        wr, wg, wb = np.float32(0.22), np.float32(0.09), np.float32(0.05)
    dr = max((cosine + wr) / (1 + wr), np.float32(0)) * arrives
    dg = max((cosine + wg) / (1 + wg), np.float32(0)) * arrives
    db = max((cosine + wb) / (1 + wb), np.float32(0)) * arrives
    hx, hy, hz = key[0] + v[0], key[1] + v[1], key[2] + v[2]
    half = 1 / np.sqrt(max(hx * hx + hy * hy + hz * hz, np.float32(1e-6)))
    nh = max((n[0] * hx + n[1] * hy + n[2] * hz) * half, np.float32(0))
    vh = max((v[0] * hx + v[1] * hy + v[2] * hz) * half, np.float32(0))
    # GGX (Walter et al. 2007) with Schlick's reflectance
    fresnel = f0 + (1 - f0) * (1 - vh) ** 5
    a2 = rough * rough * rough * rough
    spread = nh * nh * (a2 - 1) + 1
    lobe = a2 / (np.float32(4) * spread * spread)
    lobe = lobe / max(max(cosine, facing), np.float32(0.15))
    spec = min(lobe * fresnel, np.float32(40)) * max(cosine, np.float32(0)) * arrives
    sky = f0 + (max(1 - rough, f0) - f0) * (1 - facing) ** 5
    sky *= ambient * _HORIZON
    sr, sg, sb = mirrored
    if rough < _SHARP:
        twice = np.float32(2) * facing
        sr, sg, sb = _probe(
            probe, twice * n[0] - v[0], twice * n[1] - v[1], twice * n[2] - v[2], turn
        )
        sr, sg, sb = sr * way, sg * way, sb * way
    return (
        albedo[0] * (around[0] * ambient + key_colour[0] * dr) + spec * key_colour[0] + sky * sr,
        albedo[1] * (around[1] * ambient + key_colour[1] * dg) + spec * key_colour[1] + sky * sg,
        albedo[2] * (around[2] * ambient + key_colour[2] * db) + spec * key_colour[2] + sky * sb,
    )


@compiled
def _at(
    f: int, x: float, y: float, screen: F32, points: F32, normals: F32, light: F32, mirror: F32,
    open_share: F32, faces: I32, material: U8, uv: F32, slope_u: F32, slope_v: F32, masks: F32,
    skin_a: U8, skin_b: U8, iris: U8, linear: F32, noise: F32, numbers: F32, colours: F32,
    gloss: F32, eyes: F32, key: F32, key_colour: F32, shadow: F32, frame: F32, radius: float,
    soft: float, probe: F32, turn: float, ambient: float, distance: float,
) -> F3:  # fmt: skip
    """Return the light of a triangle at a place of the screen."""
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    w = _weights(screen, a, b, c, x, y)
    p, n = _blend(points, a, b, c, w), _blend(normals, a, b, c, w)
    around, mirrored = _blend(light, a, b, c, w), _blend(mirror, a, b, c, w)
    way = w[0] * open_share[a] + w[1] * open_share[b] + w[2] * open_share[c]
    vx, vy, vz = -p[0], -p[1], np.float32(distance) - p[2]
    length = 1 / np.sqrt(vx * vx + vy * vy + vz * vz)
    v = (vx * length, vy * length, vz * length)
    m = material[f]
    f0, rough = gloss[m, 0], gloss[m, 1]
    if m == SKIN:
        tx = w[0] * uv[f, 0, 0] + w[1] * uv[f, 1, 0] + w[2] * uv[f, 2, 0]
        ty = w[0] * uv[f, 0, 1] + w[1] * uv[f, 1, 1] + w[2] * uv[f, 2, 1]
        mask = _blend(masks, a, b, c, w)
        ruddy = w[0] * masks[a, RED] + w[1] * masks[b, RED] + w[2] * masks[c, RED]
        albedo = _skin(skin_a, skin_b, linear, noise, numbers, tx, ty, mask, ruddy)
        n = _bumped(skin_a, numbers, tx, ty, slope_u[f], slope_v[f], n)
        f0 = f0 * numbers[GLOSS] * (1 + mask[LIPS] * numbers[LIP_GLOSS])
        rough = rough * (1 - np.float32(0.35) * mask[LIPS])
    elif m == EYE_LEFT or m == EYE_RIGHT:
        side = m - EYE_LEFT
        albedo = _eye(iris, linear, numbers, eyes[side, 0], eyes[side, 1:], p, v)
    else:
        albedo = (colours[m, 0], colours[m, 1], colours[m, 2])
    length = 1 / np.sqrt(max(n[0] * n[0] + n[1] * n[1] + n[2] * n[2], np.float32(1e-12)))
    if m != SKIN and n[0] * v[0] + n[1] * v[1] + n[2] * v[2] < 0:
        length = -length
    n = (n[0] * length, n[1] * length, n[2] * length)
    arrives = np.float32(0)
    if n[0] * key[0] + n[1] * key[1] + n[2] * key[2] > np.float32(-0.25):
        arrives = np.float32(
            lit_through(shadow, frame, radius, soft, p[0] + n[0] * _LIFT, p[1] + n[1] * _LIFT,
                        p[2] + n[2] * _LIFT)
        )  # fmt: skip
    return _sent(m, albedo, n, v, around, mirrored, way, arrives, f0, rough, key, key_colour,
                 probe, turn, ambient)  # fmt: skip


@compiled
def shade(
    ids: I32, q: F32, screen: F32, points: F32, normals: F32, light: F32, mirror: F32, open_share: F32,
    faces: I32, material: U8, uv: F32, slope_u: F32, slope_v: F32, masks: F32, skin_a: U8,
    skin_b: U8, iris: U8, linear: F32, noise: F32, numbers: F32, colours: F32, gloss: F32,
    eyes: F32, key: F32, key_colour: F32, shadow: F32, frame: F32, radius: float, soft: float,
    probe: F32, turn: float, ambient: float, distance: float, out: F32,
    cover: F32, mean_q: F32, seen: I32,
) -> None:  # fmt: skip
    """Write the light of pixels, each of which has 2 x 2 rays; where these agree, of its middle.

    Args:
        ids: triangle of each ray ``[2H, 2W]``, -1 where none; q: as ``draw_ids`` writes it.
        screen: screen points of the rays' grid ``[V, 3]``; points, normals: ``[V, 3]``.
        light: from all sides, that reaches each vertex ``[V, 3]``; mirror: of it what a rough
            surface there would mirror to the camera ``[V, 3]``; open_share: its share ``[V]``.
        faces: ``[F, 3]``; material: ``[F]``; uv: texels of each corner ``[F, 3, 2]``.
        slope_u, slope_v: gradients of the texel coordinates ``[F, 3]``, per metre.
        masks: of vertices ``[V, 4]``.
        skin_a, skin_b, iris: sRGB maps; linear: linear value of each byte ``[256]``.
        noise: smooth, fine and spots ``[3, N, N]``.
        numbers: of the person; colours: of materials ``[M, 3]``; gloss: reflectance at normal
            incidence and roughness ``[M, 2]``.
        eyes: centre, then right, up and gaze of both ``[2, 4, 3]``.
        key: towards the lamp; key_colour: of it; shadow, frame, radius, soft: its depth map.
        probe: light from all sides; turn, ambient: as recipes say.
        distance: of the camera, on +z.
        out: gets light times cover ``[H, W, 3]``; cover: share of rays that see something; mean_q:
            their mean q; seen: a triangle that a ray sees, -1 if none does; all ``[H, W]``.
    """
    height, width = cover.shape
    sample = np.zeros((4, 3), np.float32)
    for row in range(height):
        for column in range(width):
            count, total, seen[row, column] = 0, np.float32(0), -1
            red, green, blue = np.float32(0), np.float32(0), np.float32(0)
            for s in range(4):
                i, j = 2 * row + s // 2, 2 * column + s % 2
                f = ids[i, j]
                if f < 0:
                    continue
                like, all_like = -1, s == 0
                for t in range(4):
                    other = ids[2 * row + t // 2, 2 * column + t % 2]
                    near = other >= 0 and material[other] == material[f]
                    if near:
                        gap = 1 / q[2 * row + t // 2, 2 * column + t % 2] - 1 / q[i, j]
                        near = abs(gap) < _ALIKE
                    if near and t < s and like < 0:
                        like = t
                    all_like = all_like and near
                if like >= 0:
                    for k in range(3):
                        sample[s, k] = sample[like, k]
                else:
                    x = 2 * column + 1.0 if all_like else j + 0.5
                    y = 2 * row + 1.0 if all_like else i + 0.5
                    sample[s, 0], sample[s, 1], sample[s, 2] = _at(
                        f, x, y, screen, points, normals, light, mirror, open_share, faces,
                        material, uv, slope_u, slope_v, masks, skin_a, skin_b, iris, linear, noise,
                        numbers, colours, gloss, eyes, key, key_colour, shadow, frame, radius,
                        soft, probe, turn, ambient, distance,
                    )  # fmt: skip
                count += 1
                total += q[i, j]
                seen[row, column] = f
                red += sample[s, 0]
                green += sample[s, 1]
                blue += sample[s, 2]
            quarter = np.float32(0.25)
            out[row, column, 0] = red * quarter
            out[row, column, 1] = green * quarter
            out[row, column, 2] = blue * quarter
            cover[row, column] = count * quarter
            mean_q[row, column] = total / max(count, 1)


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


@compiled
def lit_points(shadow: F32, frame: F32, radius: float, soft: float, points: F32, out: F32) -> None:
    """Write the share ``[N]`` of a lamp's light that reaches each point ``[N, 3]``."""
    # hairs lie before and behind each other by their own thickness
    lift = np.float32(0.004)
    for i in range(points.shape[0]):
        out[i] = lit_through(
            shadow, frame, radius, soft, points[i, 0] + lift * frame[2, 0],
            points[i, 1] + lift * frame[2, 1], points[i, 2] + lift * frame[2, 2],
        )  # fmt: skip
