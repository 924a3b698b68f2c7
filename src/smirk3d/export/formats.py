"""The formats that a face can be written in, by name and by file ending."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import InputError
from smirk3d.faces import Face, Picture
from smirk3d.rendering.photo_colours import PhotoLook


@dataclass(frozen=True)
class Format:
    """A way to write one face.

    Attributes:
        ending: ending of the files.
        module: module of the writer, imported when a face is written.
        writer: name of the writer: a function of path, head and parameters; of path and face where
            the format is one of :data:`PICTURED`.
        others: further endings that a file named by the user may have.
    """

    ending: str
    module: str
    writer: str
    others: tuple[str, ...] = ()

    def load(self) -> Any:
        """Return the writer."""
        return getattr(importlib.import_module(f"smirk3d.export.{self.module}"), self.writer)


FORMATS: dict[str, Format] = {
    "glb": Format(".glb", "glb", "write_glb"),
    "obj": Format(".obj", "mesh_files", "write_obj"),
    "ply": Format(".ply", "mesh_files", "write_ply"),
    "npz": Format(".npz", "parameter_files", "write_parameters_npz"),
    "json": Format(".json", "parameter_files", "write_parameters_json"),
    "arkit-csv": Format(".csv", "arkit_csv", "write_arkit_csv"),
    "usd": Format(".usd", "usd.writing", "write_usd", (".usda", ".usdc")),
    "usdz": Format(".usdz", "usd.writing", "write_usd"),
    "turntable": Format(
        "-turntable.mp4", "pictures.turntable", "write_turntable", (".mp4", ".gif")
    ),
}
PICTURED: dict[str, Format] = {
    "html": Format(".html", "html_page", "write_html"),
    "figure": Format("-figure.png", "pictures.figure", "write_figure", (".png",)),
}
"""Formats that show the photo's colours too, where its pixels are at hand."""
COLOURED = ("glb", "usd", "usdz")
"""Formats whose skin takes the photo's colours, where its pixels are at hand."""
_FILES = FORMATS | PICTURED
FLAME = "flame"
"""The format that is a folder, and needs the picture: :mod:`smirk3d.export.flame.layouts`."""


_PICTURE_SIZES = (CROP_SIZE, 768)
"""Smallest and largest side in pixels of the photo whose colours a rig takes; chosen by eye."""


def photo_look(face: Face) -> PhotoLook | None:
    """Return what a face's picture shows of the person, None where its pixels are not at hand."""
    if not face.shows_pixels:
        return None
    crop = face.crop(*_PICTURE_SIZES).transpose(2, 0, 1).astype(np.float32) / 255
    return PhotoLook.of(face.model(), face.parameters, crop)


def write_face(name: str, stem: Path, face: Face, look: PhotoLook | None = None) -> Path:
    """Write one face in a format and return the file, or the folder ``STEM-flame``.

    Args:
        name: one of :data:`FORMATS`, :data:`PICTURED`, or :data:`FLAME`.
        stem: the file without ending.
        face: the face.
        look: its :func:`photo_look`, where it was found before.

    Raises:
        AssetError: if the head has no place in the format.
        OutputError: if the file cannot be written.
    """
    if name == FLAME:
        return _write_flame_folder(stem.with_name(f"{stem.name}-{FLAME}"), face)
    path = stem.with_name(stem.name + _FILES[name].ending)
    _write(name, path, face, look)
    return path


def save_face(path: str | Path, face: Face) -> None:
    """Write one face in the format of the path's ending.

    Args:
        path: the file.
        face: the face.

    Raises:
        InputError: if the ending names no format.
        OutputError: if the file cannot be written.
    """
    path = Path(path)
    for name, chosen in _FILES.items():
        if path.suffix.lower() in (chosen.ending, *chosen.others):
            _write(name, path, face, None)
            return
    usual = (c.ending if c.ending.startswith(".") else c.others[0] for c in _FILES.values())
    raise InputError(f"{path}: unknown ending {path.suffix!r}; have {', '.join(usual)}")


def _write(name: str, path: Path, face: Face, look: PhotoLook | None) -> None:
    writer = _FILES[name].load()
    if name in PICTURED:
        writer(path, face)
    elif name in COLOURED:
        writer(path, face.model(), face.parameters, photo=look or photo_look(face))
    else:
        writer(path, face.model(), face.parameters)


def _write_flame_folder(folder: Path, face: Face) -> Path:
    # with its siblings imported when used, what a face needs to be estimated stays light
    layouts = importlib.import_module("smirk3d.export.flame.layouts")
    clip_module = importlib.import_module("smirk3d.export.flame.clip")
    picture = face.picture or Picture(path="face.png", size=(CROP_SIZE, CROP_SIZE))
    width, height = picture.size
    clip = clip_module.FlameClip(
        head=face.model(),
        parameters=face.parameters[None],
        T_crop_image=np.asarray(face.T_crop_image)[None],
        image_size=(height, width),
        image_names=[picture.path],
    )
    layouts.write_flame(folder, clip)
    return folder
