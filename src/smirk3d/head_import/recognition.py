"""What kind of head a file, folder or archive holds."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from smirk3d.assets.foreign.archives import ZipArchive
from smirk3d.assets.foreign.npz import NpzFile
from smirk3d.assets.foreign.origin import Origin
from smirk3d.errors import InputError
from smirk3d.head_import.gnm import MARK as GNM_MARK
from smirk3d.head_import.ict.layout import NEUTRAL
from smirk3d.head_import.reading.source_files import source_names

Kind = Literal["flame", "ict", "gnm", "head"]

_NOT_MODELS = ("mask", "embedding", "texture", "albedo", "landmark", "male_model")
_MOST_MEMBERS = 100_000
"""Members of an archive that is looked at, as :mod:`~smirk3d.head_import.reading.source_files` has
it."""
_KINDS = "FLAME's .pkl, an ICT-FaceKit checkout, GNM's .npz, or a head file of smirk3d"


@dataclass(frozen=True, kw_only=True)
class HeadSource:
    """A head as its user has it.

    Attributes:
        kind: whose it is.
        path: what the user gave.
        model: name of the model file inside a folder or archive; empty if ``path`` is the file.
    """

    kind: Kind
    path: Path
    model: str = ""


def recognise_head(path: str | os.PathLike[str]) -> HeadSource:
    """Return what a path holds, by names and, for npz files, by the arrays that are listed.

    Raises:
        InputError: if it is absent, holds nothing known, or several models; the text says which.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: give {_KINDS}")
    if path.is_file():
        if path.suffix.lower() in (".pkl", ".pickle"):
            return HeadSource(kind="flame", path=path)
        if path.suffix.lower() == ".npz":
            return HeadSource(kind=_npz_kind(path), path=path)
        if path.suffix.lower() in (".pt", ".pth", ".ckpt", ".tar", ".safetensors") and (
            _is_checkpoint(path)
        ):
            raise InputError(f"{path} holds weights, not a head: use `smirk3d weights import`")
    return _inside(path)


def _npz_kind(path: Path) -> Kind:
    origin = Origin(str(path), "npz file", "fetch it again")
    with origin.refusing(), NpzFile(path, budget=0) as file:
        names = set(file.names)
    if GNM_MARK in names:
        return "gnm"
    if {"meta", "v_template", "shape_basis"} <= names:
        return "head"
    raise InputError(f"{path} holds no head that is known: give {_KINDS}")


def _is_checkpoint(path: Path) -> bool:
    if path.suffix == ".safetensors":
        return True
    if not zipfile.is_zipfile(path):
        return path.suffix != ".tar"
    origin = Origin(str(path), "archive", "fetch it again")
    with origin.refusing(), ZipArchive(path, most_members=_MOST_MEMBERS) as archive:
        return any(name.endswith("data.pkl") for name in archive.names[:100])


def _inside(path: Path) -> HeadSource:
    pickles: list[str] = []
    arrays: list[str] = []
    for name in source_names(path):
        file = PurePosixPath(name)
        if file.stem == NEUTRAL and file.suffix == ".obj":
            return HeadSource(kind="ict", path=path, model=name)
        lower = file.name.lower()
        if file.suffix == ".pkl" and not any(word in lower for word in _NOT_MODELS):
            pickles.append(name)
        if file.suffix == ".npz" and "gnm" in lower:
            arrays.append(name)
    found = _preferred(pickles) + arrays
    if not found:
        raise InputError(f"{path} holds no head that is known: give {_KINDS}")
    if len(found) > 1:
        raise InputError(f"{path} holds several heads ({', '.join(found[:6])}): name one of them")
    kind: Kind = "flame" if found[0].endswith(".pkl") else "gnm"
    return HeadSource(kind=kind, path=path, model=found[0])


def _preferred(pickles: list[str]) -> list[str]:
    """Return the models among pickles: the generic one, or those that say that they are FLAME."""
    generic = [name for name in pickles if PurePosixPath(name).name == "generic_model.pkl"]
    named = [name for name in pickles if "flame" in PurePosixPath(name).name.lower()]
    return generic + named if generic or named else pickles
