"""How each part of a head looks in files: plain colours or a photo's, pictures, roughness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.rigs.appearance import (
    eye_picture,
    fold_picture,
    hair_picture,
    mouth_light,
    part_colour,
    photo_skin_picture,
    skin_picture,
    unit_square,
    vertex_colours,
)
from smirk3d.export.rigs.rig import Rig
from smirk3d.export.rigs.surface import (
    Primitive,
    hair_primitives,
    primitives,
    smooth_normals,
    tangents,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import HAIR_PARTS
from smirk3d.rendering.complexion import CLAY_COMPLEXION, Complexion
from smirk3d.rendering.folds import Slopes
from smirk3d.rendering.materials import rest_eyeballs, srgb_to_linear
from smirk3d.rendering.photo_colours import PhotoLook, PhotoSkin
from smirk3d.rendering.picture_surface import Eyeball, soft_lips

Values = NDArray[np.float32]


@dataclass(frozen=True)
class PartLook:
    """How one part looks.

    Attributes:
        colour: linear RGB of the part where it has no picture.
        picture: a file to wrap around the part, None where it is plain.
        kind: ending of the picture.
        uv: texture coordinates ``[U, 2]`` of the part's vertices that suit the picture, v upwards.
        blends: whether the picture has transparent places.
        folds: a PNG of normals in tangent space, None where the part has no folds.
        light: fraction of the light that reaches each vertex ``[U]``, None outside the mouth.
    """

    colour: list[float]
    picture: bytes | None
    kind: Literal["png", "jpg"]
    uv: Values
    blends: bool
    folds: bytes | None = None
    light: Values | None = None


@dataclass(frozen=True)
class HeadLook:
    """How a person's head looks, from a photo if there is one.

    Attributes:
        head: the head.
        rig: the person's.
        eyes: eyeballs by part, on the rig's vertices.
        complexion: colours of irises, lashes and brows.
        skin: the photo on the face, with the face's tone beyond its edge; None without one.
        slopes: of the skin's folds, None without them.
    """

    head: HeadModel
    rig: Rig
    eyes: dict[str, Eyeball]
    complexion: Complexion
    skin: PhotoSkin | None
    slopes: Slopes | None = None

    @classmethod
    def of(
        cls,
        head: HeadModel,
        rig: Rig,
        photo: PhotoLook | None,
        slopes: Slopes | None = None,
    ) -> HeadLook:
        """Return the look of one face.

        Args:
            head: the head.
            rig: the person's.
            photo: what the photo shows of the person, None for plain colours.
            slopes: of the skin's folds, None for smooth skin.
        """
        head, eyes = head.to_numpy(), rest_eyeballs(head, rig.vertices, rig.joints)
        if photo is None:
            return cls(head, rig, eyes, CLAY_COMPLEXION, None, slopes)
        return cls(head, rig, eyes, photo.complexion, photo.skin, slopes)

    def pictured_parts(self) -> tuple[Primitive, ...]:
        """Return the parts to draw with pictures: strips of hair too, but brows that a photo shows.

        A photo's skin has its brows.
        """
        strips = hair_primitives(self.head)
        if self.skin is not None:
            strips = [strip for strip in strips if strip.part != "brows"]
        return (*primitives(self.head), *strips)

    def part(self, primitive: Primitive) -> PartLook:
        """Return how a part looks."""
        name, uv = primitive.part, primitive.uv
        picture: bytes | None = None
        kind: Literal["png", "jpg"] = "png"
        if name in HAIR_PARTS:
            picture = hair_picture(name, self.complexion)
        elif name in self.eyes:
            uv = unit_square(uv)
            points = self.rig.vertices[primitive.vertex_ids]
            picture = eye_picture(
                name, points, uv, primitive.faces, self.eyes[name], self.complexion
            )
        elif name == "skin" and self.skin is not None:
            picture = photo_skin_picture(self.skin, primitive.vertex_ids, uv, primitive.faces)
            kind = "jpg"
        elif name == "skin" and "lips" in self.head.regions:
            lips = soft_lips(self.head)[primitive.vertex_ids]
            picture = skin_picture(lips, uv, primitive.faces)
        folds = self._folds(primitive) if name == "skin" else None
        light = mouth_light(self.head)[primitive.vertex_ids]
        shaded = light if (light < 1).any() and name != "skin" else None
        return PartLook(part_colour(name), picture, kind, uv, name in HAIR_PARTS, folds, shaded)

    def _folds(self, primitive: Primitive) -> bytes | None:
        if self.slopes is None:
            return None
        rest = self.head.v_template[primitive.vertex_ids]
        normals = smooth_normals(primitive, self.head.v_template[None])[0]
        along = tangents(primitive, rest, normals)
        return fold_picture(self.slopes, rest, normals, along, primitive.uv, primitive.faces)

    def vertex_colours(self, primitive: Primitive) -> Values:
        """Return the linear RGB of a part's vertices ``[U, 3]``, or of all of them ``[1, 3]``."""
        name, ids = primitive.part, primitive.vertex_ids
        if name == "skin" and self.skin is not None:
            linear: Values = srgb_to_linear(self.skin.found.colours[ids].clip(0, 1))
            return linear
        eye = self.eyes.get(name)
        colours = vertex_colours(name, self.rig.vertices[ids], eye, self.complexion)
        return colours if eye is not None else colours[:1]
