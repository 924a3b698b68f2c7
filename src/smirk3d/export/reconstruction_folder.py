"""The result of one picture, written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.result_folders import Destination
from smirk3d.export.formats import FORMATS, photo_look, write_face
from smirk3d.export.pictures.face_pictures import posed
from smirk3d.export.result import result_record, write_photo, write_result
from smirk3d.faces import Face, Picture
from smirk3d.heads.head_model import HeadModel
from smirk3d.preprocessing.media.image_io import write_png
from smirk3d.rendering.complexion import CLAY_COMPLEXION
from smirk3d.rendering.folds import folds_of, has_folds
from smirk3d.rendering.hair_layer import hair_alpha
from smirk3d.rendering.layers import CLAY
from smirk3d.rendering.photo_colours import PhotoLook
from smirk3d.rendering.picture_surface import HAIR_PARTS, surface_of
from smirk3d.rendering.pictures import overlay_panel


def prepare(head: HeadModel) -> None:
    """Prepare what all drawings and files of a head take, so that the first finds it ready."""
    for region in ("face", None):
        surface_of(head, region, CLAY.refinements)
    if has_folds(head):
        folds_of(head)
    for part in HAIR_PARTS:
        hair_alpha(part, CLAY_COMPLEXION)
    FORMATS["glb"].load()


def write_reconstruction(
    destination: Destination,
    image: NDArray[np.uint8],
    faces: Sequence[Face],
    formats: Sequence[str],
    input_digest: str | None = None,
) -> Path:
    """Write result, photo, ``overlay.png`` and each face's files, and return the folder.

    Args:
        destination: place of the result, and the input that the faces came from.
        image: the upright picture uint8 ``[H, W, 3]``.
        faces: the picture's faces, at least one.
        formats: names of :mod:`smirk3d.export.formats`.
        input_digest: hash of the picture's file.

    Raises:
        OutputError: if the folder cannot be written, or another run writes it.
    """
    source = destination.input_text
    with destination.writing(input_digest) as draft:
        write_photo(draft.path, image)
        picture = Picture.of(image, source)
        placed = [replace(face, picture=picture) for face in faces]
        looks = [photo_look(face) for face in placed]
        # drawing and writing leave Python to others for most of their time
        with ThreadPoolExecutor(1) as pool:
            drawn = pool.submit(_draw_overlay, draft.path / "overlay.png", image, placed, looks)
            for number, (face, look) in enumerate(zip(placed, looks, strict=True)):
                for name in formats:
                    write_face(name, draft.path / f"face-{number}", face, look)
            drawn.result()
        write_result(draft.path, result_record(source, picture.size, faces))
    return draft.folder


def _draw_overlay(
    path: Path,
    image: NDArray[np.uint8],
    faces: Sequence[Face],
    looks: Sequence[PhotoLook | None],
) -> None:
    heads = [posed(face, look=look) for face, look in zip(faces, looks, strict=True)]
    write_png(path, overlay_panel(image, heads))
