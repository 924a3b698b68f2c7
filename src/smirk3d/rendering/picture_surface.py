"""What pictures need to know of a head's surface: parts with borders of their own, and the eyes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.errors import check_shape
from smirk3d.geometry.meshes import (
    curved_middles,
    smoothed,
    split_by_label,
    subdivide,
)

SKIN, EYE_LEFT, EYE_RIGHT, TEETH_UPPER, TEETH_LOWER, TONGUE, CAVITY, LASHES, GUMS, BROWS = range(10)
"""The numbers of a head's ``part`` array."""

_CURVATURE = 0.6
"""How far the middles of edges are moved onto the smooth surface: somewhat less than the 0.75 that
Boubekeur and Alexa (2008) advise; set by eye on outlines."""
_EDGE_RINGS = 3
"""Rows of triangles over which a region's colour fades; set by eye."""


HAIR_PARTS = (LASHES, BROWS)
"""Parts that are strips: their pictures of hairs say where they can be seen."""


class Topology(Protocol):
    """The part of a head model that pictures use; texture coordinates of strips of hair alone."""

    faces: Tensor
    part: Tensor
    v_template: Tensor
    hair_faces: Tensor
    uv: Tensor
    hair_uv_faces: Tensor

    @property
    def regions(self) -> dict[str, Tensor]:
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
        hair_uv: place of each copy in its strip's picture ``[V', 2]``; zero off the strips.
        lips: fraction of each copy that is lip ``[V']``.
        alpha: opacity of each copy ``[V']``.
        fades: whether any copy is not opaque.
    """

    part: Tensor
    rest: Tensor
    base_faces: Tensor
    levels: tuple[tuple[Tensor, Tensor], ...]
    source: Tensor
    faces: Tensor
    face_part: Tensor
    hair_faces: Tensor
    hair_part: Tensor
    hair_uv: Tensor
    lips: Tensor
    alpha: Tensor
    fades: bool

    def refine(self, vertices: Tensor) -> Tensor:
        """Return the copies' positions ``[V', 3]`` for original vertices ``[V, 3]``."""
        check_shape(vertices, "V 3", "vertices", V=len(self.part))
        for faces, pairs in self.levels:
            middles = curved_middles(vertices[None], faces, pairs, _CURVATURE)[0]
            vertices = torch.cat([vertices, middles])
        return vertices[self.source]

    def interpolate(self, attributes: Tensor) -> Tensor:
        """Return attributes ``[V', C]`` of the copies, linear between original ones ``[V, C]``."""
        for _, pairs in self.levels:
            attributes = torch.cat([attributes, attributes[pairs].mean(1)])
        return attributes[self.source]


def picture_surface(
    topology: Topology,
    vertex_alpha: Tensor | None = None,
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
        t.detach().cpu()
        for t in (topology.faces, topology.hair_faces, topology.part, topology.v_template)
    )
    faces = torch.cat([solid, hair_faces])
    sizes = check_shape(rest, "V 3", "v_template")
    check_shape(part, "V", "part", **sizes)
    alpha = torch.ones(sizes["V"]) if vertex_alpha is None else vertex_alpha.detach().float().cpu()
    check_shape(alpha, "V", "vertex_alpha", **sizes)
    # a triangle between parts belongs to the inner one: the lips end where the cavity begins
    face_part = part.long()[faces].amax(1) if len(faces) else faces.new_zeros(0)
    drawn, finest = (alpha[faces] > 0).any(1), faces
    levels, num_vertices = [], sizes["V"]
    for _ in range(refinements):
        pairs, finer = subdivide(finest, num_vertices)
        levels.append((finest, pairs))
        finest, num_vertices = finer, num_vertices + len(pairs)
        face_part, drawn = face_part.repeat(4), drawn.repeat(4)
    source, split = split_by_label(finest[drawn], face_part[drawn])
    face_part = face_part[drawn]
    hair = torch.isin(face_part, torch.tensor(HAIR_PARTS))
    surface = PictureSurface(
        part.long(), rest.float(), solid, tuple(levels), source, split[~hair],
        face_part[~hair], split[hair], face_part[hair], torch.zeros(0, 2), torch.zeros(0),
        alpha, fades=bool((alpha < 1).any()),
    )  # fmt: skip
    fractions = torch.cat([alpha[:, None], _lips(topology, solid), _hair_uv(topology)], 1)
    alpha, lips, uv = surface.interpolate(fractions).split([1, 1, 2], 1)
    return replace(surface, alpha=alpha[:, 0], lips=lips[:, 0], hair_uv=uv)


def _lips(topology: Topology, faces: Tensor) -> Tensor:
    """Return how much of each original vertex is lip ``[V, 1]``, soft at the edge."""
    if "lips" not in topology.regions:
        return torch.zeros(len(topology.part), 1)
    return smoothed(topology.regions["lips"].detach().cpu().float()[:, None], faces)


def _hair_uv(topology: Topology) -> Tensor:
    """Return the texture coordinates ``[V, 2]`` of strips of hair, which have no seams."""
    uv = torch.zeros(len(topology.part), 2)
    if len(topology.hair_faces):
        corners, places = topology.hair_faces.flatten(), topology.hair_uv_faces.flatten()
        uv[corners.cpu()] = topology.uv[places].detach().cpu()
    return uv


def soft_region(faces: Tensor, mask: Tensor, rings: int = 6) -> Tensor:
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
    inside = mask.float()[:, None]
    blurred = smoothed(inside, faces, rounds=rings * rings)
    # an edge vertex is at about one half
    ramp = ((blurred - 0.5) * 2).clamp(0, 1) * inside
    return (ramp * ramp * (3 - 2 * ramp))[:, 0]


def region_alpha(head: Topology, region: str | None) -> Tensor | None:
    """Return the opacity ``[V]`` of a region of the skin with all inner parts, or None for all."""
    if region is None or region not in head.regions:
        return None
    part = head.part.cpu()
    inner = part != SKIN
    # the rims of eyes and mouth belong to the region: its outer edge alone fades
    alpha = soft_region(head.faces.cpu(), head.regions[region].cpu().bool() | inner, _EDGE_RINGS)
    return torch.where(inner, 1.0, alpha)


@dataclass(frozen=True, eq=False)
class Eyeball:
    """An eyeball in a picture's frame: centre ``[3]``, radius, unit gaze direction ``[3]``."""

    centre: Tensor
    radius: float
    gaze: Tensor


def eyeballs(surface: PictureSurface, vertices: Tensor) -> dict[int, Eyeball]:
    """Return the eyeballs by part, measured on vertices ``[V, 3]`` of any pose.

    The gaze is +z of the rest pose, turned as the eyeball's vertices are (Kabsch 1976).
    """
    found = {}
    for number in (EYE_LEFT, EYE_RIGHT):
        ids = (surface.part == number).nonzero()[:, 0]
        if len(ids) < 4:
            continue
        rest, now = surface.rest[ids], vertices[ids].float()
        rotation = rigid_rotation(rest, now)
        found[number] = Eyeball(*_sphere(now), rotation[:, 2])
    return found


def rigid_rotation(source: Tensor, target: Tensor) -> Tensor:
    """Return the rotation ``[3, 3]`` that best turns centred points ``[N, 3]`` onto others."""
    covariance = (target - target.mean(0)).T @ (source - source.mean(0))
    u, _, vh = torch.linalg.svd(covariance)
    mirror = torch.ones(3, dtype=source.dtype)
    mirror[2] = torch.det(u @ vh).sign()
    rotation: Tensor = u @ (mirror[:, None] * vh)
    return rotation


def _sphere(points: Tensor) -> tuple[Tensor, float]:
    """Return centre and radius of the sphere nearest to points, by linear least squares."""
    mean = points.mean(0)
    local = (points - mean).double()
    system = torch.cat([2 * local, torch.ones(len(local), 1, dtype=torch.float64)], 1)
    solution = torch.linalg.lstsq(system, (local * local).sum(1, keepdim=True)).solution[:, 0]
    centre, constant = solution[:3], solution[3]
    radius = float((constant + centre @ centre).clamp(min=0).sqrt())
    return mean + centre.to(points.dtype), radius
