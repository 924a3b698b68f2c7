"""Compiled loops that find what pixels see: solid triangles, depth maps of lights, layers of hair.

Screen points are ``(x, y, q)`` with x and y in pixels, y downwards, pixel centres at +0.5, and q
linear on the screen and larger where nearer: the inverse of depth for a perspective camera.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.synthesis.people.compiled import compiled

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


@compiled
def _limits(a: float, b: float, c: float, size: int) -> tuple[int, int]:
    """Return the first and one past the last pixel centre between three coordinates."""
    low, high = min(a, b, c), max(a, b, c)
    return max(int(np.ceil(low - 0.5)), 0), min(int(np.floor(high - 0.5)) + 1, size)


@compiled
def draw_ids(points: F32, faces: I32, ids: I32, nearest: F32) -> None:
    """Write the triangle that each pixel sees, and its q; arrays ``[H, W]`` hold -1 and 0 before."""
    height, width = ids.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, aq = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bq = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cq = points[c, 0], points[c, 1], points[c, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if not abs(area) > 1e-9 or min(aq, bq, cq) <= 0:
            continue
        y0, y1 = _limits(ay, by, cy, height)
        x0, x1 = _limits(ax, bx, cx, width)
        inverse = 1 / area
        bdx, bdy = (cy - ay) * inverse, -(cx - ax) * inverse
        cdx, cdy = -(by - ay) * inverse, (bx - ax) * inverse
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
                        ids[row, column] = f


@compiled
def depth_map(points: F32, faces: I32, nearest: F32) -> None:
    """Raise a map ``[H, W]`` to the q of the nearest triangle."""
    height, width = nearest.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, aq = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bq = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cq = points[c, 0], points[c, 1], points[c, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if not abs(area) > 1e-9:
            continue
        y0, y1 = _limits(ay, by, cy, height)
        x0, x1 = _limits(ax, bx, cx, width)
        inverse = 1 / area
        bdx, bdy = (cy - ay) * inverse, -(cx - ax) * inverse
        cdx, cdy = -(by - ay) * inverse, (bx - ax) * inverse
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
    share = np.empty(count, np.float32)
    # radiance came times solid angle over pi
    scale = np.float32(frames.shape[0] / 4)
    for i in range(count):
        share[i] = seen[i, 0] / max(seen[i, 1], np.float32(1e-6))
        for c in range(3):
            mirrored[i, c] *= scale / weight[i]
    return total, mirrored, share


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
    """Return the share of the four nearest map pixels that a point at q is not behind."""
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
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, aq = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bq = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cq = points[c, 0], points[c, 1], points[c, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if not abs(area) > 1e-9:
            continue
        y0, y1 = _limits(ay, by, cy, height)
        x0, x1 = _limits(ax, bx, cx, width)
        inverse = 1 / area
        for row in range(y0, y1):
            for column in range(x0, x1):
                x, y = column + 0.5 - ax, row + 0.5 - ay
                wb = (x * (cy - ay) - y * (cx - ax)) * inverse
                wc = (y * (bx - ax) - x * (by - ay)) * inverse
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
def draw_layers(
    points: F32, faces: I32, uv: F32, colours: F32, texture: U8, opacity: float, segment: int,
    slack: float, solid: F32, full: U8, depths: F32, layers: F32, segments: U8, counts: U8,
    rest: F32,
) -> None:  # fmt: skip
    """Add translucent triangles to the layers of each pixel, the nearest first.

    Args:
        points: screen points ``[N, 3]``, q the inverse of depth.
        faces: ``[F, 3]``.
        uv: ``[N, 2]``, v downwards.
        colours: linear RGB ``[N, 3]`` of a texture's mean lightness.
        texture: lightness and opacity uint8 ``[R, C, 2]``.
        opacity: factor of the texture's.
        segment: number of what is drawn.
        slack: metres by which it may lie behind what is solid and still be seen.
        solid: q of what is solid ``[H, W]``, 0 where nothing is.
        full: whether that covers the whole pixel ``[H, W]``.
        depths: depth of each layer ``[H, W, K]``.
        layers: RGB and opacity of each layer ``[H, W, K, 4]``.
        segments: number of each layer ``[H, W, K]``.
        counts: layers in use ``[H, W]``.
        rest: opacity times RGB, opacity and transparency of what lies behind K layers
            ``[H, W, 5]``; transparency is 1 before.
    """
    height, width = solid.shape
    most = depths.shape[2]
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, aq = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bq = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cq = points[c, 0], points[c, 1], points[c, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if not abs(area) > 1e-9 or min(aq, bq, cq) <= 0:
            continue
        y0, y1 = _limits(ay, by, cy, height)
        x0, x1 = _limits(ax, bx, cx, width)
        inverse = 1 / area
        for row in range(y0, y1):
            for column in range(x0, x1):
                x, y = column + 0.5 - ax, row + 0.5 - ay
                wb = (x * (cy - ay) - y * (cx - ax)) * inverse
                wc = (y * (bx - ax) - x * (by - ay)) * inverse
                if wb < 0 or wc < 0 or wb + wc > 1:
                    continue
                depth = 1 / (aq + wb * (bq - aq) + wc * (cq - aq))
                if full[row, column] and depth > 1 / solid[row, column] + slack:
                    continue
                u = uv[a, 0] + wb * (uv[b, 0] - uv[a, 0]) + wc * (uv[c, 0] - uv[a, 0])
                v = uv[a, 1] + wb * (uv[b, 1] - uv[a, 1]) + wc * (uv[c, 1] - uv[a, 1])
                light, alpha = _looked_up(texture, u, v)
                alpha *= opacity
                if alpha < 0.02:
                    continue
                wa = 1 - wb - wc
                light *= np.float32(1 / 96)
                red = light * (wa * colours[a, 0] + wb * colours[b, 0] + wc * colours[c, 0])
                green = light * (wa * colours[a, 1] + wb * colours[b, 1] + wc * colours[c, 1])
                blue = light * (wa * colours[a, 2] + wb * colours[b, 2] + wc * colours[c, 2])
                _insert(row, column, most, depth, red, green, blue, alpha, segment,
                        depths, layers, segments, counts, rest)  # fmt: skip


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
    row: int, column: int, most: int, depth: float, red: float, green: float, blue: float,
    alpha: float, segment: int, depths: F32, layers: F32, segments: U8, counts: U8, rest: F32,
) -> None:  # fmt: skip
    """Put a fragment among a pixel's layers; the farthest goes to the rest when they are full."""
    count = int(counts[row, column])
    if count == most:
        last = most - 1
        if depth >= depths[row, column, last]:
            _to_rest(rest[row, column], red, green, blue, alpha)
            return
        far = layers[row, column, last]
        _to_rest(rest[row, column], far[0], far[1], far[2], far[3])
        count = last
    place = count
    while place > 0 and depths[row, column, place - 1] > depth:
        depths[row, column, place] = depths[row, column, place - 1]
        segments[row, column, place] = segments[row, column, place - 1]
        for k in range(4):
            layers[row, column, place, k] = layers[row, column, place - 1, k]
        place -= 1
    depths[row, column, place] = depth
    segments[row, column, place] = segment
    layers[row, column, place, 0] = red
    layers[row, column, place, 1] = green
    layers[row, column, place, 2] = blue
    layers[row, column, place, 3] = alpha
    counts[row, column] = count + 1


@compiled
def _to_rest(rest: F32, red: float, green: float, blue: float, alpha: float) -> None:
    rest[0] += alpha * red
    rest[1] += alpha * green
    rest[2] += alpha * blue
    rest[3] += alpha
    rest[4] *= 1 - alpha


@compiled
def composite(
    solid_colour: F32, cover: F32, solid: F32, solid_segment: U8, behind: F32, slack: float,
    depths: F32, layers: F32, segments: U8, counts: U8, rest: F32, before: F32, segment: U8,
) -> F32:  # fmt: skip
    """Return the picture ``[H, W, 3]`` of layers over and behind what is solid, over a background.

    Args:
        solid_colour: linear RGB ``[H, W, 3]`` times cover; cover: ``[H, W]``.
        solid: q ``[H, W]``; solid_segment: ``[H, W]``.
        behind: background ``[H, W, 3]``, linear.
        slack: as for :func:`draw_layers`.
        depths, layers, segments, counts, rest: its layers.
        before: gets the transparency before what is solid ``[H, W]``.
        segment: gets the number of what most of each pixel shows ``[H, W]``.
    """
    height, width = cover.shape
    out = np.empty((height, width, 3), np.float32)
    for i in range(height):
        for j in range(width):
            left, best, chosen = 1.0, 0.0, 0
            red, green, blue = 0.0, 0.0, 0.0
            done = solid[i, j] <= 0
            before[i, j] = 1.0
            limit = 0.0 if done else 1 / solid[i, j] + slack
            for k in range(counts[i, j] + 1):
                last = k == counts[i, j]
                if not done and (last or depths[i, j, k] > limit):
                    before[i, j] = left
                    red += left * solid_colour[i, j, 0]
                    green += left * solid_colour[i, j, 1]
                    blue += left * solid_colour[i, j, 2]
                    if left * cover[i, j] > best:
                        best, chosen = left * cover[i, j], int(solid_segment[i, j])
                    left *= 1 - cover[i, j]
                    done = True
                if last:
                    break
                share = left * layers[i, j, k, 3]
                red += share * layers[i, j, k, 0]
                green += share * layers[i, j, k, 1]
                blue += share * layers[i, j, k, 2]
                if share > best:
                    best, chosen = share, int(segments[i, j, k])
                left *= 1 - layers[i, j, k, 3]
            hidden = left * (1 - rest[i, j, 4])
            if hidden > 1e-4:
                each = hidden / max(rest[i, j, 3], 1e-6)
                red += each * rest[i, j, 0]
                green += each * rest[i, j, 1]
                blue += each * rest[i, j, 2]
                left *= rest[i, j, 4]
            if left > max(best, hidden):
                chosen = 0
            segment[i, j] = chosen
            out[i, j, 0] = red + left * behind[i, j, 0]
            out[i, j, 1] = green + left * behind[i, j, 1]
            out[i, j, 2] = blue + left * behind[i, j, 2]
    return out
