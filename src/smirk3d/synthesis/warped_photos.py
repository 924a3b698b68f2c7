"""Photos warped along the surface to another expression, for an inpainting network to finish.

Every pixel of the changed face takes the colour of the surface point that it shows, from where the
photo shows that point. Points that the photo does not show are filled from around and marked as
unknown: a mouth's inside, an eyeball behind its eyelid, skin out of a fold, the background behind a
chin that has moved away. An inpainting network then adds a correction. So the photo's own detail
stays wherever the photo has it, and the network supplies the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.geometry.cameras import project
from smirk3d.geometry.meshes import area_vectors, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import Fragments, rasterize
from smirk3d.rendering.shading import shade
from smirk3d.synthesis.photo_warps import PhotoWarper, continued_around, pixel_centres

_STILL = (0.1, 0.6)
"""Pixels of a 224 crop: skin that moves less than the first stays as photographed; over as many
more as the second, its visibility in the photo counts more and more."""
_STIRRED = 0.01
"""Distance in pixels that a colour moves before its pixel counts as changed."""
_BESIDE_EDGE = 2.0
"""Pixels of a 224 crop beside an outline in front, whose colour may be the outline's."""
_RIM = 2.5
"""Pixels of a 224 crop at the edge of known colours, from which no colours are diffused."""
_EDGE_STEP = 0.08
"""Device depth between two surfaces that an outline separates."""
_DEPTH_SLACK = 0.005
"""Device depth beyond the rounding of a pixel by which something must be nearer to hide; set by
eye, a sixteenth of :data:`_EDGE_STEP`."""
_STEEP = 0.3
"""Cosine to the view from which skin counts as seen well."""
_SHOWN_PARTS = ("skin", "eyeL", "eyeR", "teethU", "teethL", "tongue", "cavity")
"""Parts in the order of their numbers in an inpainter's input; gums count as the mouth's inside."""
_SHADE = {"eyeL": 0.6, "eyeR": 0.6, "teethU": 1.1, "teethL": 0.85, "tongue": 0.7, "cavity": 1.2}
"""Brightness of unknown inner parts against the plain colours of photo warps: eyelids cast shadows,
and the warps' own mouths are darker and their teeth greyer than photos'."""
_STRETCH = (0.35, 0.75)
"""Area of a triangle in the photo, as a fraction of the area that it shall fill: below the first it
counts as not seen, above the second as seen."""


@dataclass(frozen=True, eq=False)
class InpaintingInputs:
    """B photos with their faces moved, and masks of the pixels that the photos show.

    Attributes:
        filled: pictures ``[B, 3, H, W]`` in [0, 1] of warped colours, rough ones where unknown.
        known: visibility ``[B, 1, H, W]`` of each pixel's surface in the photo, 0 to 1.
        changed: mask ``[B, 1, H, W]`` bool of pixels that are not the photo's own.
        grey: rendering ``[B, 1, H, W]`` of the moved face, background 0.
        part: number ``[B, 1, H, W]`` of the part that a pixel shows, in [0, 1]; 0 for skin and
            background.
    """

    filled: Tensor
    known: Tensor
    changed: Tensor
    grey: Tensor
    part: Tensor

    def inputs(self) -> Tensor:
        """Return the neural renderer's input ``[B, 6, H, W]``."""
        return torch.cat([self.grey, self.known, self.part, self.filled], 1)

    def resized(self, size: int) -> InpaintingInputs:
        """Return the photos at another side length."""
        if self.filled.shape[-1] == size:
            return self

        def to_size(picture: Tensor) -> Tensor:
            return F.interpolate(picture, size=(size, size), mode="bilinear", antialias=True)

        return InpaintingInputs(
            to_size(self.filled),
            to_size(self.known),
            to_size(self.changed.float()) > 0,
            to_size(self.grey),
            F.interpolate(self.part, size=(size, size), mode="nearest"),
        )


def rendered_correction(renderer: NeuralRenderer, warped: InpaintingInputs) -> Tensor:
    """Return what the renderer adds to the filled photos, ``[B, 3, H, W]`` in [-1, 1]."""
    correction: Tensor = 2 * renderer(warped.inputs()) - 1
    return correction


class SurfaceWarper:
    """Warps photos of one head's fitted faces to other expressions."""

    def __init__(self, head: HeadModel) -> None:
        """Prepare the head's parts."""
        self.head = head
        self._warper = PhotoWarper(head)
        inside = _SHOWN_PARTS.index("cavity")
        numbers = torch.tensor(
            [_SHOWN_PARTS.index(n) if n in _SHOWN_PARTS else inside for n in PARTS],
            device=head.part.device,
        )
        self._face_part = numbers[head.part.long()][head.faces].amax(1)
        shade = torch.tensor([_SHADE.get(name, 1.0) for name in PARTS])
        self._shade = shade.to(head.v_template)[head.part.long()]

    @torch.no_grad()
    def __call__(
        self,
        photos: Tensor,
        shown: FaceParameters,
        target_face: FaceParameters,
        *,
        hidden_by: FaceParameters | None = None,
        holes: Tensor | None = None,
    ) -> InpaintingInputs:
        """Return the photos with each face moved to the target parameters.

        Args:
            photos: square crops ``[B, 3, N, N]`` in [0, 1].
            shown: parameters of the faces as the photos show them, in the crops' frame.
            target_face: parameters to show, of the same people.
            hidden_by: faces that decide which pixels count as seen, instead of the photos' own: so
                a photo serves as the target of an inpainting network.
            holes: ``[B, 1, N, N]``, 0 where pixels of the face are to be unknown.
        """
        faces, size = self.head.faces, photos.shape[-1]
        before, after = self.head(shown).vertices, self.head(target_face).vertices
        seen, target = project(before, shown.camera), project(after, target_face.camera)
        pose, view = before, seen
        if hidden_by is not None:
            pose = self.head(hidden_by).vertices
            view = project(pose, hidden_by.camera)
        source, drawn = rasterize(view, faces, size, size), rasterize(target, faces, size, size)
        colours_at, view_at, facing, fallback, gain = self._drawn(
            photos, (before, after, pose), (seen, view), source, drawn
        )
        on_mesh, centres = drawn.mask[:, None], pixel_centres(size, photos.device)
        way = view_at[:, :2] - centres
        pixels = way.norm(dim=1, keepdim=True) * (CROP_SIZE / 2)
        ramp = ((pixels - _STILL[0]) / _STILL[1]).clamp(0, 1)
        part = self._part(drawn)
        # what stays where it was is as photographed, also where it is seen edge-on
        open_view, clear = _visibility(view_at, source.depth, facing)
        same_part = _sample(self._part(source), view_at[:, :2], "nearest") == part
        clear = clear * (facing / _STEEP).clamp(0, 1) * _seen_fraction(view, target, faces, drawn)
        known = open_view * same_part * torch.lerp(torch.ones_like(clear), clear, ramp)
        around = continued_around(way, on_mesh & (part == 0) & (known > 0.25))
        bared = _sample(source.mask[:, None].float(), centres + around, "nearest")
        known = torch.where(on_mesh, known, 1 - bared)
        if hidden_by is None:
            colours_at = torch.where(on_mesh, colours_at, centres + around)
        else:
            colours_at = torch.where(on_mesh, colours_at, centres.expand_as(colours_at))
        if holes is not None:
            known = known * torch.where(on_mesh, holes, 1.0)
        gain = torch.where(on_mesh, torch.lerp(torch.ones_like(gain), gain, ramp), 1.0)
        filled = self._filled(_sample(photos, colours_at), known, fallback, gain, part, on_mesh)
        moved = (colours_at - centres).abs().amax(1, keepdim=True) > _STIRRED / size
        normals = drawn.at_pixels(vertex_normals(after, faces))
        grey = drawn.scatter(shade(normals)[None]).clamp(0, 1)
        return InpaintingInputs(filled, known, moved | (known < 1), grey, part)

    @staticmethod
    def _filled(
        texture: Tensor,
        known: Tensor,
        fallback: Tensor,
        gain: Tensor,
        part: Tensor,
        on_mesh: Tensor,
    ) -> Tensor:
        """Return warped colours; where unknown, plain ones inside and diffused ones elsewhere."""
        inside = part > 0
        # colours at the rim of known pixels are often those of lashes and outlines
        own = known * ~inside
        rim = -_maximum_around(-own, _pixels(_RIM, known.shape[-1]))
        clean = torch.where(on_mesh, rim, own)
        rest = torch.where(inside, fallback, diffuse_known(texture, clean))
        # colours that are diffused from around are lit as their surroundings are
        return (texture * gain * known + rest * (1 - known)).clamp(0, 1)

    def _drawn(
        self,
        photos: Tensor,
        poses: tuple[Tensor, Tensor, Tensor],
        places: tuple[Tensor, Tensor],
        source: Fragments,
        drawn: Fragments,
    ) -> tuple[Tensor, ...]:
        """Return pictures of where each pixel's surface point was, and of its rough colour.

        The place of its colour ``[B, 2, H, W]`` and of its view ``[B, 3, H, W]``, the cosine of its
        normal to the view, its colour without a photo, and the factor on its light.
        """
        before, after, pose = poses
        seen, view = places
        visible = self._warper.visibility(view, source.depth, pose)
        fallback = self._warper.vertex_colours(photos, seen, visible)
        fallback = fallback * self._shade[None, :, None]
        light = self._warper.light(before, after)
        facing = vertex_normals(pose, self.head.faces)[..., 2:]
        both = torch.cat([seen[..., :2], view, facing, fallback, light], -1)
        return drawn.interpolate(both).split([2, 3, 1, 3, 1], 1)

    def _part(self, drawn: Fragments) -> Tensor:
        part = self._face_part[drawn.face_index.clamp(min=0)].float() / (len(_SHOWN_PARTS) - 1)
        return (part * drawn.mask)[:, None]


def _sample(picture: Tensor, place: Tensor, mode: str = "bilinear") -> Tensor:
    return F.grid_sample(
        picture, place.permute(0, 2, 3, 1), mode, padding_mode="border", align_corners=False
    )


def _visibility(place: Tensor, depth: Tensor, facing: Tensor) -> tuple[Tensor, Tensor]:
    """Return which points at device places ``[B, 3, H, W]`` are seen, and which clearly so.

    Seen: inside the picture, not behind another surface. Clearly: not so close to an outline in
    front that its colours have got in. Both ``[B, 1, H, W]``, 0 or 1.
    """
    finite = depth.nan_to_num(posinf=10.0)[:, None]
    nearest = -_maximum_around(-finite, _pixels(_BESIDE_EDGE, depth.shape[-1]))
    here, around = _sample(torch.cat([finite, nearest], 1), place[:, :2], "nearest").split(1, 1)
    deep = place[:, 2:]
    inside = (place[:, :2].abs() < 1).all(1, keepdim=True)
    # depth is that of pixels' centres, and steep surfaces change within a pixel
    slack = _DEPTH_SLACK + 1.5 / depth.shape[-1] / facing.clamp(min=_STEEP)
    open_view = (deep <= here + slack) & inside
    return open_view.float(), (deep <= around + _EDGE_STEP).float()


def _pixels(length: float, size: int) -> int:
    """Return a length in pixels of a 224 crop as pixels of a picture, at least one."""
    return max(1, round(length * size / CROP_SIZE))


def _maximum_around(values: Tensor, radius: int) -> Tensor:
    """Return the maximum ``[B, 1, H, W]`` over squares of ``2 radius + 1`` pixels."""
    rows = F.max_pool2d(values, (2 * radius + 1, 1), stride=1, padding=(radius, 0))
    return F.max_pool2d(rows, (1, 2 * radius + 1), stride=1, padding=(0, radius))


def _seen_fraction(view: Tensor, target: Tensor, faces: Tensor, drawn: Fragments) -> Tensor:
    """Return 0 to 1 ``[B, 1, H, W]``: whether triangles had enough area in the photo."""
    had = area_vectors(view, faces)[..., 2].abs()
    fills = area_vectors(target, faces)[..., 2].abs()
    low, high = _STRETCH
    fraction = ((had / fills.clamp(min=1e-9) - low) / (high - low)).clamp(0, 1)
    index = drawn.face_index.clamp(min=0)
    return fraction.gather(1, index.flatten(1)).view(index.shape)[:, None]


def diffuse_known(picture: Tensor, known: Tensor) -> Tensor:
    """Return the picture ``[B, 3, H, W]`` with known colours diffused smoothly over unknown ones.

    Pulled to half the size until all is known, then pushed back (Grossman and Dally 1998).

    Args:
        picture: ``[B, 3, H, W]``.
        known: weights ``[B, 1, H, W]`` in [0, 1].
    """
    height, width = picture.shape[-2:]
    if min(height, width) <= 2:
        mean = (picture * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp(
            min=1e-6
        )
        return torch.where(known > 0, picture, mean)
    half = ((height + 1) // 2, (width + 1) // 2)
    weighted = F.interpolate(torch.cat([picture * known, known], 1), size=half, mode="area")
    weight = weighted[:, 3:]
    coarse = diffuse_known(weighted[:, :3] / weight.clamp(min=1e-6), (weight * 4).clamp(max=1))
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return picture * known + smooth * (1 - known)
