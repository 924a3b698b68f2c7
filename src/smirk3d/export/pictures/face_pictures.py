"""Pictures of faces: heads over their photo, and the head alone."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.errors import InputError
from smirk3d.faces import Face
from smirk3d.rendering.clay import View, clay, facing_viewer
from smirk3d.rendering.folds import face_slopes
from smirk3d.rendering.photo_colours import PhotoLook
from smirk3d.rendering.pictures import PosedHead
from smirk3d.rendering.pictures import overlay as overlay_heads

_PREVIEW_SIDE = 640
"""Longest side of the picture in a notebook, in pixels: about the width of a notebook's cell."""


def posed(
    face: Face,
    T_crop_image: NDArray[np.floating] | None = None,
    look: PhotoLook | None = None,
) -> PosedHead:
    """Return the face as the renderer takes it.

    Args:
        face: the face.
        T_crop_image: ``[3, 3]``, pixels of what is drawn over to crop pixels; those of the face's
            picture unless given.
        look: what the picture shows of the person, where it was found before.
    """
    return PosedHead(
        head=face.model(),
        vertices=face.vertices(),
        parameters=face.parameters,
        T_crop_image=np.asarray(
            face.T_crop_image if T_crop_image is None else T_crop_image, np.float64
        ),
        look=look,
    )


def overlay(
    faces: Face | Sequence[Face], image: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Return the picture uint8 ``[H, W, 3]`` with the heads drawn over it.

    Args:
        faces: one face, or all faces of one picture.
        image: the picture uint8 ``[H, W, 3]``; the faces' own unless given.

    Raises:
        InputError: if there is no picture at hand.
    """
    together = [faces] if isinstance(faces, Face) else list(faces)
    if image is None and (not together or together[0].picture is None):
        raise InputError("no picture at hand to draw over: give overlay(faces, image=...)")
    if not together:
        assert image is not None
        return overlay_heads(image, [])
    if image is not None:
        return overlay_heads(image, [posed(face) for face in together])
    assert together[0].picture is not None
    pixels = together[0].picture.require_pixels()
    return overlay_heads(pixels, [posed(face, face.T_crop_pixels) for face in together])


def render(face: Face, *, side: int = 512, yaw: float = 0.0) -> NDArray[np.uint8]:
    """Return a grey picture uint8 ``[side, side, 3]`` of a face's head, without head pose.

    Args:
        face: the face.
        side: width and height in pixels.
        yaw: radians by which the head is rotated to the picture's right.
    """
    head = face.model()
    view = View(yaw=yaw, height=side, width=side)
    slopes = face_slopes(head, face.parameters)
    return clay(head, facing_viewer(head, face.vertices()), view, slopes=slopes)


def preview_address(faces: Sequence[Face]) -> str:
    """Return a picture of faces as a ``data:`` address, for notebooks.

    Args:
        faces: at least one face, all of one picture; without its pixels the first head is drawn.
    """
    pixels = overlay(faces) if faces[0].shows_pixels else render(faces[0])
    picture = Image.fromarray(pixels)
    picture.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
