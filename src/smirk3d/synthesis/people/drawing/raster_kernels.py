"""Compiled loops that find what pixels see: solid triangles, depth maps of lights, layers of hair.

Screen points are ``(x, y, q)`` with x and y in pixels, y downwards, pixel centres at +0.5, and q
linear on the screen and larger where nearer: the inverse of depth for a perspective camera.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from smirk3d.synthesis.people.drawing.compiled import compiled

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
Placed = tuple[tuple[int, int, int], tuple[float, ...], float, tuple[int, int, int, int]]
"""Corners of a triangle; the first one's x and y and the others' relative to it; twice its area;
the first and one past the last row and column of pixels that it may cover."""


class Layers(NamedTuple):
    """The translucent things of each pixel, the nearest first.

    Attributes:
        depth: of each layer ``[H, W, K]``.
        colour: RGB and opacity of each layer ``[H, W, K, 4]``.
        segment: number of each layer ``[H, W, K]``.
        used: number of layers in use ``[H, W]``.
        rest: opacity times RGB, opacity and transparency of what lies behind K layers
            ``[H, W, 5]``; transparency is 1 at first.
    """

    depth: F32
    colour: F32
    segment: U8
    used: U8
    rest: F32


class Cards(NamedTuple):
    """Triangles with a picture of hairs.

    Attributes:
        points: screen points ``[N, 3]``, q the inverse of depth.
        faces: ``[F, 3]``.
        uv: ``[N, 2]``, v downwards.
        colours: linear RGB ``[N, 3]`` of a texture's mean lightness.
        texture: lightness and opacity uint8 ``[R, C, 2]``.
        opacity: factor of the texture's.
        segment: number of what is drawn.
    """

    points: F32
    faces: I32
    uv: F32
    colours: F32
    texture: U8
    opacity: float
    segment: int


class Solid(NamedTuple):
    """What is solid in each pixel.

    Attributes:
        colour: linear RGB times cover ``[H, W, 3]``.
        cover: ``[H, W]``.
        q: inverse depth, 0 where nothing is ``[H, W]``.
        segment: ``[H, W]``.
    """

    colour: F32
    cover: F32
    q: F32
    segment: U8


@compiled
def _limits(a: float, b: float, c: float, size: int) -> tuple[int, int]:
    """Return the first and one past the last pixel centre between three coordinates."""
    low, high = min(a, b, c), max(a, b, c)
    return max(int(np.ceil(low - 0.5)), 0), min(int(np.floor(high - 0.5)) + 1, size)


@compiled
def _placed(points: F32, faces: I32, f: int, height: int, width: int) -> Placed:
    """Return where a triangle is on a screen."""
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    ax, ay = points[a, 0], points[a, 1]
    bx, by = points[b, 0], points[b, 1]
    cx, cy = points[c, 0], points[c, 1]
    y0, y1 = _limits(ay, by, cy, height)
    x0, x1 = _limits(ax, bx, cx, width)
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    sides = (ax, ay, bx - ax, by - ay, cx - ax, cy - ay)
    return (a, b, c), sides, area, (y0, y1, x0, x1)


@compiled
def draw_ids(points: F32, faces: I32, ids: I32, nearest: F32) -> None:
    """Write the triangle that each pixel sees, and its q, into ``[H, W]`` of -1 and of 0.

    Without ids, ``[0, 0]``, the map is raised to the q of the nearest triangle, of either sign.
    """
    named = ids.shape[0] > 0
    height, width = nearest.shape
    for f in range(faces.shape[0]):
        (a, b, c), sides, area, (y0, y1, x0, x1) = _placed(points, faces, f, height, width)
        aq, bq, cq = points[a, 2], points[b, 2], points[c, 2]
        if not abs(area) > 1e-9 or (named and min(aq, bq, cq) <= 0):
            continue
        ax, ay, bx, by, cx, cy = sides
        inverse = 1 / area
        bdx, bdy = cy * inverse, -cx * inverse
        cdx, cdy = -by * inverse, bx * inverse
        for row in range(y0, y1):
            y = row + 0.5 - ay
            for column in range(x0, x1):
                x = column + 0.5 - ax
                wb = x * bdx + y * bdy
                wc = x * cdx + y * cdy
                if wb >= 0 and wc >= 0 and wb + wc <= 1:
                    q = aq + wb * (bq - aq) + wc * (cq - aq)
                    if q > nearest[row, column]:
                        nearest[row, column] = q
                        if named:
                            ids[row, column] = f


@compiled
def depth_map(points: F32, faces: I32, nearest: F32) -> None:
    """Raise a map ``[H, W]`` to the q of the nearest triangle."""
    draw_ids(points, faces, np.empty((0, 0), np.int32), nearest)


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


@compiled
def hair_depth_map(points: F32, faces: I32, uv: F32, texture: U8, nearest: F32) -> None:
    """Raise a map ``[H, W]`` to the q of the nearest hair that is more than half opaque."""
    height, width = nearest.shape
    tall, wide = texture.shape[0], texture.shape[1]
    for f in range(faces.shape[0]):
        (a, b, c), sides, area, (y0, y1, x0, x1) = _placed(points, faces, f, height, width)
        if not abs(area) > 1e-9:
            continue
        aq, bq, cq = points[a, 2], points[b, 2], points[c, 2]
        ax, ay, bx, by, cx, cy = sides
        inverse = 1 / area
        for row in range(y0, y1):
            for column in range(x0, x1):
                x, y = column + 0.5 - ax, row + 0.5 - ay
                wb, wc = (x * cy - y * cx) * inverse, (y * bx - x * by) * inverse
                if wb < 0 or wc < 0 or wb + wc > 1:
                    continue
                q = aq + wb * (bq - aq) + wc * (cq - aq)
                if q <= nearest[row, column]:
                    continue
                u = uv[a, 0] + wb * (uv[b, 0] - uv[a, 0]) + wc * (uv[c, 0] - uv[a, 0])
                v = uv[a, 1] + wb * (uv[b, 1] - uv[a, 1]) + wc * (uv[c, 1] - uv[a, 1])
                i, j = int(v * tall) % tall, int(u * wide) % wide
                if texture[i, j, 1] > 110:
                    nearest[row, column] = q


@compiled
def draw_layers(cards: Cards, solid: Solid, slack: float, layers: Layers) -> None:
    """Add translucent triangles to the layers of each pixel.

    Args:
        cards: the triangles.
        solid: hides what is behind it.
        slack: metres by which they may lie behind what is solid and still be seen.
        layers: gets them.
    """
    height, width = solid.q.shape
    points, uv, colours = cards.points, cards.uv, cards.colours
    for f in range(cards.faces.shape[0]):
        (a, b, c), sides, area, (y0, y1, x0, x1) = _placed(points, cards.faces, f, height, width)
        aq, bq, cq = points[a, 2], points[b, 2], points[c, 2]
        if not abs(area) > 1e-9 or min(aq, bq, cq) <= 0:
            continue
        ax, ay, bx, by, cx, cy = sides
        for row in range(y0, y1):
            for column in range(x0, x1):
                x, y = column + 0.5 - ax, row + 0.5 - ay
                wb, wc = (x * cy - y * cx) / area, (y * bx - x * by) / area
                if wb < 0 or wc < 0 or wb + wc > 1:
                    continue
                wa = 1 - wb - wc
                depth = 1 / (wa * aq + wb * bq + wc * cq)
                hidden = solid.cover[row, column] > 0.99
                if hidden and depth > 1 / solid.q[row, column] + slack:
                    continue
                u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
                v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
                light, alpha = _looked_up(cards.texture, u, v)
                alpha *= cards.opacity
                if alpha < 0.02:
                    continue
                light *= np.float32(1 / 96)
                red = light * (wa * colours[a, 0] + wb * colours[b, 0] + wc * colours[c, 0])
                green = light * (wa * colours[a, 1] + wb * colours[b, 1] + wc * colours[c, 1])
                blue = light * (wa * colours[a, 2] + wb * colours[b, 2] + wc * colours[c, 2])
                fragment = (depth, red, green, blue, alpha)
                _insert(layers, row, column, fragment, cards.segment)


@compiled
def _looked_up(texture: U8, u: float, v: float) -> tuple[float, float]:
    """Return lightness and opacity (0 to 1) of a texture at a place, bilinear."""
    tall, wide = texture.shape[0], texture.shape[1]
    x, y = u * wide - 0.5, v * tall - 0.5
    j, i = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - j, y - i
    j0, i0 = min(max(j, 0), wide - 1), min(max(i, 0), tall - 1)
    j1, i1 = min(max(j + 1, 0), wide - 1), min(max(i + 1, 0), tall - 1)
    w00, w01 = (1 - fx) * (1 - fy), fx * (1 - fy)
    w10, w11 = (1 - fx) * fy, fx * fy
    light = (w00 * texture[i0, j0, 0] + w01 * texture[i0, j1, 0]
             + w10 * texture[i1, j0, 0] + w11 * texture[i1, j1, 0])  # fmt: skip
    alpha = (w00 * texture[i0, j0, 1] + w01 * texture[i0, j1, 1]
             + w10 * texture[i1, j0, 1] + w11 * texture[i1, j1, 1])  # fmt: skip
    return light, alpha * (1 / 255)


@compiled
def _insert(
    layers: Layers, row: int, column: int, fragment: tuple[float, float, float, float, float],
    segment: int,
) -> None:  # fmt: skip
    """Put a fragment among a pixel's layers; the farthest goes to the rest when they are full."""
    depth, red, green, blue, alpha = fragment
    depths, colours = layers.depth[row, column], layers.colour[row, column]
    segments, rest = layers.segment[row, column], layers.rest[row, column]
    last = depths.shape[0] - 1
    place = int(layers.used[row, column])
    if place > last:
        if depth >= depths[last]:
            _to_rest(rest, red, green, blue, alpha)
            return
        _to_rest(rest, colours[last, 0], colours[last, 1], colours[last, 2], colours[last, 3])
        place = last
    layers.used[row, column] = place + 1
    while place > 0 and depths[place - 1] > depth:
        depths[place], segments[place] = depths[place - 1], segments[place - 1]
        for k in range(4):
            colours[place, k] = colours[place - 1, k]
        place -= 1
    depths[place], segments[place] = depth, segment
    colours[place, 0], colours[place, 1] = red, green
    colours[place, 2], colours[place, 3] = blue, alpha


@compiled
def _to_rest(rest: F32, red: float, green: float, blue: float, alpha: float) -> None:
    rest[0] += alpha * red
    rest[1] += alpha * green
    rest[2] += alpha * blue
    rest[3] += alpha
    rest[4] *= 1 - alpha


@compiled
def composite(
    solid: Solid, behind: F32, slack: float, layers: Layers, before: F32, segment: U8
) -> F32:
    """Return the picture ``[H, W, 3]`` of layers over and behind what is solid, over a background.

    Args:
        solid: what is solid.
        behind: background ``[H, W, 3]``, linear.
        slack: as for :func:`draw_layers`.
        layers: what is not.
        before: gets the transparency before what is solid ``[H, W]``.
        segment: gets the number of what most of each pixel shows ``[H, W]``.
    """
    height, width = solid.cover.shape
    out = np.zeros((height, width, 3), np.float32)
    for i in range(height):
        for j in range(width):
            left, best, chosen = 1.0, 0.0, 0
            done = solid.q[i, j] <= 0
            before[i, j] = 1.0
            limit = 0.0 if done else 1 / solid.q[i, j] + slack
            count = int(layers.used[i, j])
            for k in range(count + 1):
                if not done and (k == count or layers.depth[i, j, k] > limit):
                    before[i, j] = left
                    for c in range(3):
                        out[i, j, c] += left * solid.colour[i, j, c]
                    if left * solid.cover[i, j] > best:
                        best, chosen = left * solid.cover[i, j], int(solid.segment[i, j])
                    left *= 1 - solid.cover[i, j]
                    done = True
                if k == count:
                    break
                fraction = left * layers.colour[i, j, k, 3]
                for c in range(3):
                    out[i, j, c] += fraction * layers.colour[i, j, k, c]
                if fraction > best:
                    best, chosen = fraction, int(layers.segment[i, j, k])
                left -= fraction
            rest = layers.rest[i, j]
            hidden = left * (1 - rest[4])
            for c in range(3):
                out[i, j, c] += hidden / max(rest[3], 1e-6) * rest[c]
                out[i, j, c] += (left - hidden) * behind[i, j, c]
            segment[i, j] = 0 if left - hidden > max(best, hidden) else chosen
    return out
