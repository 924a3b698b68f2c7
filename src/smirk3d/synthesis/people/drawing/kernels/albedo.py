"""The colours of skin and eyes."""

from __future__ import annotations

import numpy as np

from smirk3d.synthesis.people.drawing.kernels.compiling import compiled
from smirk3d.synthesis.people.drawing.kernels.records import (
    BLOTCHES,
    CENTRE_ROW,
    CONTRAST,
    EYE_SHADOW,
    F3,
    F32,
    FRECKLES,
    GAIN_B,
    GAIN_G,
    GAIN_R,
    HAIR_B,
    HAIR_G,
    HAIR_R,
    IRIS_B,
    IRIS_G,
    IRIS_R,
    IRIS_SIZE,
    LIKE_B,
    LIKE_G,
    LIKE_R,
    LIP_B,
    LIP_G,
    LIP_R,
    MEAN_B,
    MEAN_G,
    MEAN_R,
    MIRROR_A,
    MIRROR_B,
    NOISE_X,
    NOISE_Y,
    PUPIL,
    SCLERA_B,
    SCLERA_G,
    SCLERA_R,
    SHARE,
    STUBBLE,
    U8,
    Paint,
)

_MOST_GAIN = np.float32(1.4)
"""Gain of a channel's deviations from its mean, against green's; chosen by eye."""


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
def green_texel(texture: U8, x: float, y: float) -> float:
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
def skin_albedo(paint: Paint, x: float, y: float, mask: F3, ruddy: float) -> F3:
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
def eye_albedo(paint: Paint, side: int, point: F3, v: F3) -> F3:
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
