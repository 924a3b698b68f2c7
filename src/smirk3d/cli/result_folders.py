"""The folder of one input's result: names, and writing it whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_directory
from smirk3d.export.formats import Picture, write_face
from smirk3d.export.result import write_photo, write_result
from smirk3d.pipeline import ReconstructedFace, result_record
from smirk3d.preprocessing.image_io import write_png
from smirk3d.rendering.pictures import PosedHead, overlay_panel


def folder_names(inputs: Sequence[Path]) -> list[str]:
    """Return a folder name for each input: its stem, numbered where inputs share it.

    Names are compared without case, as some file systems do.
    """
    taken: set[str] = set()
    names = []
    for path in inputs:
        stem = path.stem or path.name
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def write_reconstruction(
    folder: Path,
    source: str,
    image: NDArray[np.uint8],
    faces: Sequence[ReconstructedFace],
    formats: Sequence[str],
) -> None:
    """Write result, photo, ``overlay.png`` and each face's files to a folder, atomically.

    Args:
        folder: is made, or replaced when it exists.
        source: what the faces came from, as the user named it.
        image: the upright picture uint8 ``[H, W, 3]``.
        faces: the picture's faces, at least one.
        formats: names of :mod:`smirk3d.export.formats`.

    Raises:
        OutputError: if the folder cannot be written.
    """
    with atomic_directory(folder, overwrite=True) as temporary:
        write_photo(temporary, image)
        write_png(temporary / "overlay.png", overlay_panel(image, [_posed(f) for f in faces]))
        size = (image.shape[1], image.shape[0])
        for number, face in enumerate(faces):
            picture = Picture(path=source, size=size, T_crop_image=face.T_crop_image, pixels=image)
            for name in formats:
                write_face(name, temporary / f"face-{number}", face.head, face.parameters, picture)
        write_result(temporary, result_record(source, image, faces))


def _posed(face: ReconstructedFace) -> PosedHead:
    return PosedHead(
        head=face.head,
        vertices=face.vertices(),
        parameters=face.parameters,
        T_crop_image=face.T_crop_image,
    )
