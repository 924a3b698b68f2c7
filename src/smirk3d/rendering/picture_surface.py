"""What pictures need to know of a head's surface: parts with borders of their own, and the eyes."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, to_numpy
from smirk3d.errors import check_shape
from smirk3d.geometry.meshes import (
    curved_middles,
    smoothed,
    split_by_label,
    subdivide,
)
from smirk3d.heads.head_model import HeadModel

SKIN, EYE_LEFT, EYE_RIGHT, TEETH_UPPER, TEETH_LOWER, TONGUE, CAVITY, LASHES, GUMS, BROWS = range(10)
"""The numbers of a head's ``part`` array."""

_CURVATURE = 0.6
"""How far the middles of edges are moved onto the smooth surface: somewhat less than the 0.75 that
Boubekeur and Alexa (2008) advise; set by eye on outlines."""
_EDGE_RINGS = 3
"""Rows of triangles over which a region's colour fades; set by eye."""


HAIR_PARTS = (LASHES, BROWS)
"""Parts that are strips: their pictures of hairs say where they can be seen."""


Values = NDArray[np.float32]
Ids = NDArray[np.int64]


class Topology(Protocol):
    """The part of a head model that pictures use, of NumPy or torch.

    Texture coordinates are those of strips of hair alone.
    """

    faces: Array
    part: Array
    v_template: Array
    hair_faces: Array
    uv: Array
    hair_uv_faces: Array

    @property
    def regions(self) -> dict[str, Array]:
        """Vertex masks ``[V]`` by name."""
        ...


@dataclass(frozen=True, eq=False)
class PictureSurface:
    """A surface prepared for pictures: finer triangles, and a copy of vertices between parts each.

    Attributes:
        part: part of each original vertex ``[V]``.
        rest: original vertices ``[V, 3]`` at rest, in metres, the gaze along +z.
        base_faces: original triangles ``[F, 3]``, those left out included.
        levels: triangles and edges of each refinement, the coarsest first.
        source: refined vertex of each copy ``[V']``.
        faces: refined triangles ``[F', 3]`` over the copies, without strips of hair.
        face_part: part of each refined triangle ``[F']``.
        hair_faces: those of strips of hair ``[H, 3]``; hair_part: their parts ``[H]``.
        hair_row: number of each ``[H]``, different where strips may lie before each other.
        hair_uv: place of each copy in its strip's picture ``[V', 2]``; zero off the strips.
        lips: fraction of each copy that is lip ``[V']``.
        alpha: opacity of each copy ``[V']``.
        fades: whether any copy is not opaque.
    """

    part: Ids
    rest: Values
    base_faces: Ids
    levels: tuple[tuple[Ids, Ids], ...]
    source: Ids
    faces: Ids
    face_part: Ids
    hair_faces: Ids
    hair_part: Ids
    hair_row: Ids
    hair_uv: Values
    lips: Values
    alpha: Values
    fades: bool

    def refine(self, vertices: Values) -> Values:
        """Return the copies' positions ``[V', 3]`` for original vertices ``[V, 3]``."""
        check_shape(vertices, "V 3", "vertices", V=len(self.part))
        for faces, pairs in self.levels:
            middles = curved_middles(vertices[None], faces, pairs, _CURVATURE)[0]
            vertices = np.concatenate([vertices, middles])
        return vertices[self.source]

    def interpolate(self, attributes: Values) -> Values:
        """Return attributes ``[V', C]`` of the copies, linear between original ones ``[V, C]``."""
        for _, pairs in self.levels:
            attributes = np.concatenate([attributes, attributes[pairs].mean(1)])
        return attributes[self.source]


def picture_surface(
    topology: Topology,
    vertex_alpha: Values | None = None,
    refinements: int = 1,
) -> PictureSurface:
    """Return a surface prepared for pictures.

    Args:
        topology: a head model, or anything that has its faces, parts and template.
        vertex_alpha: opacity ``[V]`` in [0, 1]; triangles with all corners at 0 are left
            out. All opaque by default.
        refinements: how often triangles are split in four, so that outlines look smooth.

    Raises:
        ShapeError: if a shape differs.
    """
    solid, hair_faces, part, rest = (
        to_numpy(array)
        for array in (topology.faces, topology.hair_faces, topology.part, topology.v_template)
    )
    faces = np.concatenate([solid, hair_faces])
    sizes = check_shape(rest, "V 3", "v_template")
    check_shape(part, "V", "part", **sizes)
    alpha = np.ones(sizes["V"], np.float32) if vertex_alpha is None else vertex_alpha
    check_shape(alpha, "V", "vertex_alpha", **sizes)
    part, rest = part.astype(np.int64), rest.astype(np.float32)
    # a triangle between parts belongs to the inner one: the lips end where the cavity begins
    face_part = part[faces].max(axis=1, initial=0)
    strip_uv = hair_uv(topology)
    row = _hair_rows(rest, strip_uv, faces, face_part)
    drawn, finest = (alpha[faces] > 0).any(1), faces
    levels, num_vertices = [], sizes["V"]
    for _ in range(refinements):
        pairs, finer = subdivide(finest, num_vertices)
        levels.append((finest, pairs))
        finest, num_vertices = finer, num_vertices + len(pairs)
        face_part, row, drawn = (np.tile(values, 4) for values in (face_part, row, drawn))
    source, split = split_by_label(finest[drawn], face_part[drawn])
    face_part, row = face_part[drawn], row[drawn]
    hair = np.isin(face_part, HAIR_PARTS)
    none = np.zeros(0, np.float32)
    surface = PictureSurface(
        part, rest, solid, tuple(levels), source, split[~hair], face_part[~hair], split[hair],
        face_part[hair], row[hair], none.reshape(0, 2), none, alpha, fades=bool((alpha < 1).any()),
    )  # fmt: skip
    fractions = np.column_stack([alpha, soft_lips(topology), strip_uv])
    fractions = surface.interpolate(fractions)
    return replace(surface, alpha=fractions[:, 0], lips=fractions[:, 1], hair_uv=fractions[:, 2:])


def surface_of(topology: Topology, region: str | None, refinements: int) -> PictureSurface:
    """Return the surface of a region for pictures, the same one for all pictures of a head model.

    Args:
        topology: a head model, or anything that has its faces, parts and template.
        region: as :func:`region_alpha` takes it.
        refinements: as :func:`picture_surface` takes them.

    Raises:
        ShapeError: if a shape differs.
    """
    if not isinstance(topology, HeadModel):
        return picture_surface(topology, region_alpha(topology, region), refinements)
    with _PREPARING:
        return _head_surface(topology, region, refinements)


_PREPARING = threading.Lock()
"""Held while a surface is prepared, so that a second thread waits for it."""


@lru_cache(maxsize=4)
def _head_surface(head: HeadModel, region: str | None, refinements: int) -> PictureSurface:
    return picture_surface(head, region_alpha(head, region), refinements)


def _hair_rows(rest: Values, hair_uv: Values, faces: Ids, face_part: Ids) -> Ids:
    """Return a number for each row of lashes' triangles, 0 for all other triangles ``[F]``.

    Lower lashes are those below the mean height of all lashes at rest; the two halves of a strip,
    that with the roots and that with the tips, are rows of their own: a strip that is seen from
    its edge is folded over itself.

    Args:
        rest: vertices at rest ``[V, 3]``.
        hair_uv: their places in the strips' pictures ``[V, 2]``.
        faces: triangles ``[F, 3]``.
        face_part: their parts ``[F]``.
    """
    lashes, height = face_part == LASHES, rest[faces, 1].mean(1)
    low = height < height.mean(where=lashes) if lashes.any() else lashes
    tips = hair_uv[faces, 1].mean(1) > 0.5
    return np.where(lashes, 2 * low + tips, 0).astype(np.int64)


def soft_lips(topology: Topology) -> Values:
    """Return how much of each original vertex is lip ``[V]``, soft at the edge."""
    if "lips" not in topology.regions:
        return np.zeros(len(topology.part), np.float32)
    lips = to_numpy(topology.regions["lips"]).astype(np.float32)
    smooth: Values = smoothed(lips[:, None], to_numpy(topology.faces))[:, 0]
    return smooth


def hair_uv(topology: Topology) -> Values:
    """Return the texture coordinates ``[V, 2]`` of strips of hair, which have no seams."""
    uv = np.zeros((len(topology.part), 2), np.float32)
    if len(topology.hair_faces):
        places = to_numpy(topology.uv)[to_numpy(topology.hair_uv_faces)]
        uv[to_numpy(topology.hair_faces)] = places
    return uv


def soft_region(faces: Ids, mask: NDArray[np.bool_], rings: int = 6) -> Values:
    """Return an opacity ``[V]``: 1 deep within a vertex mask, falling to 0 at and outside its edge.

    Regions narrower than twice the fall stay translucent.

    Args:
        faces: ``[F, 3]``.
        mask: ``[V]`` bool.
        rings: over about how many rows of triangles it falls.

    Raises:
        ShapeError: if a shape differs.
    """
    check_shape(mask, "V", "mask")
    inside = mask.astype(np.float32)[:, None]
    blurred = smoothed(inside, faces, rounds=rings * rings)
    # an edge vertex is at about one half
    ramp = ((blurred - 0.5) * 2).clip(0, 1) * inside
    opacity: Values = (ramp * ramp * (3 - 2 * ramp))[:, 0]
    return opacity


def region_alpha(head: Topology, region: str | None) -> Values | None:
    """Return the opacity ``[V]`` of a region of the skin with all inner parts, or None for all."""
    if region is None or region not in head.regions:
        return None
    inner = to_numpy(head.part) != SKIN
    # the rims of eyes and mouth belong to the region: its outer edge alone fades
    chosen = to_numpy(head.regions[region]).astype(bool) | inner
    alpha = soft_region(to_numpy(head.faces), chosen, _EDGE_RINGS)
    return np.where(inner, np.float32(1), alpha)


@dataclass(frozen=True, eq=False)
class Eyeball:
    """An eyeball in a picture's frame: centre ``[3]``, radius, unit gaze direction ``[3]``."""

    centre: Values
    radius: float
    gaze: Values


def eyeballs(surface: PictureSurface, vertices: Values) -> dict[int, Eyeball]:
    """Return the eyeballs by part, measured on vertices ``[V, 3]`` of any pose.

    The gaze is +z of the rest pose, turned as the eyeball's vertices are (Kabsch 1976).
    """
    found = {}
    for number in (EYE_LEFT, EYE_RIGHT):
        ids = np.flatnonzero(surface.part == number)
        if len(ids) < 4:
            continue
        rest, now = surface.rest[ids], vertices[ids]
        rotation = rigid_rotation(rest, now)
        found[number] = Eyeball(*_sphere(now), rotation[:, 2])
    return found


def rigid_rotation(source: Values, target: Values) -> Values:
    """Return the rotation ``[3, 3]`` that best turns centred points ``[N, 3]`` onto others."""
    covariance = (target - target.mean(0)).T @ (source - source.mean(0))
    u, _, vh = np.linalg.svd(covariance)
    mirror = np.ones(3, source.dtype)
    mirror[2] = np.sign(np.linalg.det(u @ vh))
    rotation: Values = u @ (mirror[:, None] * vh)
    return rotation


def _sphere(points: Values) -> tuple[Values, float]:
    """Return centre and radius of the sphere nearest to points, by linear least squares."""
    mean = points.mean(0)
    local = (points - mean).astype(np.float64)
    system = np.concatenate([2 * local, np.ones((len(local), 1))], 1)
    solution = np.linalg.lstsq(system, (local * local).sum(1), rcond=None)[0]
    centre, constant = solution[:3], solution[3]
    radius = math.sqrt(max(float(constant + centre @ centre), 0.0))
    return mean + centre.astype(points.dtype), radius
