"""Pictures of heads that detectors take for people: procedural skin under random light.

The heads have no texture. Skin of many tones with smooth changes, a redder nose, brows, lips,
irises and hair are laid on the template, so that they move with the surface.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.geometry.cameras import project
from smirk3d.geometry.meshes import vertex_normals
from smirk3d.head_import.landmark_renderer import eyeball_sphere, iris_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import rasterize
from smirk3d.rendering.complexion import EYE_COLOURS, Colour
from smirk3d.rendering.materials import linear_to_srgb, srgb_to_linear
from smirk3d.synthesis.skin_tones import SKIN_TONES

SIZE = 384
"""Side of the pictures in pixels."""

_INSIDE = {
    "teethU": (0.90, 0.87, 0.80),
    "teethL": (0.86, 0.82, 0.74),
    "tongue": (0.70, 0.36, 0.35),
    "cavity": (0.30, 0.10, 0.10),
    "lashes": (0.10, 0.08, 0.07),
}
"""sRGB of what lies inside mouth and eyelids; set by eye."""
_WHITE = (0.90, 0.88, 0.86)
"""sRGB of eyeballs; set by eye."""
_MOST_LAMPS = 3
"""Lamps of a picture; a choice: key, fill and rim."""


@dataclass(frozen=True)
class Appearance:
    """Colours of a head and the light on it.

    Attributes:
        colours: linear RGB of each vertex ``[V, 3]``, on the head's device; the others are not.
        iris: linear RGB ``[3]``.
        lights: towards each lamp ``[K, 3]``, unit.
        strengths: linear RGB of each lamp ``[K, 3]``.
        ambient: linear RGB ``[3]``.
        background: linear RGB ``[3]``.
    """

    colours: Tensor
    iris: Tensor
    lights: Tensor
    strengths: Tensor
    ambient: Tensor
    background: Tensor


class ProceduralHeads:
    """Renders one head model's faces as people with random skin and light."""

    def __init__(self, head: HeadModel) -> None:
        """Measure the head's regions and eyes."""
        self.head = head
        device = head.v_template.device
        self._gaze = torch.full((1, head.num_vertices, 1), -1.0, device=device)
        for part in ("eyeL", "eyeR"):
            mask = head.part == PARTS.index(part)
            if mask.any():
                centre, radius = eyeball_sphere(head, part)
                outward = F.normalize(head.v_template[mask] - centre, dim=1)
                self._gaze[0, mask, 0] = outward[:, 2] - math.cos(iris_angle(radius))
        nowhere = head.part < 0
        self._soft = {
            name: self._softened(head.regions.get(name, nowhere))[:, None]
            for name in ("lips", "brows", "scalp", "nose")
        }
        self._inside = torch.zeros(head.num_vertices, dtype=torch.bool, device=device)
        self._inside_colours = torch.zeros(head.num_vertices, 3, device=device)
        for name, inner in (_INSIDE | {"eyeL": _WHITE, "eyeR": _WHITE}).items():
            mask = head.part == PARTS.index(name)
            self._inside |= mask
            self._inside_colours[mask] = self._inside_colours.new_tensor(inner)

    def random_appearance(self, generator: torch.Generator) -> Appearance:
        """Return random colours and light of a person; the generator is on the CPU."""

        def draw(low: float, high: float, *shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device="cpu") * (high - low) + low

        def pick(options: tuple[Colour, ...]) -> Tensor:
            return torch.tensor(options[int(torch.randint(len(options), (), generator=generator))])

        tone = pick(SKIN_TONES) * draw(0.92, 1.05, 1)
        colours = self._skin(tone, draw(0.6, 1.4, 1), generator)
        hair = torch.tensor(
            colorsys.hsv_to_rgb(0.07, float(draw(0.2, 0.6)), float(draw(0.05, 0.45)))
        )
        for name, colour, cover in (
            ("lips", tone * torch.tensor([0.86, 0.58, 0.60]), 0.85),
            ("brows", hair * 0.7, 0.8),
            ("scalp", hair, 0.95),
        ):
            fraction = self._soft[name] * cover
            colours = torch.lerp(colours, colour.to(colours).expand_as(colours), fraction)
        colours = torch.where(self._inside[:, None], self._inside_colours, colours)
        count = int(torch.randint(1, _MOST_LAMPS + 1, (), generator=generator))
        lights = torch.cat([draw(-1, 1, count, 1), draw(-0.3, 1, count, 1), draw(0.4, 1, count, 1)],
                           1)  # fmt: skip
        warm = 1 + draw(-0.12, 0.12, count, 1) * torch.tensor([1.0, 0.0, -1.0])
        return Appearance(
            colours=srgb_to_linear(colours.clamp(0, 1)),
            iris=srgb_to_linear(pick(tuple(EYE_COLOURS.values()))),
            lights=F.normalize(lights, dim=1),
            strengths=warm * draw(0.5, 1.1, count, 1) / count**0.7,
            ambient=draw(0.25, 0.5, 1).expand(3),
            background=draw(0.02, 0.8, 3) * 0.5 + draw(0.02, 0.4, 1),
        )

    def _skin(self, tone: Tensor, redness: Tensor, generator: torch.Generator) -> Tensor:
        """Return sRGB ``[V, 3]``: smooth random changes, and a nose of the given redness."""
        points = self.head.v_template
        waves = torch.randn(24, 3, generator=generator) * torch.tensor(
            [[60.0]] * 12 + [[250.0]] * 12
        )
        phases = torch.rand(24, generator=generator) * 2 * math.pi
        waves, phases, tone, redness = (x.to(points) for x in (waves, phases, tone, redness))
        change = torch.sin(points @ waves.T + phases).sum(1, keepdim=True) / len(waves) ** 0.5
        colours = tone * (1 + 0.03 * change)
        red = redness * self._soft["nose"] * points.new_tensor([0.0, 1.0, 0.9])
        return colours * (1 - 0.06 * red)

    def _softened(self, mask: Tensor) -> Tensor:
        """Return a mask ``[V]`` with an edge as wide as the triangles around it."""
        faces, values = self.head.faces, mask.float()
        total, count = torch.zeros_like(values), torch.zeros_like(values)
        mean = values[faces].mean(1)
        for corner in faces.unbind(1):
            total.index_add_(0, corner, mean)
            count.index_add_(0, corner, torch.ones_like(mean))
        return total / count.clamp(min=1)

    @torch.no_grad()
    def pictures(
        self,
        faces: FaceParameters,
        appearances: Sequence[Appearance],
        *,
        size: int = SIZE,
        rays: int = 2,
        backgrounds: Tensor | None = None,
    ) -> Tensor:
        """Return the pictures ``[B, 3, N, N]`` in [0, 1] of B faces by their cameras.

        Args:
            faces: parameters of the head, on its device.
            appearances: colours and light of each face.
            size: N in pixels.
            rays: number of rays of each pixel along each axis.
            backgrounds: pictures behind the heads ``[B, 3, N, N]``; the appearances' plain
                colours if None.
        """
        head, side = self.head, size * rays
        vertices = head(faces).vertices
        fragments = rasterize(project(vertices, faces.camera), head.faces, side, side)
        colours = torch.stack([appearance.colours for appearance in appearances])
        attributes = torch.cat(
            [
                vertex_normals(vertices, head.faces),
                colours,
                self._gaze.expand(len(appearances), -1, -1),
            ],
            -1,
        )
        face = torch.div(fragments.pixel, side * side, rounding_mode="floor")
        lit = _lit(fragments.at_pixels(attributes), face, appearances)
        if backgrounds is None:
            plain = torch.stack([appearance.background for appearance in appearances])
            behind = plain.to(lit)[..., None, None]
        else:
            behind = srgb_to_linear(backgrounds)
        drawn = F.avg_pool2d(fragments.scatter(lit.clamp(0, 1)), rays)
        fraction = F.avg_pool2d(fragments.mask[:, None].float(), rays)
        return linear_to_srgb((drawn + behind * (1 - fraction)).clamp(0, 1))


def _lit(attributes: Tensor, face: Tensor, appearances: Sequence[Appearance]) -> Tensor:
    """Return the linear colours ``[3, N]`` of N pixels in the light of their faces.

    Args:
        attributes: normal, linear colour and gaze of each pixel ``[7, N]``.
        face: which of the faces each pixel shows ``[N]``.
        appearances: colours and light of each face.
    """
    normal, colour, gaze = attributes.split([3, 3, 1])

    def at_pixels(of_faces: Tensor) -> Tensor:
        return of_faces.to(colour)[face].T

    def of_lamps(values: Sequence[Tensor]) -> Tensor:
        """Return ``[lamps, B, 3]``; an appearance with fewer lamps has dark ones."""
        return torch.stack([F.pad(v, (0, 0, 0, _MOST_LAMPS - len(v))) for v in values], 1)

    normal = F.normalize(normal, dim=0)
    pupil = (gaze > 0.35 * (1 - 0.85)).float()
    iris = at_pixels(torch.stack([appearance.iris for appearance in appearances]))
    colour = torch.where(gaze > 0, iris * (1 - pupil), colour)
    ambient = at_pixels(torch.stack([appearance.ambient for appearance in appearances]))
    lit = ambient * colour * (0.8 + 0.2 * normal[1])
    lights = of_lamps([appearance.lights for appearance in appearances])
    strengths = of_lamps([appearance.strengths for appearance in appearances])
    halves = F.normalize(lights + torch.tensor([0.0, 0.0, 1.0]), dim=-1)
    for light, half, strength in zip(lights, halves, strengths, strict=True):
        diffuse = (((at_pixels(light) * normal).sum(0) + 0.15) / 1.15).clamp(min=0)
        shine = 0.06 * (at_pixels(half) * normal).sum(0).clamp(min=0) ** 24
        lit = lit + at_pixels(strength) * (colour * diffuse + shine)
    return lit
