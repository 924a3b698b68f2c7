"""A head that the user has, recognised, converted and kept among the installed heads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import NDArray

from smirk3d.assets import user_folder
from smirk3d.assets.installed import check_new_name
from smirk3d.assets.placing import placed
from smirk3d.errors import InputError, UsageError
from smirk3d.head_import.flame import (
    NUM_EXPRESSION,
    convert_flame,
    flame_release,
    parse_flame_model,
    read_flame_companions,
)
from smirk3d.head_import.gnm import convert_gnm
from smirk3d.head_import.ict import convert_ict
from smirk3d.head_import.reading.source_files import LARGEST_FILE, read_source_files
from smirk3d.head_import.recognition import HeadSource, Kind, recognise_head
from smirk3d.heads.head_file import read_head_file, write_head_file
from smirk3d.heads.head_model import HeadModel

Arrays = dict[str, NDArray[Any]]
EmbedLandmarks = Callable[[HeadModel], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True, kw_only=True)
class ImportedHead:
    """A head that was installed.

    Attributes:
        name: under which it is found.
        path: its file.
        kind: whose head it is.
        licence: short name of its terms.
        notice: what its user must know; shown once, at import.
        num_landmarks: MediaPipe landmarks embedded; without any, photos cannot be fitted.
    """

    name: str
    path: Path
    kind: Kind
    licence: str
    notice: str
    num_landmarks: int


def import_head(
    path: str | os.PathLike[str],
    name: str | None = None,
    *,
    embed_landmarks: EmbedLandmarks | None = None,
    num_expression: int = NUM_EXPRESSION,
    on_progress: Callable[[], None] | None = None,
    overwrite: bool = False,
) -> ImportedHead:
    """Convert a head and install it in the user's folder.

    Args:
        path: FLAME's ``.pkl`` or a folder with it (such as SMIRK's ``assets``, whose landmark
            tables, eyelids, masks and texture coordinates are used), an ICT-FaceKit checkout or
            archive, GNM's ``.npz``, or a head file of smirk3d.
        name: what to call it; by default ``flame``, ``flame2023``, ``flame2023-open``, ``ict``,
            ``gnm``, or the head file's own name.
        embed_landmarks: finds MediaPipe's landmarks on a head that comes without, as
            :func:`smirk3d.head_import.landmark_embedding.embed_landmarks` does by rendering.
        num_expression: expression components kept of FLAME, 1 to 100.
        on_progress: called now and then.
        overwrite: replace another head of that name.

    Raises:
        UsageError: if the name cannot be used.
        InputError: if the path holds no known head, or the name in it cannot be used.
        AssetError: if the files are damaged or not what they seem; nothing in them is executed.
        OutputError: if the user's folder cannot be written, or holds another head of that name.
    """
    if name is not None:
        check_new_name("heads", name)
    source = recognise_head(path)
    arrays, meta = _convert(source, num_expression, on_progress)
    meta["name"] = name or meta["name"]
    try:
        check_new_name("heads", meta["name"])
    except UsageError as error:
        raise InputError(f"{path}: {error}") from error
    if "lmk_mp_id" not in arrays and embed_landmarks is not None:
        arrays |= embed_landmarks(HeadModel(arrays, meta))
    target = user_folder("heads") / f"{meta['name']}.npz"
    way_out = "another head has this name: give --overwrite, or another with --name"
    with placed(target.parent, overwrite=overwrite, way_out=way_out) as folder:
        write_head_file(folder / target.name, arrays, meta)
    return ImportedHead(
        name=meta["name"],
        path=target,
        kind=source.kind,
        licence=meta["licence"],
        notice=str(meta.get("notice", "")),
        num_landmarks=len(arrays.get("lmk_mp_id", ())),
    )


def _convert(
    source: HeadSource, num_expression: int, on_progress: Callable[[], None] | None
) -> tuple[Arrays, dict[str, Any]]:
    if source.kind == "ict":
        return convert_ict(source.path, on_progress)
    if source.kind == "head":
        head = read_head_file(source.path)
        return head.arrays, head.meta
    content, label = _model_content(source)
    if source.kind == "gnm":
        arrays, meta = convert_gnm(content, label)
    else:
        arrays, meta = _convert_flame(source, content, label, num_expression)
    file_name = PurePosixPath(source.model).name or source.path.name
    meta["inputs_sha256"] = {file_name: hashlib.sha256(content).hexdigest()}
    return arrays, meta


def _model_content(source: HeadSource) -> tuple[bytes, str]:
    if not source.model:
        if source.path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{source.path} has more than 512 MiB: it is no head")
        return source.path.read_bytes(), str(source.path)
    label = f"{source.path}: {source.model}"
    for _, content in read_source_files(source.path, lambda name: name == source.model):
        return content, label
    raise InputError(f"{label} is not there any more")


def _convert_flame(
    source: HeadSource, content: bytes, label: str, num_expression: int
) -> tuple[Arrays, dict[str, Any]]:
    model = parse_flame_model(content, label)
    # a file stands for itself and what lies directly beside it, a folder for all that is below
    place, depth = (source.path, 4) if source.model else (source.path.parent, 0)
    companions = read_flame_companions(place, len(model.v_template), len(model.faces), depth=depth)
    release = flame_release(source.model or source.path.name)
    return convert_flame(model, companions, release, num_expression=num_expression)
