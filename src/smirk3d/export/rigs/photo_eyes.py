"""The colour of a person's irises, from the photo that shows them."""

from __future__ import annotations

import numpy as np

from smirk3d.array_interface import Array, to_numpy
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


def iris_colour(head: HeadModel, parameters: FaceParameters, crop: Array) -> Colour:
    """Return the sRGB of a person's irises, the usual brown where the photo hardly shows them.

    Args:
        head: the head.
        parameters: one face, without batch dimension.
        crop: ``[3, N, N]`` in [0, 1], the square in whose frame the parameters are.
    """
    head, crop = head.to_numpy(), to_numpy(crop)
    face = parameters[None].to(head.v_template)
    rest = head(head.neutral().replace(shape=face.shape))
    drawn = rasterize(project(head(face).vertices, face.camera), head.faces, *crop.shape[1:])
    points = drawn.at_pixels(rest.vertices)
    part = head.part[drawn.corners].min(axis=0)
    pixels = crop.reshape(3, -1)[:, drawn.pixel]
    found = [pixels[:, :0]]
    for name, eye in rest_eyeballs(head, rest.vertices[0], rest.joints[0]).items():
        here = np.flatnonzero(part == PARTS.index(name))
        ray = unit(points[:, here] - eye.centre[:, None], axis=0)
        angle = np.arccos((eye.gaze @ ray).clip(-1, 1)) / iris_angle(eye)
        found.append(pixels[:, here[(angle > _RING[0]) & (angle < _RING[1])]])
    ring = np.concatenate(found, 1)
    if ring.shape[1] < _LEAST_PIXELS:
        return CLAY_COMPLEXION.iris
    red, green, blue = np.quantile(ring, 0.5, axis=1, method="lower").tolist()
    if (red + green + blue) / 3 > _BRIGHTEST:
        return CLAY_COMPLEXION.iris
    return red, green, blue
