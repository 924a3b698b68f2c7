"""Layers of translucent things, above all hair."""

from __future__ import annotations

import numpy as np

from smirk3d.synthesis.people.drawing.kernels.compiling import compiled
from smirk3d.synthesis.people.drawing.kernels.records import F32, I32, U8, Cards, Layers, Solid
from smirk3d.synthesis.people.drawing.kernels.triangles import placed


@compiled
def hair_depth_map(points: F32, faces: I32, uv: F32, texture: U8, nearest: F32) -> None:
    """Raise a map ``[H, W]`` to the q of the nearest hair that is more than half opaque."""
    height, width = nearest.shape
    tall, wide = texture.shape[0], texture.shape[1]
    for f in range(faces.shape[0]):
        (a, b, c), sides, area, (y0, y1, x0, x1) = placed(points, faces, f, height, width)
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
        (a, b, c), sides, area, (y0, y1, x0, x1) = placed(points, cards.faces, f, height, width)
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
