"""Compiled loops that give the light that each pixel of a person sends to the camera.

Positions and directions are in the viewer's frame (head axes); colours are linear RGB.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from smirk3d.synthesis.people.drawing.compiled import compiled

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
F3 = tuple[float, float, float]


class Mesh(NamedTuple):
    """What is drawn, in the viewer's frame.

    Attributes:
        screen: screen points of the rays' grid ``[V, 3]``.
        points: ``[V, 3]``, metres.
        normals: ``[V, 3]``.
        light: from all sides, that reaches each vertex ``[V, 3]``.
        mirror: of it, what a rough surface mirrors to the camera ``[V, 3]``.
        open_share: fraction of it that nothing hides ``[V]``.
        faces: ``[F, 3]``.
        material: of each triangle ``[F]``.
        uv: texels of each corner ``[F, 3, 2]``.
        slope_u: gradient of the first texel coordinate ``[F, 3]``, per metre.
        slope_v: of the second.
        masks: of vertices ``[V, 4]``.
    """

    screen: F32
    points: F32
    normals: F32
    light: F32
    mirror: F32
    open_share: F32
    faces: I32
    material: U8
    uv: F32
    slope_u: F32
    slope_v: F32
    masks: F32


class Paint(NamedTuple):
    """What a person is painted with.

    Attributes:
        skin_a: first map, sRGB ``[H, W, 3]``.
        skin_b: second map.
        iris: sRGB ``[R, A, 3]``.
        linear: linear value of each byte ``[256]``.
        noise: smooth, fine and spots ``[3, N, N]``.
        numbers: of the person.
        colours: of materials ``[M, 3]``.
        gloss: reflectance at normal incidence and roughness of materials ``[M, 2]``.
        eyes: centre, then right, up and gaze of both eyes ``[2, 4, 3]``.
    """

    skin_a: U8
    skin_b: U8
    iris: U8
    linear: F32
    noise: F32
    numbers: F32
    colours: F32
    gloss: F32
    eyes: F32


class Light(NamedTuple):
    """What falls on a person.

    Attributes:
        key: towards the lamp, unit ``[3]``.
        key_colour: linear RGB ``[3]``.
        shadow: the lamp's depth map ``[S, S]``.
        frame: right, up and towards the lamp ``[3, 3]``.
        radius: that the map shows, in metres.
        soft: of shadows, in map pixels.
        probe: light from all sides ``[H, W, 3]``.
        turn: of the probe, in radians.
        ambient: factor of it.
        distance: of the camera, on +z, in metres.
    """

    key: F32
    key_colour: F32
    shadow: F32
    frame: F32
    radius: float
    soft: float
    probe: F32
    turn: float
    ambient: float
    distance: float


class Pixels(NamedTuple):
    """What is written.

    Attributes:
        colour: light times cover ``[H, W, 3]``.
        cover: fraction of rays that see something ``[H, W]``.
        q: their mean inverse depth ``[H, W]``.
        seen: a triangle that a ray sees, -1 if none does ``[H, W]``.
    """

    colour: F32
    cover: F32
    q: F32
    seen: I32


SKIN, EYE_LEFT, EYE_RIGHT, TEETH, GUMS, TONGUE, CAVITY, CLOTH, HAT, FRAME = range(10)
"""Materials, as triangles are numbered."""

LIPS, BEARD, EYELIDS, RED = range(4)
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
_MOST_GAIN = np.float32(1.4)
"""Gain of a channel's deviations from its mean, against green's."""
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
    v = np.arccos(min(max(y, -1.0), 1.0)) * np.float32(0.31830989)
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
    # element by element: views of arrays are counted, which costs more than the sum
    return (
        w00 * texture[i0, j0, 0] + w01 * texture[i0, j1, 0]
        + w10 * texture[i1, j0, 0] + w11 * texture[i1, j1, 0],
        w00 * texture[i0, j0, 1] + w01 * texture[i0, j1, 1]
        + w10 * texture[i1, j0, 1] + w11 * texture[i1, j1, 1],
        w00 * texture[i0, j0, 2] + w01 * texture[i0, j1, 2]
        + w10 * texture[i1, j0, 2] + w11 * texture[i1, j1, 2],
    )  # fmt: skip


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
def _toned(numbers: F32, red: float, green: float, blue: float, smooth: float, ruddy: float) -> F3:
    """Return a map's linear colour brought to a person's tone, contrast and blotches."""
    contrast = numbers[CONTRAST]
    # a channel that is nearly black in the map would have its noise raised with its mean
    most = _MOST_GAIN * numbers[GAIN_G]
    gain = numbers[GAIN_R]
    red = numbers[MEAN_R] * gain + contrast * min(gain, most) * (red - numbers[MEAN_R])
    gain = numbers[GAIN_G]
    green = gain * (numbers[MEAN_G] + contrast * (green - numbers[MEAN_G]))
    gain = numbers[GAIN_B]
    blue = numbers[MEAN_B] * gain + contrast * min(gain, most) * (blue - numbers[MEAN_B])
    blotch = np.float32(0.06) * numbers[BLOTCHES] * smooth
    flush = 1 - np.float32(0.2) * numbers[BLOTCHES] * ruddy
    red *= 1 + blotch
    green *= (1 - blotch) * flush
    blue *= (1 - blotch) * flush
    return red, green, blue


@compiled
def _skin(paint: Paint, x: float, y: float, mask: F3, ruddy: float) -> F3:
    """Return a skin's albedo at a place of the maps, in texels."""
    lips, beard, eyelids = mask
    numbers, noise, linear = paint.numbers, paint.noise, paint.linear
    ya = 2 * numbers[CENTRE_ROW] - y if numbers[MIRROR_A] > 0 else y
    yb = 2 * numbers[CENTRE_ROW] - y if numbers[MIRROR_B] > 0 else y
    ra, ga, ba = _texel(paint.skin_a, x, ya)
    red, green, blue = linear[int(ra)], linear[int(ga)], linear[int(ba)]
    # the noise's side is a power of two
    last = noise.shape[1] - 1
    nx, ny = x + numbers[NOISE_X], y + numbers[NOISE_Y]
    i, j = int(ny * np.float32(0.31)) & last, int(nx * np.float32(0.31)) & last
    smooth = noise[0, i, j]
    fine = noise[1, int(ny * np.float32(2.3)) & last, int(nx * np.float32(2.3)) & last]
    spot = noise[2, int(ny * np.float32(1.3)) & last, int(nx * np.float32(1.3)) & last]
    if numbers[SHARE] > 0:
        rb, gb, bb = _texel(paint.skin_b, x, yb)
        fraction = numbers[SHARE] + np.float32(0.2) * smooth
        fraction = min(max(fraction, np.float32(0)), np.float32(1))
        # the second map is brought to the first's mean: a mixture must not be patched
        red += fraction * (numbers[LIKE_R] * linear[int(rb)] - red)
        green += fraction * (numbers[LIKE_G] * linear[int(gb)] - green)
        blue += fraction * (numbers[LIKE_B] * linear[int(bb)] - blue)
    red, green, blue = _toned(numbers, red, green, blue, smooth, ruddy)
    dark = max(spot - (1 - numbers[FRECKLES]), np.float32(0)) * (1 - lips)
    red *= 1 - np.float32(0.35) * dark
    green *= 1 - np.float32(0.55) * dark
    blue *= 1 - np.float32(0.65) * dark
    cover = numbers[STUBBLE] * beard * (np.float32(0.55) + np.float32(0.45) * fine) * (1 - lips)
    red += cover * (numbers[HAIR_R] - red)
    green += cover * (numbers[HAIR_G] - green)
    blue += cover * (numbers[HAIR_B] - blue)
    shadow = 1 - numbers[EYE_SHADOW] * eyelids
    red *= shadow * (1 + lips * (numbers[LIP_R] - 1))
    green *= shadow * (1 + lips * (numbers[LIP_G] - 1))
    blue *= shadow * (1 + lips * (numbers[LIP_B] - 1))
    least = np.float32(0.006)
    return max(red, least), max(green, least), max(blue, least)


@compiled
def _eye(paint: Paint, side: int, point: F3, v: F3) -> F3:
    """Return an eye's albedo at a point of its surface, seen through the cornea.

    The ray goes on to the iris's plane.
    """
    iris, linear, numbers = paint.iris, paint.linear, paint.numbers
    centre, axes = paint.eyes[side, 0], paint.eyes[side, 1:]
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
def lit_through(light: Light, px: float, py: float, pz: float) -> float:
    """Return the fraction of a lamp's light that reaches a point past its depth map."""
    shadow, frame, soft = light.shadow, light.frame, light.soft
    size = shadow.shape[0]
    scale = size / (2 * light.radius)
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
    return float(lit * np.float32(1 / 9))


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
    middle = _green(skin, tx - half, y - half)
    u = rise * (_green(skin, tx + half, y - half) - middle)
    v = rise * (_green(skin, tx - half, y + half) - middle)
    if mirrored:
        v = -v
    gx = u * mesh.slope_u[f, 0] + v * mesh.slope_v[f, 0]
    gy = u * mesh.slope_u[f, 1] + v * mesh.slope_v[f, 1]
    gz = u * mesh.slope_u[f, 2] + v * mesh.slope_v[f, 2]
    steep = np.sqrt(gx * gx + gy * gy + gz * gz)
    less = _STEEPEST / (_STEEPEST + steep)
    return n[0] - gx * less, n[1] - gy * less, n[2] - gz * less


@compiled
def _between_walls(open_: float, albedo: float) -> float:
    """Return the factor by which light grows where a surface faces others like itself.

    The fit of Jimenez et al. 2016 ("Practical real-time strategies for accurate indirect
    occlusion") to path-traced cavities: their light is as warm as their skin.
    """
    a = np.float32(2.0404) * albedo - np.float32(0.3324)
    b = np.float32(-4.7951) * albedo + np.float32(0.6417)
    c = np.float32(2.7552) * albedo + np.float32(0.6903)
    return max((open_ * a + b) * open_ + c, np.float32(1))  # type: ignore[return-value]


@compiled
def _sent(
    light: Light, m: int, albedo: F3, n: F3, v: F3, coming: tuple[F3, F3, float, float],
    gloss: tuple[float, float],
) -> F3:  # fmt: skip
    """Return the light that a point sends: scattered below, and mirrored by its surface."""
    around, mirrored, way, arrives = coming
    f0, rough = gloss
    key, key_colour, ambient = light.key, light.key_colour, light.ambient
    cosine = n[0] * key[0] + n[1] * key[1] + n[2] * key[2]
    facing = np.float32(max(n[0] * v[0] + n[1] * v[1] + n[2] * v[2], 0.02))
    wr, wg, wb = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    if m == SKIN:
        # light that skin scatters comes round edges, red the farthest
        wr, wg, wb = np.float32(0.22), np.float32(0.09), np.float32(0.05)
        around = (
            around[0] * _between_walls(way, albedo[0]),
            around[1] * _between_walls(way, albedo[1]),
            around[2] * _between_walls(way, albedo[2]),
        )
    dr = max((cosine + wr) / (1 + wr), np.float32(0)) * arrives
    dg = max((cosine + wg) / (1 + wg), np.float32(0)) * arrives
    db = max((cosine + wb) / (1 + wb), np.float32(0)) * arrives
    hx, hy, hz = key[0] + v[0], key[1] + v[1], key[2] + v[2]
    half = 1 / np.sqrt(max(hx * hx + hy * hy + hz * hz, np.float32(1e-6)))
    nh = max((n[0] * hx + n[1] * hy + n[2] * hz) * half, np.float32(0))
    vh = np.float32(max((v[0] * hx + v[1] * hy + v[2] * hz) * half, 0.0))
    # GGX (Walter et al. 2007) with Schlick's reflectance
    grazing = 1 - vh
    fresnel = f0 + (1 - f0) * grazing**5
    a2 = rough * rough * rough * rough
    std = nh * nh * (a2 - 1) + 1
    lobe = a2 / (np.float32(4) * std * std)
    lobe = lobe / max(cosine, facing, np.float32(0.15))
    spec = min(lobe * fresnel, np.float32(40)) * max(cosine, np.float32(0)) * arrives
    sky = f0 + (max(1 - rough, f0) - f0) * (1 - facing) ** 5
    sky *= ambient * _HORIZON
    sr, sg, sb = mirrored
    if rough < _SHARP:
        twice = np.float32(2) * facing
        sr, sg, sb = _probe(
            light.probe,
            twice * n[0] - v[0],
            twice * n[1] - v[1],
            twice * n[2] - v[2],
            light.turn,
        )
        sr, sg, sb = sr * way, sg * way, sb * way
    return (
        albedo[0] * (around[0] * ambient + key_colour[0] * dr) + spec * key_colour[0] + sky * sr,
        albedo[1] * (around[1] * ambient + key_colour[1] * dg) + spec * key_colour[1] + sky * sg,
        albedo[2] * (around[2] * ambient + key_colour[2] * db) + spec * key_colour[2] + sky * sb,
    )


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
        albedo = _skin(paint, tx, ty, mask, ruddy)
        n = _bumped(mesh, f, paint.skin_a, paint.numbers, tx, ty, n)
        f0 = f0 * paint.numbers[GLOSS] * (1 + mask[LIPS] * paint.numbers[LIP_GLOSS])
        rough = rough * (1 - np.float32(0.35) * mask[LIPS])
    elif m in (EYE_LEFT, EYE_RIGHT):
        albedo = _eye(paint, m - EYE_LEFT, p, v)
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
    return _sent(light, m, albedo, n, v, (around, mirrored, way, arrives), (f0, rough))


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
def lit_points(light: Light, points: F32, out: F32) -> None:
    """Write the share ``[N]`` of a lamp's light that reaches each point ``[N, 3]``."""
    # hairs lie before and behind each other by their own thickness
    lift = np.float32(0.004)
    for i in range(points.shape[0]):
        x, y = points[i, 0] + lift * light.key[0], points[i, 1] + lift * light.key[1]
        out[i] = lit_through(light, x, y, points[i, 2] + lift * light.key[2])
