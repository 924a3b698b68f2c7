"""A head as the page draws it: one mesh a material, with irises, moved by a parameter vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.export.rigs.appearance import part_colour, rest_eyeballs, vertex_colours
from smirk3d.geometry.meshes import compact
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.personal_head import one_person
from smirk3d.heads.spec import PARTS
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Complexion
from smirk3d.rendering.hair_pictures import brow_band
from smirk3d.rendering.materials import linear_to_srgb
from smirk3d.rendering.picture_surface import Eyeball
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
    part_of_face = head.part[head.faces].amin(1)
    found = []
    for name, parts in _MESHES:
        numbers = torch.tensor([PARTS.index(part) for part in parts])
        chosen = torch.isin(part_of_face, numbers)
        if chosen.any():
            ids, faces = compact(head.faces[chosen])
            colour = _srgb(torch.tensor(part_colour(parts[0])))
            found.append(
                DrawnMesh(name, colour, ids.numpy(), None, faces.numpy().astype(np.uint32))
            )
    return (*found, *_brows(head), *_irises(head, complexion))


def _srgb(linear: Tensor) -> Colour:
    red, green, blue = (linear_to_srgb(linear) * 255).round().clamp(0, 255).int().tolist()
    return red, green, blue


def _brows(head: HeadModel) -> list[DrawnMesh]:
    """Return both brows as plain bands in the strips with their hairs: viser has no alpha."""
    ids = head.hair_faces[(head.part[head.hair_faces] == PARTS.index("brows")).all(1)].unique()
    if not len(ids):
        return []
    uv = torch.zeros(head.num_vertices, 2)
    uv[head.hair_faces.flatten()] = head.uv[head.hair_uv_faces.flatten()]
    left = head.v_template[:, 0] > 0
    mixes: list[Tensor] = []
    faces: list[NDArray[np.uint32]] = []
    for side in (left, ~left):
        along = uv[ids[side[ids]], 0].unique()
        low, high = brow_band(along)
        points = torch.stack([along.repeat(2), torch.cat([low, high])], 1)
        mixes.append(_between_rows(uv[ids], side[ids], points))
        start = 2 * len(along) * len(faces)
        faces.append(_band_faces(len(along)) + np.uint32(start))
    colour = _srgb(torch.tensor(part_colour("brows")))
    mix = torch.cat(mixes).numpy()
    return [DrawnMesh("brows", colour, ids.numpy(), mix, np.concatenate(faces))]


def _between_rows(uv: Tensor, side: Tensor, points: Tensor) -> Tensor:
    """Return weights ``[P, U]`` of a strip's vertices that lie above and below points ``[P, 2]``.

    Args:
        uv: of the vertices ``[U, 2]``, in columns.
        side: which of them count ``[U]``.
        points: ``[P, 2]`` in columns of vertices.
    """
    mix = torch.zeros(len(points), len(uv))
    for number, (u, v) in enumerate(points):
        column = (side & ((uv[:, 0] - u).abs() < _SAME_COLUMN)).nonzero()[:, 0]
        column = column[uv[column, 1].argsort()]
        rows = uv[column, 1].contiguous()
        above = int(torch.searchsorted(rows, v).clamp(1, len(rows) - 1))
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
    neutral = head.neutral()
    with torch.no_grad():
        mesh = head(neutral)
    eyes = rest_eyeballs(head, mesh.vertices[0], mesh.joints[0])
    if not eyes:
        return []
    ids = {part: (head.part == PARTS.index(part)).nonzero()[:, 0] for part in eyes}
    rings = []
    for number in range(len(_RINGS) - 1):
        inner, outer = _RINGS[number], _RINGS[number + 1]
        part, eye = next(iter(eyes.items()))
        middle = _circle(eye, mesh.vertices[0, ids[part]], (inner + outer) / 2)[:1]
        colour = _srgb(vertex_colours(part, middle, eye, complexion)[0])
        if colour == _srgb(torch.tensor(part_colour(part))):
            break
        mixes: list[Tensor] = []
        faces: list[NDArray[np.uint32]] = []
        for part, eye in eyes.items():
            ball = mesh.vertices[0, ids[part]]
            points = torch.cat([_circle(eye, ball, inner), _circle(eye, ball, outer)])
            mixes.append(_affine_weights(ball, points))
            faces.append(_ring_faces() + np.uint32(2 * _SEGMENTS * len(faces)))
        rings.append(
            DrawnMesh(
                f"iris {number}",
                colour,
                torch.cat(list(ids.values())).numpy(),
                torch.block_diag(*mixes).numpy(),
                np.concatenate(faces),
            )
        )
    return rings


def _circle(eye: Eyeball, ball: Tensor, angle: float) -> Tensor:
    """Return points ``[N, 3]`` at an angle from the gaze +z, just above an eyeball ``[U, 3]``."""
    arms = ball - eye.centre
    length = arms.norm(dim=1)
    off = torch.acos((arms[:, 2] / length).clamp(-1, 1))
    near = length[(off - angle).abs() < _CORNEA]
    radius = float(near.max()) if len(near) else eye.radius
    around = torch.arange(_SEGMENTS) * (2 * np.pi / _SEGMENTS)
    flat = np.sin(angle)
    ray = torch.stack(
        [flat * around.cos(), flat * around.sin(), torch.full_like(around, np.cos(angle))], 1
    )
    return eye.centre + ray * (radius * _ABOVE)


def _ring_faces() -> NDArray[np.uint32]:
    here = np.arange(_SEGMENTS)
    after = (here + 1) % _SEGMENTS
    out = _SEGMENTS
    inner = np.stack([here, here + out, after + out], 1)
    outer = np.stack([here, after + out, after], 1)
    return np.concatenate([inner, outer]).astype(np.uint32)


def _affine_weights(vertices: Tensor, points: Tensor) -> Tensor:
    """Return weights ``[N, U]``, each row summing to 1, with ``weights @ vertices = points``."""
    centre = vertices.mean(0)
    homogeneous = torch.cat([(vertices - centre) * 100, torch.ones(len(vertices), 1)], 1)
    target = torch.cat([(points - centre) * 100, torch.ones(len(points), 1)], 1)
    return (target.double() @ torch.linalg.pinv(homogeneous.double())).float()


class PersonSurface:
    """Evaluates one face's vertices; the person's identity is kept between calls."""

    def __init__(self, head: HeadModel, layout: ParameterLayout) -> None:
        """Prepare for a head."""
        self._head = head
        self._layout = layout
        self._shape: Vector | None = None
        self._person = head

    @torch.no_grad()
    def vertices(self, vector: Vector) -> Points:
        """Return the posed vertices ``[V, 3]`` in metres, head axes, of a vector ``[D]``."""
        shape = vector[self._layout.slice("shape")]
        if self._shape is None or not np.array_equal(shape, self._shape):
            self._shape = shape.copy()
            self._person = one_person(self._head, torch.from_numpy(self._shape))
        parameters = self._layout.parameters(vector)[None]
        moving = parameters.replace(shape=parameters.shape[:, :0])
        points: Points = self._person(moving).vertices[0].numpy()
        return points
