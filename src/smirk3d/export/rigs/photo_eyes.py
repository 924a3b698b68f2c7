"""The colour of a person's irises, from the photo that shows them."""

from __future__ import annotations

from smirk3d.array_interface.torch_names import Tensor, torch
from smirk3d.export.rigs.appearance import rest_eyeballs
from smirk3d.geometry.cameras import project
from smirk3d.geometry.meshes import unit
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import rasterize
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Colour
from smirk3d.rendering.materials import PUPIL_FRACTION, iris_angle

_RING = (PUPIL_FRACTION + 0.1, 0.85)
"""Fractions of the iris's angle between which its own colour is: beside the pupil and the dark rim.
Set by eye."""
_LEAST_PIXELS = 24
"""Of both irises together; fewer are mostly lashes and catchlights. Chosen by us."""
_BRIGHTEST = 0.72
"""sRGB mean above which a ring is sclera, not iris: irises in light are at most 0.6 bright."""


@torch.no_grad()
def iris_colour(head: HeadModel, parameters: FaceParameters, crop: Tensor) -> Colour:
    """Return the sRGB of a person's irises, the usual brown where the photo hardly shows them.

    Args:
        head: the head.
        parameters: one face, without batch dimension.
        crop: ``[3, N, N]`` in [0, 1], the square in whose frame the parameters are.
    """
    face = parameters[None].to(head.v_template)
    still = head.neutral().to(head.v_template).replace(shape=face.shape)
    rest = head(still)
    drawn = rasterize(project(head(face).vertices, face.camera), head.faces, *crop.shape[1:])
    points = drawn.at_pixels(rest.vertices)
    part = head.part[drawn.corners].amin(0)
    pixels = crop.to(head.v_template).flatten(1)[:, drawn.pixel]
    found = []
    for name, eye in rest_eyeballs(head, rest.vertices[0], rest.joints[0]).items():
        here = (part == PARTS.index(name)).nonzero()[:, 0]
        ray = unit(points[:, here] - eye.centre.to(points)[:, None], dim=0)
        angle = torch.acos((eye.gaze.to(points) @ ray).clamp(-1, 1)) / iris_angle(eye)
        found.append(pixels[:, here[(angle > _RING[0]) & (angle < _RING[1])]])
    ring = torch.cat(found, 1) if found else pixels[:, :0]
    if ring.shape[1] < _LEAST_PIXELS:
        return CLAY_COMPLEXION.iris
    red, green, blue = ring.median(1).values.tolist()
    if (red + green + blue) / 3 > _BRIGHTEST:
        return CLAY_COMPLEXION.iris
    return red, green, blue
