"""The result of one picture, written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.result_folders import Destination
from smirk3d.export.formats import Picture, write_face
from smirk3d.export.result import write_photo, write_result
from smirk3d.preprocessing.media.image_io import write_png
from smirk3d.reconstruction import ReconstructedFace, result_record
from smirk3d.rendering.pictures import PosedHead, overlay_panel


def write_reconstruction(
    destination: Destination,
    image: NDArray[np.uint8],
    faces: Sequence[ReconstructedFace],
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
        write_png(draft.path / "overlay.png", overlay_panel(image, [_posed(f) for f in faces]))
        size = (image.shape[1], image.shape[0])
        for number, face in enumerate(faces):
            picture = Picture(path=source, size=size, T_crop_image=face.T_crop_image, pixels=image)
            for name in formats:
                write_face(name, draft.path / f"face-{number}", face.head, face.parameters, picture)
        write_result(draft.path, result_record(source, image, faces))
    return draft.folder


def _posed(face: ReconstructedFace) -> PosedHead:
    return PosedHead(
        head=face.head,
        vertices=face.vertices(),
        parameters=face.parameters,
        T_crop_image=face.T_crop_image,
    )
