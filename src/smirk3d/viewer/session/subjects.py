"""Subjects of the viewer: faces in the frames of a clip, of which a photo has one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.assets.foreign.json_text import (
    LARGEST_JSON,
    parse_json,
    require_object,
    require_text,
)
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.errors import AssetError, InputError
from smirk3d.export.gltf_document import MAGIC
from smirk3d.export.parameter_files import (
    check_parameters,
    parameters_from_json,
    write_parameters_json,
)
from smirk3d.export.result import (
    FILE_NAME,
    PHOTO_NAME,
    ResultRecord,
    read_result,
    write_photo,
    write_result,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.tracking import track_file
from smirk3d.tracking.track_file import MOVING, Track, read_track
from smirk3d.viewer.session.source_pictures import Photo, SourcePictures, VideoFrames

Save = Callable[[Path, Sequence[FaceParameters]], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class ShownFace:
    """One person of a clip: the faces of the F frames that show it.

    Attributes:
        label: name of the person on the page.
        parameters: parameters of each frame's face ``[F]``.
        frames: number of the clip's frame for each row ``[F]``, ascending.
        T_crop_image: ``[F, 3, 3]``, picture pixels to crop pixels; None without a picture.
    """

    label: str
    parameters: FaceParameters
    frames: NDArray[np.int64]
    T_crop_image: NDArray[np.float64] | None

    def row(self, frame: int) -> int | None:
        """Return the row of a clip's frame, or None where it does not show the face."""
        at = int(np.searchsorted(self.frames, frame))
        return at if at < len(self.frames) and self.frames[at] == frame else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """Faces over a clip's T frames.

    Attributes:
        name: its name on the page.
        head: the head of all faces.
        faces: the faces, at least one.
        image_size: width and height of the picture that the faces were found in; None without.
        timestamps: times ``[T]`` of the frames, in seconds.
        pictures: the source's pictures, or None.
        save: writes a folder (or a file in it) that the viewer opens again, with parameters
            ``[F, D]`` of each face in place of its own.
    """

    name: str
    head: HeadModel
    faces: tuple[ShownFace, ...]
    image_size: tuple[int, int] | None
    timestamps: NDArray[np.float64]
    pictures: SourcePictures | None
    save: Save


def open_subject(
    path: str | Path, *, head: str | None = None, source: str | Path | None = None
) -> Subject:
    """Return the subject of a result folder, a track or a rig of smirk3d.

    Nothing outside the folder is read: a result that names a picture elsewhere shows it only where
    ``source`` says so.

    Args:
        path: folder of a result or of a track, ``track.npz``, or a GLB that smirk3d wrote.
        head: name or file of its head, where it is not installed under its name.
        source: the photo or video it was made from.

    Raises:
        InputError: if there is nothing of the kind, or it is damaged.
        AssetError: if its head is absent or another version.
    """
    path = Path(path)
    if (path / track_file.FILE_NAME).is_file() or path.suffix == ".npz":
        return _open_track(path, head, source)
    if path.suffix.lower() == ".glb" and path.is_file():
        return _open_glb(path, head)
    if path.is_dir() and not (path / FILE_NAME).is_file():
        inner = sorted(child for child in path.iterdir() if (child / FILE_NAME).is_file())
        hint = f"; did you mean {inner[0]}?" if inner else ""
        raise InputError(f"{path}: no {FILE_NAME} or {track_file.FILE_NAME} here{hint}")
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_file():
        raise InputError(f"{path}: give a result folder, a track.npz or a .glb")
    return _open_result(path, head, source)


def _open_result(path: Path, head_name: str | None, source: str | Path | None) -> Subject:
    record = read_result(path, photo=False)
    head = load_head(head_name or record.head)
    record = record.with_head(head)
    if not record.faces:
        raise InputError(f"{path}: holds no face")
    photo = Path(source) if source is not None else path / PHOTO_NAME
    image = read_image(photo) if source is not None or photo.is_file() else None
    return result_subject(path.resolve().name, head, record, image)


def result_subject(
    name: str, head: HeadModel, record: ResultRecord, image: NDArray[np.uint8] | None
) -> Subject:
    """Return the subject of a photo's result.

    Args:
        name: its name on the page.
        head: the result's head.
        record: the result, with at least one face.
        image: its photo ``[H, W, 3]``, if at hand.
    """
    faces = tuple(
        ShownFace(
            label=f"face {number}",
            parameters=face.parameters[None],
            frames=np.zeros(1, np.int64),
            T_crop_image=np.asarray(face.T_crop_image, np.float64)[None],
        )
        for number, face in enumerate(record.faces)
    )

    def save(folder: Path, parameters: Sequence[FaceParameters]) -> None:
        edited = (
            replace(face, parameters=moved[0])
            for face, moved in zip(record.faces, parameters, strict=True)
        )
        write_result(folder, replace(record, faces=tuple(edited), video=None))
        if image is not None:
            write_photo(folder, image)

    return Subject(
        name=name,
        head=head,
        faces=faces,
        image_size=record.image_size,
        timestamps=np.zeros(1),
        pictures=Photo(image) if image is not None else None,
        save=save,
    )


def _open_track(path: Path, head_name: str | None, source: str | Path | None) -> Subject:
    track = read_track(path)
    meta = track.meta
    head = load_head(head_name or str(meta.get("head")))
    if head.fingerprint != meta.get("head_fingerprint"):
        raise AssetError(f"{path}: made with another version of head {head.name!r}; track it again")
    if not len(track.ids) or not track.valid.any(1).all():
        raise InputError(f"{path}: holds no face")
    for person in range(len(track.ids)):
        check_parameters(track.parameters(person), str(path), head)
    folder = path if path.is_dir() else path.parent
    pictures = VideoFrames(source, len(track.timestamps)) if source is not None else None
    faces = tuple(
        ShownFace(
            label=f"face {number}",
            parameters=track.parameters(person),
            frames=track.frames(person),
            T_crop_image=track.rows["T_crop_image"][track.rows_of(person)].astype(np.float64),
        )
        for person, number in enumerate(track.ids.tolist())
    )
    return Subject(
        name=folder.resolve().name,
        head=head,
        faces=faces,
        image_size=track.image_size,
        timestamps=track.timestamps,
        pictures=pictures,
        save=_track_saver(track),
    )


def _track_saver(track: Track) -> Save:
    def save(folder: Path, parameters: Sequence[FaceParameters]) -> None:
        joined = FaceParameters.cat(list(parameters))
        rows = {**track.rows, **{name: to_numpy(getattr(joined, name)) for name in MOVING}}
        # a pinhole's translation belongs to the head pose that was
        rows.pop("translation", None)
        shape = np.stack([to_numpy(moved.shape[0]) for moved in parameters])
        replace(track, rows=rows, shape=shape).save(folder / track_file.FILE_NAME)

    return save


def _open_glb(path: Path, head_name: str | None) -> Subject:
    extras = _glb_extras(path)
    head = load_head(head_name or str(extras.get("head")))
    if head.fingerprint != extras.get("head_fingerprint"):
        raise AssetError(f"{path}: made with another version of head {head.name!r}; export it anew")
    still = parameters_from_json(extras.get("parameters"), str(path))
    check_parameters(still, str(path), head)
    face = ShownFace(
        label="face 0",
        parameters=still[None],
        frames=np.zeros(1, np.int64),
        T_crop_image=None,
    )

    def save(folder: Path, parameters: Sequence[FaceParameters]) -> None:
        write_parameters_json(folder / "parameters.json", head, parameters[0][0])

    return Subject(
        name=path.stem,
        head=head,
        faces=(face,),
        image_size=None,
        timestamps=np.zeros(1),
        pictures=None,
        save=save,
    )


def _glb_extras(path: Path) -> dict[str, Any]:
    """Return the extras that smirk3d writes into a GLB; refuse a GLB of another program."""
    origin = Origin(str(path), "GLB by smirk3d", "export it again")
    with origin.refusing(), origin.require_file().open("rb") as file:
        start = file.read(20)
        if start[:4] != MAGIC or start[16:20] != b"JSON":
            raise Unfit("no binary glTF")
        length = min(int.from_bytes(start[12:16], "little"), LARGEST_JSON + 1)
        content = require_object(parse_json(file.read(length), origin))
        extras = require_object(content.get("extras"), "extras")
        for key in ("head", "head_fingerprint"):
            require_text(extras, key)
    return extras
