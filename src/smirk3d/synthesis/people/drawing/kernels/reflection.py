"""Light that a surface sends to the camera, and what reaches it of a lamp."""

from __future__ import annotations

import numpy as np

from smirk3d.synthesis.people.drawing.kernels.compiling import compiled
from smirk3d.synthesis.people.drawing.kernels.records import F3, F32, SKIN, Light

_BEHIND = np.float32(1 / 0.004)
"""One over the metres behind a surface over which shadow sets in; chosen by eye."""
_HORIZON = np.float32(0.65)
"""Of mirrored surroundings, what skin's own roughness leaves at grazing angles; chosen by eye."""
_SHARP = np.float32(0.25)
"""Roughness below which surfaces mirror the sharp probe; of all materials, eyes and teeth."""


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
def lit_points(light: Light, points: F32, out: F32) -> None:
    """Write the share ``[N]`` of a lamp's light that reaches each point ``[N, 3]``."""
    # hairs lie before and behind each other by their own thickness
    lift = np.float32(0.004)
    for i in range(points.shape[0]):
        x, y = points[i, 0] + lift * light.key[0], points[i, 1] + lift * light.key[1]
        out[i] = lit_through(light, x, y, points[i, 2] + lift * light.key[2])


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
def sent_light(
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
