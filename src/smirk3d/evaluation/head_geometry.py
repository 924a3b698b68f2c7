"""Geometric faults of faces: teeth through the skin, eyelids within the eye, crossed lips.

Everything is measured on posed heads, in metres, so that any head with these parts can be compared.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.geometry.meshes import edges, faces_within, unit
from smirk3d.heads.contact import eye_radius
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization.base import rasterize, seen_faces

INNER_PARTS = ("teethU", "teethL", "gums", "tongue")
_SLACK = 0.0005
"""Metres before the skin from which a point counts as outside: a pixel's depth on slopes."""
_TONGUE_RESTS = 0.02
"""Weight of ``tongueOut`` up to which the tongue counts as behind the lips; chosen by eye."""
_APART = 0.001
"""Metres between the lips from which teeth and tongue can be seen between them."""

_OFF_MIDLINE = 0.01
"""Metres from the midline within which a border loop is the mouth's; chosen by eye."""

_TIE = 1e-6
"""Metres that the back of skin must lie before its front to be seen: less is rounding of depths in
single precision, where both meet at an outline."""

_RADIUS = 0.17
"""Half the side in metres of the cube that the depth pictures show; it holds the open head, whose
size is about 0.3 m."""


@dataclass(frozen=True)
class Impossible:
    """Geometric faults of one face.

    Attributes:
        outside: number of vertices of teeth, gums and tongue that lie before skin and closed lips;
            where lips are apart, the number of their edges that pass through skin.
        eyelid_depth: depth in metres of the deepest eyelid vertex within an eye.
        lip_crossing: overlap of the lips in metres where it is widest.
        inside_pixels: number of pixels that show the back of skin, over all directions.
    """

    outside: int
    eyelid_depth: float
    lip_crossing: float
    inside_pixels: int


def random_expressions(head: HeadModel, count: int, seed: int, identities: int) -> FaceParameters:
    """Return faces with up to 8 actions, jaw and gaze, on some identities.

    Args:
        head: head with named actions.
        count: number of faces B.
        seed: seed of the random draws.
        identities: number of people, whose shape is standard normal in all components.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(count, len(ARKIT_NAMES), generator=generator).argsort(1)
    number = torch.randint(1, 9, (count, 1), generator=generator)
    strength = torch.rand(count, len(ARKIT_NAMES), generator=generator)
    weights = strength * (chosen < number)
    jaw = [ARKIT_NAMES.index(n) for n in ("jawOpen", "jawLeft", "jawRight", "jawForward")]
    gaze = [i for i, n in enumerate(ARKIT_NAMES) if n.startswith("eyeLook")]
    for group in (jaw, gaze):
        on = torch.rand(count, 1, generator=generator) < 0.5
        asked = torch.rand(count, len(group), generator=generator) * on
        weights[:, group] = torch.maximum(weights[:, group], asked)
    people = torch.randn(identities, head.group("shape").dim, generator=generator)
    shape = people[torch.arange(count) % identities]
    return head.from_arkit(weights).replace(shape=shape)


class GeometryMeter:
    """Measures geometric faults of one head's faces.

    Lips are paired by the head's file, or by that of another head with the same skin.
    """

    def __init__(self, head: HeadModel, lips: HeadModel | None = None, size: int = 192) -> None:
        """Prepare the measurement of a head.

        Args:
            head: the head, with named actions, teeth, gums, tongue and eyelids.
            lips: the head whose pairs of lip vertices are used; ``head`` by default.
            size: side of the depth pictures in pixels.
        """
        self.head, self.size = head, size
        self._lips = (lips or head).contact
        part = head.part.long()
        corner_part = part[head.faces]
        self._inner = torch.isin(part, torch.tensor([PARTS.index(p) for p in INNER_PARTS]))
        self._skin = head.faces[(corner_part == 0).all(1)]
        self._may_turn_away = corner_part.amin(1) == 0
        self._cover = _covers(self._skin, head.v_template)
        eyelids = head.regions["eyelids"] & (part == 0)
        self._eyelids = eyelids.nonzero()[:, 0]
        self._inner_edges = edges(head.faces[faces_within(head.faces, self._inner)])
        self._put_out = head.expression_names.index("tongueOut")
        self._views = _rotations(_directions())

    @torch.no_grad()
    def measure(self, faces: FaceParameters) -> list[Impossible]:
        """Return the geometric faults of each of B faces."""
        mesh = self.head(faces.replace(head_pose=torch.zeros_like(faces.head_pose)))
        rest = self.head(faces.replace(
            head_pose=torch.zeros_like(faces.head_pose),
            expression=torch.zeros_like(faces.expression), jaw=torch.zeros_like(faces.jaw),
            eyelids=torch.zeros_like(faces.eyelids), eyes=torch.zeros_like(faces.eyes),
        ))  # fmt: skip
        eyelids = self._eyelid_depth(mesh.vertices, mesh.joints, faces)
        # lips of the mean face overlap a little, and those of others slightly more
        crossing = (-self._lips.lip_gap(mesh.vertices)).amax(1)
        crossing = torch.minimum(crossing, (
            self._lips.lip_gap(rest.vertices).clamp(max=0) - self._lips.lip_gap(mesh.vertices)
        ).amax(1))  # fmt: skip
        apart = self._lips.lip_gap(mesh.vertices).amax(1) > _APART
        apart |= self.head.gated_expression(faces)[:, self._put_out] > _TONGUE_RESTS
        found = []
        for number, vertices in enumerate(mesh.vertices):
            views = self._from_all_sides(vertices)
            if apart[number]:
                outside = crossing_edges(vertices, self._inner_edges, self._skin)
            else:
                outside = self._before_skin(views)
            inside = self._insides(vertices, views)
            found.append(
                Impossible(outside, float(eyelids[number]), float(crossing[number]), inside)
            )
        return found

    def _eyelid_depth(self, vertices: Tensor, joints: Tensor, faces: FaceParameters) -> Tensor:
        head, depths = self.head, []
        sides = vertices[:, self._eyelids]
        left = head.v_template[self._eyelids, 0] > 0
        rotations = head.joint_rotations(faces)
        for name, mask in (("eyeL", left), ("eyeR", ~left)):
            index = head.joint_names.index(name)
            ball = vertices[:, head.part == PARTS.index(name)]
            centre = joints[:, index, None]
            arm = sides[:, mask] - centre
            away = (ball - centre).norm(dim=2)
            # of the ball's vertices the one nearest in direction gives the surface
            nearest = (unit(arm) @ unit(ball - centre).transpose(1, 2)).argmax(2)
            surface = away.gather(1, nearest)
            if len(head.eye_surface):
                gaze = rotations[:, index, :, 2]
                cosine = (unit(arm) @ gaze[..., None])[..., 0]
                surface = eye_radius(cosine, head.eye_surface)
            depths.append((surface - arm.norm(dim=2)).amax(1))
        return torch.stack(depths).amax(0)

    def _from_all_sides(self, vertices: Tensor) -> Tensor:
        """Return vertices in device coordinates of each direction ``[D, V, 3]``."""
        middle = (vertices.amin(0) + vertices.amax(0)) / 2
        views = ((vertices - middle) @ self._views) / _RADIUS
        return views * torch.tensor([1.0, -1.0, -1.0])

    def _before_skin(self, views: Tensor) -> int:
        """Return how many inner vertices lie before skin and closed lips in any view."""
        covered = torch.cat([self._skin, self._cover])
        depth = rasterize(views, covered, self.size, self.size).depth
        points = views[:, self._inner]
        corner = ((points[..., :2] + 1) / 2 * self.size - 0.5).floor().long()
        before = torch.ones(points.shape[:2], dtype=torch.bool)
        view = torch.arange(len(views))[:, None]
        # a point lies before the surface if it does so at all four pixels around it
        for right, down in itertools.product((0, 1), repeat=2):
            column = (corner[..., 0] + right).clamp(0, self.size - 1)
            row = (corner[..., 1] + down).clamp(0, self.size - 1)
            before &= points[..., 2] < depth[view, row, column] - _SLACK / _RADIUS
        return int(before.any(0).sum())

    def _insides(self, vertices: Tensor, views: Tensor) -> int:
        """Return the number of pixels that show the back of skin, over all views."""
        seen = seen_faces(views, self.head.faces, self.size, self.size).flatten(1)
        a, b, c = vertices[self.head.faces].unbind(1)
        normal = torch.linalg.cross(b - a, c - a)
        away = (normal @ self._views[:, :, 2].T < 0).T & self._may_turn_away
        # the last column stands for pixels without a triangle
        shows = torch.cat([away, away.new_zeros(len(away), 1)], 1)
        shown = shows.gather(1, seen % shows.shape[1])
        found = 0
        for number in shown.any(1).nonzero()[:, 0].tolist():
            view = views[number : number + 1]
            back = rasterize(view, self.head.faces, self.size, self.size).depth
            front = rasterize(
                view, self.head.faces, self.size, self.size, cull_backfaces=True
            ).depth
            behind = (front - back).flatten() > _TIE / _RADIUS
            found += int((shown[number] & behind).sum())
        return found


def _directions() -> Tensor:
    """Return the 26 directions to a cube's faces, edges and corners, unit ``[26, 3]``."""
    ways = [w for w in itertools.product((-1.0, 0.0, 1.0), repeat=3) if any(w)]
    return unit(torch.tensor(ways))


def _rotations(directions: Tensor) -> Tensor:
    """Return matrices ``[D, 3, 3]`` that rotate row vectors so that a direction becomes +z."""
    flat = directions[:, 1].abs() > 0.9
    helper = torch.where(flat[:, None], torch.tensor([0.0, 0, 1]), torch.tensor([0.0, 1, 0]))
    right = unit(torch.linalg.cross(helper, directions))
    return torch.stack([right, torch.linalg.cross(directions, right), directions], 2)


def _covers(skin: Tensor, template: Tensor) -> Tensor:
    """Return triangles between lips and eyelids ``[H, 3]``, upper to lower vertices."""
    found = [skin[:0]]
    for loop in _border_loops(skin):
        # the neck's border lies behind the joint of skull and neck
        if template[loop, 2].mean() > 0:
            ring = loop.roll(-int(template[loop, 0].argmax()))
            one, other = ring, ring.flip(0).roll(1)
            steps = torch.arange(len(ring) // 2)
            a, b, c, d = one[steps], one[steps + 1], other[steps + 1], other[steps]
            found += [torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)]
    return torch.cat(found)


def _border_loops(faces: Tensor) -> list[Tensor]:
    """Return the closed borders of triangles ``[F, 3]``, as vertices in order."""
    sides = torch.stack([faces, faces.roll(-1, 1)], 2).reshape(-1, 2)
    have = {(a, b) for a, b in sides.tolist()}
    following = {a: b for a, b in have if (b, a) not in have}
    loops = []
    while following:
        start, at = following.popitem()
        loop = [start]
        while at != start and at in following:
            loop.append(at)
            at = following.pop(at)
        loops.append(torch.tensor(loop))
    return loops


def crossing_edges(vertices: Tensor, sides: Tensor, faces: Tensor) -> int:
    """Return how many edges ``[E, 2]`` pass through triangles ``[F, 3]`` of vertices ``[V, 3]``.

    Tests the pairs whose bounding boxes meet (Möller and Trumbore 1997).
    """
    ends, corners = vertices[sides], vertices[faces]
    edge, triangle = _meeting(ends, corners)
    start, end = ends[edge].unbind(1)
    a, b, c = corners[triangle].unbind(1)
    ray = end - start
    normal = torch.linalg.cross(ray, c - a)
    determinant = (normal * (b - a)).sum(1)
    inverse = 1 / torch.where(determinant.abs() < 1e-18, torch.inf, determinant)
    arm = start - a
    u = (arm * normal).sum(1) * inverse
    across = torch.linalg.cross(arm, b - a)
    v = (ray * across).sum(1) * inverse
    t = ((c - a) * across).sum(1) * inverse
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < 1) & (inverse != 0)
    return len(edge[hit].unique())


def _meeting(ends: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pairs of edges ``[E, 2, 3]`` and triangles ``[F, 3, 3]`` whose boxes meet."""
    low, high = ends.amin(1), ends.amax(1)
    near = (corners.amin(1) < high.amax(0)).all(1) & (corners.amax(1) > low.amin(0)).all(1)
    found = near.nonzero()[:, 0]
    below, above = corners[found].amin(1), corners[found].amax(1)
    meets = torch.ones(len(low), len(found), dtype=torch.bool)
    for axis in range(3):
        meets &= low[:, axis, None] <= above[:, axis]
        meets &= high[:, axis, None] >= below[:, axis]
    edge, triangle = meets.nonzero(as_tuple=True)
    return edge, found[triangle]
