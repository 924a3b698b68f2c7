"""A photo's colours on the surface of the head that was found in it, and of its eyes and brows.

Vertices that the photo shows have its colours, with their position in it; hidden ones take the
colour of the other side of the face, where that is seen, and else that of their surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, array_namespace, to_numpy
from smirk3d.errors import check_shape
from smirk3d.geometry.cameras import project
from smirk3d.geometry.meshes import mirrored_vertices, smoothed, unit, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import Fragments, nearest_depth, rasterize
from smirk3d.rasterization.picture_sampling import nearest_pixels, sampled
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Colour, Complexion
from smirk3d.rendering.hair_pictures import brow_band
from smirk3d.rendering.materials import (
    PUPIL_FRACTION,
    albedo,
    iris_angle,
    linear_to_srgb,
    rest_eyeballs,
)
from smirk3d.rendering.picture_surface import BROWS, EYE_LEFT, EYE_RIGHT, hair_uv, soft_region

Values = NDArray[np.float32]

_DEPTH_SLACK = 0.02
"""Device depth by which a vertex may lie behind the nearest surface and still count as seen: depth
is stored by pixels, the surface slopes within them."""
_BEHIND = 10.0
"""Device depth where there is no surface: behind every vertex of a face that a crop shows."""
_STEEP = (0.25, 0.6)
"""Cosines to the view up to which skin counts as hidden and from which as seen fully. At the face's
edge a head that is a little too wide would take colours of what lies behind; chosen by eye."""
_WELL_SEEN = 0.5
"""Visibility from which a vertex counts for the skin's highlights."""
_ROUNDS = 40
"""Rounds of smoothing by which colours are diffused into hidden skin."""
_LEAST = 1e-3
"""Weight of the mean colour, so that it remains far from all seen skin."""
_HIGHLIGHT = 0.98
"""Fraction of the seen skin that is darker than its highlights, which are as bright as the light
on skin of any tone; set by eye on 24 portraits."""
_OF_HIGHLIGHTS = 1.15
"""What is white against the skin's highlights; set by eye on the same."""
_USUAL_HIGHLIGHT = 0.75
"""Mean sRGB of highlights where a photo hardly shows any skin; about that of the same."""

_TONE_RINGS = 5
"""Rows of triangles over which a photo's colours fade into the tone."""

_BEYOND_BROWS = 0.012
"""Metres above and beside the brows over which skin begins that hair and hats may hide."""
_COLUMN = 0.006
"""Metres aside within which what is above hair counts as hair."""
_NOT_SKIN = (0.12, 0.26)
"""Difference of sRGB, in the channel where it is largest, from the face's tone: up to the first
colours count as skin, from the second as hair or a hat. Set by eye on 12 portraits."""

_RING = (PUPIL_FRACTION + 0.1, 0.85)
"""Fractions of the iris's angle between which its own colour is: beside the pupil and the dark rim.
Set by eye."""
_LEAST_PIXELS = 24
"""Of both irises, or of both brows, together; fewer are mostly lashes and catchlights. Chosen by
us."""
_BRIGHTEST = 0.72
"""sRGB mean above which a ring is sclera, not iris: irises in light are at most 0.6 bright."""
_DARKER = 0.3
"""Fraction of the pixels of the head's brows that count: elsewhere a person's may have none. Set by
eye on 12 portraits."""
_COVER = 0.7
"""How much of the skin the hairs cover in these pixels: so much do drawn brows at 224 pixels."""


@dataclass(frozen=True, eq=False)
class PhotoColours:
    """Colours of a head's vertices.

    Attributes:
        position: of each vertex in the photo ``[V, 2]``, in device coordinates of the crop.
        seen: how well the photo shows each vertex ``[V]``, in [0, 1].
        colours: sRGB ``[V, 3]`` in [0, 1]; of hidden vertices they are estimated.
    """

    position: Values
    seen: Values
    colours: Values


@dataclass(frozen=True, eq=False)
class PhotoSkin:
    """A photo as a texture of the head that was found in it.

    Attributes:
        found: the photo's colours on the head's vertices, and where it shows them.
        crop: the photo's square ``[3, N, N]`` in [0, 1].
    """

    found: PhotoColours
    crop: Values

    def attributes(self) -> Values:
        """Return what :meth:`colours` takes, of the head's vertices ``[V, 6]``."""
        found = self.found
        return np.column_stack([found.colours, found.position, found.seen])

    def colours(self, attributes: Values) -> Values:
        """Return the sRGB ``[3, N]`` at points between vertices, of their attributes ``[6, N]``.

        Where the photo shows the skin it is the photo's pixel, else the vertices' estimate.
        """
        colour, position, seen = attributes[:3], attributes[3:5], attributes[5:]
        return colour + seen * (sampled(self.crop, position.T) - colour)


@dataclass(frozen=True, eq=False)
class PhotoLook:
    """What a photo shows of the looks of the person whose head was found in it.

    Attributes:
        skin: the photo on the head, with the face's tone beyond its edge.
        complexion: of irises, brows and lashes.
    """

    skin: PhotoSkin
    complexion: Complexion

    @classmethod
    def of(cls, head: HeadModel, parameters: FaceParameters, crop: Array) -> PhotoLook:
        """Return the look of one face; arguments and errors are :func:`photo_colours`'s."""
        found = faded_into_tone(head, photo_colours(head, parameters, crop))
        skin = PhotoSkin(found, to_numpy(crop))
        return cls(skin, photo_complexion(head, parameters, crop))


def photo_colours(head: HeadModel, parameters: FaceParameters, crop: Array) -> PhotoColours:
    """Return a photo's colours on the head that was found in it.

    Args:
        head: the head.
        parameters: one face, without batch dimension.
        crop: ``[3, N, N]`` in [0, 1], the square in whose frame the parameters are.

    Raises:
        ShapeError: if the crop has another shape.
    """
    check_shape(crop, "3 N N", "crop")
    head, crop = head.to_numpy(), to_numpy(crop)
    face = parameters[None].to(head.v_template)
    vertices = head(face).vertices
    ndc = project(vertices, face.camera)
    position = ndc[0, :, :2]
    depth = nearest_depth(ndc, head.faces, crop.shape[-1], crop.shape[-1])
    seen = vertex_visibility(vertices, ndc, depth, head.faces, steep=_STEEP)[0]
    skin = head.part == PARTS.index("skin")
    shown = sampled(crop, position).T
    colours = _hidden_skin(head, shown, seen * skin)
    well_seen = skin & (seen > _WELL_SEEN)
    bright = shown[well_seen].mean(1) if well_seen.any() else np.array([_USUAL_HIGHLIGHT])
    white = _OF_HIGHLIGHTS * float(np.quantile(bright, _HIGHLIGHT, method="lower"))
    nowhere = np.zeros((3, head.num_vertices), np.float32)
    plain = linear_to_srgb(albedo(head.part, nowhere, {})).T * min(white, 1.0)
    return PhotoColours(position, seen, np.where(skin[:, None], colours, plain))


def faded_into_tone(head: HeadModel, found: PhotoColours) -> PhotoColours:
    """Return a photo's colours on the face, and the face's tone on the skin beyond its edge.

    Hair, hats, collars and what stands behind a head would be painted on its skin. Eyes and what is
    in the mouth keep their colours and show nothing of the photo: they move below the skin.
    """
    cheeks = to_numpy(head.regions.get("cheeks", head.regions["face"]))
    tone = np.quantile(found.colours[cheeks], 0.5, axis=0, method="lower")
    face = to_numpy(head.regions["face"])
    skin = to_numpy(head.part) == PARTS.index("skin")
    fraction = soft_region(to_numpy(head.faces), face, _TONE_RINGS) * skin
    fraction = fraction * (1 - _hides_skin(head, found.colours, tone))
    faded = tone + fraction[:, None] * (found.colours - tone)
    colours = np.where(skin[:, None], faded, found.colours)
    return replace(found, colours=colours, seen=found.seen * fraction)


def _hides_skin(head: HeadModel, colours: Values, tone: Values) -> Values:
    """Return how surely hair or a hat is seen at each vertex ``[V]``, in [0, 1].

    That is where colours are not the skin's, above the brows and on the temples: elsewhere beards,
    shadows and paint belong to the face.
    """
    template, part = to_numpy(head.v_template), to_numpy(head.part)
    brows = template[part == BROWS]
    if not len(brows):
        return np.zeros(len(template), np.float32)
    outer, upper = np.abs(brows[:, 0]).max(), brows[:, 1].max()
    eyes = template[np.isin(part, [EYE_LEFT, EYE_RIGHT]), 1].mean()
    beside = (np.abs(template[:, 0]) - outer) / _BEYOND_BROWS * (template[:, 1] > eyes)
    there = np.maximum((template[:, 1] - upper) / _BEYOND_BROWS, beside).clip(0, 1)
    low, high = _NOT_SKIN
    unlike = there * ((np.abs(colours - tone).max(1) - low) / (high - low)).clip(0, 1)
    # above a hairline there is no skin
    above = np.flatnonzero((template[:, 1] > upper) & (template[:, 2] > 0))
    steps = template[above, None] - template[None, above]
    below = (steps[..., 1] >= 0) & (np.abs(steps[..., 0]) < _COLUMN)
    unlike[above] = np.where(below, unlike[above], 0).max(1)
    return np.asarray(unlike)


def vertex_visibility(
    vertices: Array, ndc: Array, depth: Array, faces: Array, *, steep: tuple[float, float]
) -> Array:
    """Return how well photos show each vertex ``[B, V]``, in [0, 1]: in front, inside, not edge-on.

    Args:
        vertices: ``[B, V, 3]``.
        ndc: their positions in the photos ``[B, V, 3]``, in device coordinates.
        depth: of the nearest surface at each pixel ``[B, H, W]``.
        faces: ``[F, 3]``.
        steep: cosines to the view up to which a vertex is hidden and from which it is seen fully.
    """
    xp = array_namespace(depth)
    nearest = nearest_pixels(xp.where(xp.isinf(depth), _BEHIND, depth), ndc[..., :2])
    front = ndc[..., 2] <= nearest + _DEPTH_SLACK
    inside = (xp.abs(ndc[..., :2]) < 1).all(-1)
    hidden, full = steep
    facing = ((vertex_normals(vertices, faces)[..., 2] - hidden) / (full - hidden)).clip(0, 1)
    return facing * front * inside


def _hidden_skin(head: HeadModel, sampled: Values, visibility: Values) -> Values:
    """Return colours ``[V, 3]``: seen ones, mirrored ones, and ones diffused from around."""
    other = mirrored_vertices(head.v_template)
    mirrored = visibility[other] * (1 - visibility)
    weight = visibility + mirrored
    start = sampled * visibility[:, None] + sampled[other] * mirrored[:, None]
    # far from all seen skin, as at the back of the head, the mean colour remains
    mean = start.sum(0) / max(float(weight.sum()), 1e-6)
    both = np.column_stack([start + _LEAST * mean, weight + _LEAST])
    diffused = smoothed(both, head.faces, rounds=_ROUNDS)
    rest = (1 - weight.clip(None, 1))[:, None]
    around = diffused[:, :3] / diffused[:, 3:]
    colours: Values = start / weight[:, None].clip(1) + around * rest
    return colours


def photo_complexion(head: HeadModel, parameters: FaceParameters, crop: Array) -> Complexion:
    """Return a person's irises and brows, the usual ones where the photo hardly shows them.

    Args:
        head: the head.
        parameters: one face, without batch dimension.
        crop: ``[3, N, N]`` in [0, 1], the square in whose frame the parameters are.
    """
    head, crop = head.to_numpy(), to_numpy(crop)
    face = parameters[None].to(head.v_template)
    ndc = project(head(face).vertices, face.camera)
    drawn = rasterize(ndc, head.faces, *crop.shape[1:])
    return replace(
        CLAY_COMPLEXION,
        iris=_iris_colour(head, face, drawn, crop),
        brows=_brow_colour(head, ndc, drawn, crop),
    )


def _iris_colour(head: HeadModel, face: FaceParameters, drawn: Fragments, crop: Values) -> Colour:
    rest = head(head.neutral().replace(shape=face.shape))
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
    if ring.shape[1] < _LEAST_PIXELS or np.quantile(ring, 0.5, axis=1).mean() > _BRIGHTEST:
        return CLAY_COMPLEXION.iris
    red, green, blue = np.quantile(ring, 0.5, axis=1, method="lower").tolist()
    return red, green, blue


def _brow_colour(head: HeadModel, ndc: Values, skin: Fragments, crop: Values) -> Colour:
    """Return the colour of the darker pixels where a head's brows are seen."""
    strips = np.flatnonzero((head.part[head.hair_faces] == BROWS).all(1))
    if not len(strips):
        return CLAY_COMPLEXION.brows
    drawn = rasterize(ndc, head.hair_faces[strips], *crop.shape[1:])
    along, across = drawn.at_pixels(hair_uv(head)[None])
    low, high = brow_band(along)
    clear = drawn.pixel_depth < skin.depth.reshape(-1)[drawn.pixel] + _DEPTH_SLACK
    within = (across > low) & (across < high)
    hairs, around = (
        crop.reshape(3, -1)[:, drawn.pixel[clear & chosen]] for chosen in (within, ~within)
    )
    if min(hairs.shape[1], around.shape[1]) < _LEAST_PIXELS:
        return CLAY_COMPLEXION.brows
    darker = np.argsort(hairs.mean(0))[: max(1, round(_DARKER * hairs.shape[1]))]
    skin_colour = np.quantile(around, 0.5, axis=1, method="lower")
    colour = skin_colour + (hairs[:, darker].mean(1) - skin_colour) / _COVER
    red, green, blue = colour.clip(0, 1).tolist()
    return red, green, blue
