"""The formats a face can be written in, by name and by file ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from smirk3d.errors import InputError
from smirk3d.export.arkit_csv import write_arkit_csv
from smirk3d.export.flame_formats import FlameClip, write_flame
from smirk3d.export.glb import write_glb
from smirk3d.export.html_page import write_html
from smirk3d.export.mesh_files import write_obj, write_ply
from smirk3d.export.parameter_files import write_parameters_json, write_parameters_npz
from smirk3d.export.picture import Picture as Picture  # noqa: PLC0414 (part of this API)
from smirk3d.export.pictures.figure import write_figure
from smirk3d.export.pictures.turntable import write_turntable
from smirk3d.export.usd import write_usd
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters


class Writer(Protocol):
    """Writes one face, where it can with the help of its picture."""

    def __call__(
        self,
        path: Path,
        head: HeadModel,
        parameters: FaceParameters,
        *,
        picture: Picture | None = None,
    ) -> None:
        """Write one face, without batch dimension, to a file."""


@dataclass(frozen=True)
class Format:
    """A way to write one face.

    Attributes:
        ending: of the files.
        write: the writer.
        others: further endings that a file named by the user may have.
    """

    ending: str
    write: Writer
    others: tuple[str, ...] = ()


def _plain(write: Callable[[Path, HeadModel, FaceParameters], None]) -> Writer:
    """Return a writer that leaves the picture aside."""

    def without_picture(
        path: Path,
        head: HeadModel,
        parameters: FaceParameters,
        *,
        picture: Picture | None = None,
    ) -> None:
        write(path, head, parameters)

    return without_picture


FORMATS: dict[str, Format] = {
    "glb": Format(".glb", _plain(write_glb)),
    "obj": Format(".obj", _plain(write_obj)),
    "ply": Format(".ply", _plain(write_ply)),
    "npz": Format(".npz", _plain(write_parameters_npz)),
    "json": Format(".json", _plain(write_parameters_json)),
    "arkit-csv": Format(".csv", _plain(write_arkit_csv)),
    "usd": Format(".usd", _plain(write_usd), (".usda", ".usdc")),
    "turntable": Format("-turntable.mp4", _plain(write_turntable), (".mp4", ".gif")),
}
PICTURED: dict[str, Format] = {
    "html": Format(".html", write_html),
    "figure": Format("-figure.png", write_figure, (".png",)),
}
"""Formats that show the photo's colours too, where its pixels are at hand."""
_FILES = FORMATS | PICTURED
FLAME = "flame"
"""The format that is a folder, and needs the picture: :mod:`smirk3d.export.flame_formats`."""


def write_face(
    name: str, stem: Path, head: HeadModel, parameters: FaceParameters, picture: Picture
) -> Path:
    """Write one face in a format and return the file, or the folder ``STEM-flame``.

    Args:
        name: one of :data:`FORMATS`, :data:`PICTURED`, or :data:`FLAME`.
        stem: the file without ending.
        head: the head.
        parameters: one face, without batch dimension.
        picture: where the face was found.

    Raises:
        AssetError: if the head has no place in the format.
        OutputError: if the file cannot be written.
    """
    if name == FLAME:
        folder = stem.with_name(f"{stem.name}-{FLAME}")
        width, height = picture.size
        clip = FlameClip(
            head=head,
            parameters=parameters[None],
            T_crop_image=torch.as_tensor(picture.T_crop_image)[None],
            image_size=(height, width),
            image_names=[picture.path],
        )
        write_flame(folder, clip)
        return folder
    path = stem.with_name(stem.name + _FILES[name].ending)
    _FILES[name].write(path, head, parameters, picture=picture)
    return path


def save_face(
    path: str | Path,
    head: HeadModel,
    parameters: FaceParameters,
    picture: Picture | None = None,
) -> None:
    """Write one face in the format of the path's ending.

    Args:
        path: the file.
        head: the head.
        parameters: one face, without batch dimension.
        picture: where the face was found, for formats that show its colours.

    Raises:
        InputError: if the ending names no format.
        OutputError: if the file cannot be written.
    """
    path = Path(path)
    for chosen in _FILES.values():
        if path.suffix.lower() in (chosen.ending, *chosen.others):
            chosen.write(path, head, parameters, picture=picture)
            return
    usual = (c.ending if c.ending.startswith(".") else c.others[0] for c in _FILES.values())
    raise InputError(f"{path}: unknown ending {path.suffix!r}; have {', '.join(usual)}")
