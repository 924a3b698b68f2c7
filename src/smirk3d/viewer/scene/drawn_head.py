"""A head as the page draws it: one mesh a material, with irises, moved by a parameter vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.rigs.appearance import part_colour, vertex_colours
from smirk3d.geometry.meshes import compact
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.personal_head import one_person
from smirk3d.heads.spec import PARTS
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Complexion
from smirk3d.rendering.hair_pictures import brow_band
from smirk3d.rendering.materials import linear_to_srgb, rest_eyeballs
from smirk3d.rendering.picture_surface import Eyeball, hair_uv
from smirk3d.viewer.session.parameter_layout import ParameterLayout, Vector

Colour = tuple[int, int, int]
Points = NDArray[np.float32]

_MESHES = (
    ("skin", ("skin",)),
    ("eyes", ("eyeL", "eyeR")),
    ("teeth", ("teethU", "teethL")),
    ("tongue", ("tongue",)),
    ("mouth", ("cavity",)),
    ("gums", ("gums",)),
)
_RINGS = np.radians([0.0, 5.0, 12.0, 18.0, 23.0, 27.5, 30.0, 34.0])
"""Angles from the gaze between which an eye is drawn in one colour."""
_SEGMENTS = 40
"""Corners of a ring: the iris's outline misses a circle by 0.02 mm."""
_SAME_COLUMN = 1e-4
"""Texture coordinates nearer than this are of one column of the strip: rounding is a thousandth of
it, columns are 0.07 apart."""
_ABOVE = 1.006
"""Distance of the iris from the eye's centre as a multiple of that of the eyeball's surface."""
_CORNEA = np.radians(14.0)
"""Half the width of the ring of an eyeball whose largest radius counts at an angle: a cornea stands
out, and rows of vertices lie up to 12 degrees apart."""


@dataclass(frozen=True, eq=False)
class DrawnMesh:
    """A mesh of one colour.

    Attributes:
        name: of the mesh.
        colour: sRGB, 0 to 255.
        vertex_ids: the head's vertices that it consists of, or from which it is mixed ``[U]``.
        mix: its vertices as weighted sums of those ``[N, U]``; None where they are those.
        faces: ``[F, 3]``.
    """

    name: str
    colour: Colour
    vertex_ids: NDArray[np.int64]
    mix: Points | None
    faces: NDArray[np.uint32]

    def vertices(self, head_vertices: Points) -> Points:
        """Return its vertices ``[N, 3]`` for the head's ``[V, 3]``."""
        chosen = head_vertices[self.vertex_ids]
        return chosen if self.mix is None else self.mix @ chosen


def drawn_meshes(
    head: HeadModel, complexion: Complexion = CLAY_COMPLEXION
) -> tuple[DrawnMesh, ...]:
    """Return the meshes of a head; a triangle between parts belongs to the skin's side."""
    head = head.to_numpy()
    part_of_face = head.part[head.faces].min(axis=1)
    found = []
    for name, parts in _MESHES:
        chosen = np.isin(part_of_face, [PARTS.index(part) for part in parts])
        if chosen.any():
            ids, faces = compact(head.faces[chosen])
            colour = _srgb(part_colour(parts[0]))
            found.append(DrawnMesh(name, colour, ids, None, faces.astype(np.uint32)))
    return (*found, *_brows(head, complexion), *_irises(head, complexion))


def _srgb(linear: Sequence[float]) -> Colour:
    srgb = np.round(linear_to_srgb(np.array(linear, np.float32)) * 255)
    red, green, blue = srgb.clip(0, 255).astype(int).tolist()
    return red, green, blue


def _brows(head: HeadModel, complexion: Complexion) -> list[DrawnMesh]:
    """Return both brows as plain bands in the strips with their hairs: viser has no alpha."""
    ids = head.hair_faces[(head.part[head.hair_faces] == PARTS.index("brows")).all(1)]
    ids = np.unique(ids)
    if not len(ids):
        return []
    uv = hair_uv(head)
    left = head.v_template[:, 0] > 0
    mixes: list[Points] = []
    faces: list[NDArray[np.uint32]] = []
    for side in (left, ~left):
        along = np.unique(uv[ids[side[ids]], 0])
        points = np.stack([np.tile(along, 2), np.concatenate(brow_band(along))], 1)
        mixes.append(_between_rows(uv[ids], side[ids], points))
        start = 2 * len(along) * len(faces)
        # texture coordinates run outwards on both sides: the triangles of one face backwards
        turned = _band_faces(len(along))[:, :: 1 if side is left else -1]
        faces.append(turned + np.uint32(start))
    colour = _srgb(vertex_colours("brows", head.v_template[ids[:1]], None, complexion)[0].tolist())
    return [DrawnMesh("brows", colour, ids, np.concatenate(mixes), np.concatenate(faces))]


def _between_rows(uv: Points, side: Points, points: Points) -> Points:
    """Return weights ``[P, U]`` of a strip's vertices that lie above and below points ``[P, 2]``.

    Args:
        uv: of the vertices ``[U, 2]``, in columns.
        side: which of them count ``[U]``.
        points: ``[P, 2]`` in columns of vertices.
    """
    mix = np.zeros((len(points), len(uv)), np.float32)
    for number, (u, v) in enumerate(points):
        column = np.flatnonzero(side & (np.abs(uv[:, 0] - u) < _SAME_COLUMN))
        column = column[uv[column, 1].argsort()]
        rows = uv[column, 1]
        above = int(np.searchsorted(rows, v).clip(1, len(rows) - 1))
        fraction = (v - rows[above - 1]) / (rows[above] - rows[above - 1])
        mix[number, column[above - 1]], mix[number, column[above]] = 1 - fraction, fraction
    return mix


def _band_faces(columns: int) -> NDArray[np.uint32]:
    here = np.arange(columns - 1)
    lower, upper = here, here + columns
    first = np.stack([lower, lower + 1, upper + 1], 1)
    second = np.stack([lower, upper + 1, upper], 1)
    return np.concatenate([first, second]).astype(np.uint32)


def _irises(head: HeadModel, complexion: Complexion) -> list[DrawnMesh]:
    """Return rings of both eyes' irises and pupils, one mesh for each colour.

    A ring's points are mixed from its eyeball's vertices by weights that reproduce every affine
    motion, so they rotate, move and grow with the eye.
    """
    mesh = head(head.neutral())
    eyes = rest_eyeballs(head, mesh.vertices[0], mesh.joints[0])
    if not eyes:
        return []
    ids = {part: np.flatnonzero(head.part == PARTS.index(part)) for part in eyes}
    rings = []
    for number in range(len(_RINGS) - 1):
        inner, outer = _RINGS[number], _RINGS[number + 1]
        part, eye = next(iter(eyes.items()))
        middle = _circle(eye, mesh.vertices[0, ids[part]], (inner + outer) / 2)[:1]
        colour = _srgb(vertex_colours(part, middle, eye, complexion)[0].tolist())
        if colour == _srgb(part_colour(part)):
            break
        mixes: list[Points] = []
        faces: list[NDArray[np.uint32]] = []
        for part, eye in eyes.items():
            ball = mesh.vertices[0, ids[part]]
            points = np.concatenate([_circle(eye, ball, inner), _circle(eye, ball, outer)])
            mixes.append(_affine_weights(ball, points))
            faces.append(_ring_faces() + np.uint32(2 * _SEGMENTS * len(faces)))
        rings.append(
            DrawnMesh(
                f"iris {number}",
                colour,
                np.concatenate(list(ids.values())),
                _block_diagonal(mixes),
                np.concatenate(faces),
            )
        )
    return rings


def _block_diagonal(blocks: Sequence[Points]) -> Points:
    """Return a matrix of blocks along its diagonal."""
    sizes = np.array([block.shape for block in blocks])
    joined = np.zeros(sizes.sum(0), np.float32)
    for block, (row, column) in zip(blocks, sizes.cumsum(0) - sizes, strict=True):
        joined[row : row + block.shape[0], column : column + block.shape[1]] = block
    return joined


def _circle(eye: Eyeball, ball: Points, angle: float) -> Points:
    """Return points ``[N, 3]`` at an angle from the gaze +z, just above an eyeball ``[U, 3]``."""
    arms = ball - eye.centre
    length = np.linalg.norm(arms, axis=1)
    off = np.arccos((arms[:, 2] / length).clip(-1, 1))
    near = length[np.abs(off - angle) < _CORNEA]
    radius = float(near.max()) if len(near) else eye.radius
    around = np.arange(_SEGMENTS) * (2 * np.pi / _SEGMENTS)
    flat = np.sin(angle)
    ray = np.stack(
        [flat * np.cos(around), flat * np.sin(around), np.full_like(around, np.cos(angle))], 1
    )
    circle: Points = (eye.centre + ray * (radius * _ABOVE)).astype(np.float32)
    return circle


def _ring_faces() -> NDArray[np.uint32]:
    here = np.arange(_SEGMENTS)
    after = (here + 1) % _SEGMENTS
    out = _SEGMENTS
    inner = np.stack([here, here + out, after + out], 1)
    outer = np.stack([here, after + out, after], 1)
    return np.concatenate([inner, outer]).astype(np.uint32)


def _affine_weights(vertices: Points, points: Points) -> Points:
    """Return weights ``[N, U]``, each row summing to 1, with ``weights @ vertices = points``."""
    centre = vertices.mean(0)
    homogeneous, target = (
        np.column_stack([(places - centre) * 100, np.ones(len(places))])
        for places in (vertices, points)
    )
    weights: Points = (target @ np.linalg.pinv(homogeneous)).astype(np.float32)
    return weights


class PersonSurface:
    """Evaluates one face's vertices; the person's identity is kept between calls."""

    def __init__(self, head: HeadModel, layout: ParameterLayout) -> None:
        """Prepare for a head."""
        self._head = head.to_numpy()
        self._layout = layout
        self._shape: Vector | None = None
        self._person = self._head

    def vertices(self, vector: Vector) -> Points:
        """Return the posed vertices ``[V, 3]`` in metres, head axes, of a vector ``[D]``."""
        shape = vector[self._layout.slice("shape")]
        if self._shape is None or not np.array_equal(shape, self._shape):
            self._shape = shape.copy()
            self._person = one_person(self._head, self._shape)
        parameters = self._layout.parameters(vector)[None].to(self._head.v_template)
        moving = parameters.replace(shape=parameters.shape[:, :0])
        points: Points = self._person(moving).vertices[0]
        return points
