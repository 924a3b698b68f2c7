"""Photos whose faces are moved to other expressions: real skin, ground-truth parameters.

The fitted head carries the photo as its texture. It is moved to another expression and drawn back
over the photo at the place it came from. Surfaces that the photo does not show (a closed eye's
ball, teeth behind lips, skin in a fold) take the colours of its surroundings or plain ones under
the photo's own brightness. The picture around the head moves along with its outline, less and less
with the distance, so that no old chin or cheek stays behind. This gives training pictures for
actions that photos and detectors rarely offer: winks, sneers, puffed cheeks, sideways jaws.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.geometry.cameras import project
from smirk3d.geometry.meshes import vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import rasterize
from smirk3d.rendering.photo_colours import vertex_visibility

# display colours of parts that photos hide, scaled by the photo's brightness
_PLAIN_COLOURS = {
    "eyeL": (0.92, 0.88, 0.86),
    "eyeR": (0.92, 0.88, 0.86),
    "teethU": (0.95, 0.91, 0.82),
    "teethL": (0.90, 0.85, 0.76),
    "tongue": (0.72, 0.36, 0.35),
    "cavity": (0.22, 0.08, 0.08),
    "gums": (0.68, 0.36, 0.35),
}
_LIGHTS = ((0.0, 0.45, 1.0), (0.7, 0.3, 0.6), (-0.7, 0.3, 0.6))
"""Directions towards the lamps: one from above, one from each side; set by eye."""
_AMBIENT = 0.45
"""Light from all sides beside the lamps; set by eye."""
_STEEP = (0.0, 0.3)
"""Cosines to the view from which skin counts as seen at all, and well; set by eye."""
_DIFFUSION_STEPS = 12
"""Rounds over neighbours, as far as colours are diffused; set by eye."""
_AROUND_SIZE = 28
"""Side of the grid in cells, of 8 pixels in a crop of 224: surroundings move smoothly."""
_AROUND_STEPS = 8
"""Cells around the head that move along: 64 pixels of a crop of 224; set by eye."""
_AROUND_DECAY = 0.75
"""How much of a cell's motion the next one has: a tenth is left after eight."""


@dataclass(frozen=True)
class WarpedPhotos:
    """Photos after the warp.

    Attributes:
        images: pictures ``[B, 3, H, W]`` in [0, 1].
        changed: mask ``[B, 1, H, W]`` bool of pixels that were rendered anew.
    """

    images: Tensor
    changed: Tensor


class PhotoWarper:
    """Moves faces in photos from fitted to target parameters of one head."""

    def __init__(self, head: HeadModel) -> None:
        """Prepare the head's adjacency, parts and plain colours."""
        self.head = head
        self._skin = head.part == PARTS.index("skin")
        colours = torch.full((head.num_vertices, 3), 0.7, device=head.v_template.device)
        for name, colour in _PLAIN_COLOURS.items():
            colours[head.part == PARTS.index(name)] = colours.new_tensor(colour)
        self._plain = colours
        self._neighbour_mean = _neighbour_mean(head.faces, self._skin)

    @torch.no_grad()
    def __call__(
        self, photos: Tensor, fitted: FaceParameters, target_face: FaceParameters
    ) -> WarpedPhotos:
        """Return the photos with each face moved to the target parameters.

        Args:
            photos: ``[B, 3, H, W]`` square crops in [0, 1].
            fitted: parameters of the faces as the photos show them, in the crops' frame.
            target_face: parameters to show; the camera may differ as well.
        """
        size = photos.shape[-1]
        before, after = self.head(fitted).vertices, self.head(target_face).vertices
        seen = project(before, fitted.camera)
        target = project(after, target_face.camera)
        faces = self.head.faces
        source_depth = rasterize(seen, faces, size, size).depth
        fragments = rasterize(target, faces, size, size)
        visible = self.visibility(seen, source_depth, before)
        colours = self.vertex_colours(photos, seen, visible)
        light = self.light(before, after)
        inside = (~self._skin).float()[None, :, None].expand(len(photos), -1, 1)
        attributes = torch.cat([seen[..., :2], visible, colours, light, inside], -1)
        drawn = fragments.interpolate(attributes)
        place, trust, fallback, gain, inside = drawn.split([2, 1, 3, 1, 1], 1)
        texture = F.grid_sample(
            photos, place.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
        )
        trust = trust.clamp(0, 1) ** 2
        rendered = ((texture * trust + fallback * (1 - trust)) * gain).clamp(0, 1)
        covered = fragments.mask[:, None]
        way = place - pixel_centres(size, place.device)
        around = continued_around(way, covered & (inside < 0.5) & (trust > 0.25))
        behind = F.grid_sample(
            photos, (around + pixel_centres(size, place.device)).permute(0, 2, 3, 1),
            padding_mode="border", align_corners=False,
        )  # fmt: skip
        # skin that stays where it was is left as photographed, also where it is seen edge-on
        far = 0.5 / size
        moved = covered & (way.abs().amax(1, keepdim=True) > far)
        moved |= covered & (inside > 0.5) & (trust < 0.25)
        drawn_along = ~covered & (around.abs().amax(1, keepdim=True) > far)
        images = torch.where(moved, rendered, torch.where(drawn_along, behind, photos))
        return WarpedPhotos(images, moved | drawn_along)

    def visibility(self, seen: Tensor, depth: Tensor, vertices: Tensor) -> Tensor:
        """Return for each vertex ``[B, V, 1]`` whether the photo shows it, 0 to 1."""
        return vertex_visibility(vertices, seen, depth, self.head.faces, steep=_STEEP)[..., None]

    def vertex_colours(self, photos: Tensor, seen: Tensor, visible: Tensor) -> Tensor:
        """Return ``[B, V, 3]``: seen colours, diffused over hidden skin; plain ones elsewhere."""
        sampled = F.grid_sample(
            photos, seen[:, None, :, :2], padding_mode="border", align_corners=False
        )[:, :, 0].transpose(1, 2)
        known = visible * self._skin[:, None]
        brightness = (sampled.mean(-1, keepdim=True) * known).sum(1, keepdim=True)
        brightness = brightness / known.sum(1, keepdim=True).clamp(min=1)
        colours = sampled * known + self._plain * (1.35 * brightness) * (1 - known)
        weight = known + 1e-3
        start = torch.cat([colours * weight, weight], -1)
        held = (known > 0.5).expand_as(start).transpose(0, 1).flatten(1)
        source = start.transpose(0, 1).flatten(1)
        diffused = source
        for _ in range(_DIFFUSION_STEPS):
            diffused = torch.where(held, source, self._neighbour_mean @ diffused)
        diffused = diffused.unflatten(1, (len(photos), 4)).transpose(0, 1)
        skin_colour = diffused[..., :3] / diffused[..., 3:].clamp(min=1e-6)
        return torch.where(self._skin[:, None], skin_colour, colours)

    def light(self, before: Tensor, after: Tensor) -> Tensor:
        """Return the factor on each vertex' light ``[B, V, 1]`` once it has moved."""
        lights = F.normalize(before.new_tensor(_LIGHTS), dim=1)

        def lit(vertices: Tensor) -> Tensor:
            normals = vertex_normals(vertices, self.head.faces)
            return (normals @ lights.T).clamp(min=0).mean(-1, keepdim=True) + _AMBIENT

        return (lit(after) / lit(before)).clamp(0.6, 1.5)


def continued_around(way: Tensor, known: Tensor) -> Tensor:
    """Return the shift ``[B, 2, H, W]`` of the surroundings, continued from the head's shift.

    Args:
        way: shift from each pixel to its place in the photo ``[B, 2, H, W]``, in ndc.
        known: mask ``[B, 1, H, W]`` bool of pixels whose shift is given.
    """
    size = way.shape[-1]
    weight = F.interpolate(known.float(), size=(_AROUND_SIZE,) * 2, mode="area")
    total = F.interpolate(way * known, size=(_AROUND_SIZE,) * 2, mode="area")
    own = (weight > 0).float()
    field = total / weight.clamp(min=1e-6)
    reached = own
    for _ in range(_AROUND_STEPS):
        count = F.avg_pool2d(reached, 3, 1, 1)
        mean = F.avg_pool2d(field * reached, 3, 1, 1) / count.clamp(min=1e-6)
        fresh = _AROUND_DECAY * mean * (count > 0)
        field = torch.where(own > 0, field, fresh)
        reached = (count > 0).float()
    # to nothing at the far edge of what was reached
    field = F.avg_pool2d(field, 3, 1, 1, count_include_pad=False)
    return F.interpolate(field, size=(size, size), mode="bilinear")


def pixel_centres(size: int, device: torch.device) -> Tensor:
    """Return the device coordinates ``[2, size, size]`` of pixel centres, x first."""
    centres = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
    return torch.stack(torch.meshgrid(centres, centres, indexing="xy"))


def _neighbour_mean(faces: Tensor, kept: Tensor) -> Tensor:
    """Return the sparse matrix ``[V, V]`` that averages each kept vertex's kept neighbours."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    pairs = torch.cat([edges, edges.flip(1)]).unique(dim=0)
    pairs = pairs[kept[pairs].all(1)]
    degree = torch.bincount(pairs[:, 0], minlength=len(kept))
    rows = torch.nn.functional.pad(degree.cumsum(0), (1, 0))
    values = 1 / degree.clamp(min=1)[pairs[:, 0]].float()
    with warnings.catch_warnings():
        # torch calls its CSR products beta; the ones used here are stable
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(rows, pairs[:, 1], values, (len(kept), len(kept)))
