"""Simple meshes of our own that people wear: clothes, glasses, hats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.kernels import records
from smirk3d.synthesis.people.labels import Segment

Array = NDArray[np.float32]
Ids = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Worn:
    """Something worn.

    Attributes:
        points: ``[N, 3]`` in head space at rest, metres.
        faces: ``[F, 3]``.
        material: of all triangles.
        segment: of all pixels that show it.
        on_torso: whether it stays with the torso when the head turns.
    """

    points: Array
    faces: Ids
    material: int
    segment: int
    on_torso: bool = False


CLOTHES = ("crew", "wide", "turtleneck", "collar")
GLASSES = ("round", "oval", "square", "wide", "sun-oval", "sun-square")
HATS = ("beanie", "low-beanie")

_AROUND = 40
"""Points of a ring of cloth, chosen by eye."""
_TOPS = {"crew": 0.0, "wide": -0.012, "turtleneck": 0.035, "collar": 0.012}
"""Metres of the collar's edge over the lowest ring of the neck that is drawn."""
_SHOULDERS = ((0.014, 1.06), (0.016, 1.12), (0.004, 1.16), (-0.006, 1.30))
"""Height over the collar's edge less 16 mm, and size against the neck, of the collar's rings."""
_TORSO = ((-0.030, 0.105, 0.075), (-0.050, 0.155, 0.090), (-0.085, 0.195, 0.105),
          (-0.16, 0.215, 0.115), (-0.35, 0.205, 0.120))  # fmt: skip
"""Height over the collar, half width and half depth in metres, of the torso's rings."""

_SHAPES = {
    "round": (0.0235, 0.0225, 2.0, 0.0011), "oval": (0.0265, 0.0185, 2.3, 0.0011),
    "square": (0.0270, 0.0195, 4.0, 0.0019), "wide": (0.0285, 0.0210, 3.0, 0.0026),
    "sun-oval": (0.0290, 0.0235, 2.5, 0.0017), "sun-square": (0.0290, 0.0225, 3.6, 0.0026),
}  # fmt: skip
"""Half width, half height, exponent of the superellipse, radius of the rim; metres."""


def clothes(name: str, neutral: Array, surface: HeadSurface) -> Worn:
    """Return a torso with a collar about a person's neck.

    Args:
        name: of :data:`CLOTHES`.
        neutral: the person's vertices ``[V, 3]``.
        surface: of the head.
    """
    skin = neutral[surface.part == 0]
    low = skin[:, 1].min()
    ring = skin[(skin[:, 1] < low + 0.03)]
    middle = np.array([0.0, (ring[:, 2].max() + ring[:, 2].min()) / 2])
    wide, deep = np.abs(ring[:, 0]).max(), np.ptp(ring[:, 2]) / 2
    top = low + 0.018 + _TOPS[name]
    angle = np.arange(_AROUND) / _AROUND * 2 * np.pi
    rows = []
    loose = 1.10 if name == "wide" else 1.0
    flare = 0.010 if name == "collar" else 0.0
    for height, size in _SHOULDERS:
        x = np.cos(angle) * wide * size * loose
        z = np.sin(angle) * deep * size * loose + middle[1]
        # collars lie lower in front
        y = top + height - 0.016 - (0.006 + flare) * (0.5 + 0.5 * np.sin(angle)) ** 3
        rows.append(np.stack([x, y, z], 1))
    for height, half_width, half_depth in _TORSO:
        x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.85 * half_width
        z = np.sin(angle) * half_depth + middle[1] - 0.01
        y = np.full(_AROUND, top + height) + 0.012 * np.abs(np.cos(angle)) * (height > -0.1)
        rows.append(np.stack([x, y, z], 1))
    return Worn(
        points=np.concatenate(rows).astype(np.float32), faces=_grid(len(rows), _AROUND),
        material=records.CLOTH, segment=Segment.CLOTHES, on_torso=True,
    )  # fmt: skip


def _grid(rows: int, columns: int) -> Ids:
    """Return the triangles of rows of closed rings."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)])
    return np.ascontiguousarray(faces.reshape(-1, 3), np.int32)


def _tube(path: NDArray[np.float64], radius: float, closed: bool) -> tuple[Array, Ids]:
    """Return a tube along points ``[N, 3]`` with five sides."""
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not closed:
        ahead[0], ahead[-1] = path[1] - path[0], path[-1] - path[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True).clip(1e-9)
    helper = np.where(np.abs(ahead[:, 2:]) < 0.8, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    side = np.cross(ahead, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True).clip(1e-9)
    up = np.cross(side, ahead)
    angle = np.arange(5) / 5 * 2 * np.pi
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    points = (path[:, None] + radius * ring).reshape(-1, 3)
    if closed:
        points = np.concatenate([points, points[:5]])
    return points.astype(np.float32), _grid(len(points) // 5, 5)


def glasses(name: str, neutral: Array, eyes: Array, surface: HeadSurface) -> tuple[Worn, Worn]:
    """Return the frame of glasses and their lenses.

    Args:
        name: of :data:`GLASSES`.
        neutral: the person's vertices ``[V, 3]``.
        eyes: centres of the left and the right eye ``[2, 3]``.
        surface: of the head.
    """
    half_width, half_height, power, radius = _SHAPES[name]
    skin = neutral[surface.part == 0]
    out = float(eyes[0, 0]) + 0.001
    y0 = float(eyes[:, 1].mean()) - 0.003
    near = skin[(np.abs(skin[:, 1] - y0) < half_height) & (np.abs(skin[:, 0]) < out + half_width)]
    bridge = near[np.abs(near[:, 0]) < 0.008]
    z0 = max(float(eyes[:, 2].mean()) + 0.024, float(np.quantile(bridge[:, 2], 0.4)))
    ear = float(np.abs(skin[(skin[:, 1] > y0 - 0.02) & (np.abs(skin[:, 2]) < 0.02), 0]).max())

    def bent(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        z = z0 - 2.2 * x**2 + 0.08 * (y - y0)
        return np.stack([x, y, z], 1)

    angle = np.arange(28) / 28 * 2 * np.pi
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power) * half_width
    above = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / power) * half_height
    tubes, lenses = [], []
    for side in (1, -1):
        rim = bent(side * (out + across), y0 + above)
        tubes.append(_tube(rim, radius, True))
        lenses.append(np.concatenate([rim, rim.mean(0, keepdims=True)]))
        hinge = bent(np.array([side * (out + half_width)]), np.array([y0 + 0.4 * half_height]))[0]
        back = np.array([side * (ear - 0.006), y0 + 0.004, 0.0])
        temple = hinge + (back - hinge) * np.linspace(0, 1, 6)[:, None]
        tubes.append(_tube(temple, radius * 1.1, False))
    inner = out - half_width
    x = np.linspace(-inner, inner, 7)
    arch = bent(x, y0 + 0.3 * half_height + 0.004 * (1 - (x / max(inner, 1e-4)) ** 2))
    tubes.append(_tube(arch, radius, False))
    starts = np.cumsum([0] + [len(points) for points, _ in tubes[:-1]])
    frame = Worn(
        points=np.concatenate([points for points, _ in tubes]),
        faces=np.concatenate(
            [faces + start for (_, faces), start in zip(tubes, starts, strict=True)]
        ).astype(np.int32),
        material=records.FRAME, segment=Segment.GLASSES,
    )  # fmt: skip
    fan = np.stack([np.arange(28), (np.arange(28) + 1) % 28, np.full(28, 28)], 1)
    lens = Worn(
        points=np.concatenate(lenses).astype(np.float32),
        faces=np.concatenate([fan, fan + 29]).astype(np.int32),
        material=records.FRAME, segment=Segment.GLASSES,
    )  # fmt: skip
    return frame, lens


def hat(name: str, neutral: Array, surface: HeadSurface) -> Worn:
    """Return a knitted cap over a person's scalp.

    Args:
        name: of :data:`HATS`.
        neutral: the person's vertices ``[V, 3]``.
        surface: of the head.
    """
    lower = 0.018 if name == "low-beanie" else 0.0
    template = surface.template
    edge = 0.090 - lower - 0.28 * (0.12 - template[:, 2])
    over = template[:, 1] - edge
    skin = surface.faces[surface.material == records.SKIN]
    chosen = skin[(over[skin] > 0).any(1)]
    ids, faces = np.unique(chosen, return_inverse=True)
    points = neutral[ids].astype(np.float64)
    # the edge is level: what lies below it is drawn up to it
    points[:, 1] -= np.minimum(over[ids], 0)
    outward = points - np.array([0.0, 0.05, 0.0])
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    rim = np.exp(-((np.maximum(over[ids], 0) / 0.02) ** 2))
    points += outward * (0.0075 + 0.004 * rim)[:, None]
    return Worn(
        points=points.astype(np.float32), faces=faces.reshape(-1, 3).astype(np.int32),
        material=records.HAT, segment=Segment.HAT,
    )  # fmt: skip
