"""The formats a face can be written in, by name and by file ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from smirk3d.errors import InputError
from smirk3d.export.arkit_csv import write_arkit_csv
from smirk3d.export.figure import write_figure
from smirk3d.export.flame_formats import FlameClip, write_flame
from smirk3d.export.glb import write_glb
from smirk3d.export.html_page import write_html
from smirk3d.export.mesh_files import write_obj, write_ply
from smirk3d.export.parameter_files import write_parameters_json, write_parameters_npz
from smirk3d.export.picture import Picture as Picture  # noqa: PLC0414 (part of this API)
from smirk3d.export.turntable import write_turntable
from smirk3d.export.usd import write_usd
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.head_model import HeadModel

Writer = Callable[[Path, HeadModel, FaceParameters], None]


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


class PictureWriter(Protocol):
    """Writes one face with the help of its picture, or without where there is none."""

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
class PicturedFormat:
    """A way to write one face with its picture; attributes as of :class:`Format`."""

    ending: str
    write: PictureWriter
    others: tuple[str, ...] = ()


FORMATS: dict[str, Format] = {
    "glb": Format(".glb", write_glb),
    "obj": Format(".obj", write_obj),
    "ply": Format(".ply", write_ply),
    "npz": Format(".npz", write_parameters_npz),
    "json": Format(".json", write_parameters_json),
    "arkit-csv": Format(".csv", write_arkit_csv),
    "usd": Format(".usd", write_usd, (".usda", ".usdc")),
    "turntable": Format("-turntable.mp4", write_turntable, (".mp4", ".gif")),
}
PICTURED: dict[str, PicturedFormat] = {
    "html": PicturedFormat(".html", write_html),
    "figure": PicturedFormat("-figure.png", write_figure, (".png",)),
}
"""Formats that show the photo's colours too, where its pixels are at hand."""
FLAME = "flame"
"""The format that is a folder, and needs the picture: :mod:`smirk3d.export.flame_formats`."""


def parse_formats(text: str) -> tuple[str, ...]:
    """Return the format names of a comma-separated list, each once.

    Raises:
        InputError: if one is unknown, or none is given.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    known = (*FORMATS, *PICTURED, FLAME)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InputError(
            f"unknown format {', '.join(unknown or [text])!r}: have {', '.join(known)}"
        )
    return names


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
    if name in PICTURED:
        path = stem.with_name(stem.name + PICTURED[name].ending)
        PICTURED[name].write(path, head, parameters, picture=picture)
        return path
    path = stem.with_name(stem.name + FORMATS[name].ending)
    FORMATS[name].write(path, head, parameters)
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
    for chosen in FORMATS.values():
        if path.suffix.lower() in (chosen.ending, *chosen.others):
            chosen.write(path, head, parameters)
            return
    for pictured in PICTURED.values():
        if path.suffix.lower() in (pictured.ending, *pictured.others):
            pictured.write(path, head, parameters, picture=picture)
            return
    known = [(c.ending, c.others) for c in FORMATS.values()]
    known += [(c.ending, c.others) for c in PICTURED.values()]
    endings = ", ".join(own if own.startswith(".") else others[0] for own, others in known)
    raise InputError(f"{path}: unknown ending {path.suffix!r}; have {endings}")
