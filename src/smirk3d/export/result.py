"""``result.json``, what a run found in one picture, and the picture, to read again later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.file_lists import RESULT_NAME, RESULT_SCHEMA
from smirk3d.assets.foreign.json_text import (
    is_number,
    is_whole,
    require_object,
    require_text,
)
from smirk3d.assets.foreign.origin import Origin, Unfit, one_line
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, InputError
from smirk3d.export.parameter_files import (
    check_parameters,
    parameters_from_json,
    parameters_to_json,
    read_json,
)
from smirk3d.faces import Face, HeadReference, Picture
from smirk3d.heads.head_model import HeadModel
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.preprocessing.media.image_io import read_image

SCHEMA = RESULT_SCHEMA
FILE_NAME = RESULT_NAME
PHOTO_NAME = "photo.jpg"
"""The upright picture in a result folder, reduced to ``_PHOTO_SIDE``: the folder needs no other."""

_PHOTO_SIDE = 2048
"""Pixels of the longer side, a choice: a page on a large screen shows no more."""
_MOST_FACES = 10_000
"""In a picture; a detector finds up to a few hundred, a video names up to a few people."""
_LARGEST_SIDE = 1 << 17
"""Pixels; JPEG ends at 65,535, and twice as much is read."""
_LARGEST_PIXEL = 1e9
"""Pixels of a box, a landmark or a transform: beyond any picture's, and far from overflow."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ResultRecord:
    """A result: where it comes from and its faces.

    Attributes:
        input: the picture, as the user named it.
        image_size: width and height of the upright picture.
        head: name of the head.
        head_fingerprint: of the head's arrays.
        weights: name of the weights, ``none`` for a fit.
        weights_sha256: hash of the weights' file, None for a fit.
        faces: the picture's faces, the largest first.
        video: what a video adds: frames, rate, and each face's frames; None for a picture.
    """

    input: str
    image_size: tuple[int, int]
    head: str
    head_fingerprint: str
    weights: str
    weights_sha256: str | None = None
    faces: tuple[Face, ...]
    video: Mapping[str, Any] | None = None

    def check_head(self, head: HeadModel) -> None:
        """Refuse a head that the parameters do not belong to.

        Raises:
            AssetError: if its fingerprint differs.
            InputError: if the parameters have other sizes than the head's.
        """
        if head.fingerprint != self.head_fingerprint:
            raise AssetError(
                f"{one_line(self.input)}: made with another version of head {self.head!r};"
                " reconstruct it again"
            )
        for face in self.faces:
            check_parameters(face.parameters, one_line(self.input), head)

    def with_head(self, head: HeadModel) -> ResultRecord:
        """Return the result with its head at hand, instead of the head's name alone.

        Raises:
            AssetError: if its fingerprint differs.
            InputError: if the parameters have other sizes than the head's.
        """
        self.check_head(head)
        return replace(self, faces=tuple(face.with_head(head) for face in self.faces))

    def __repr__(self) -> str:
        """Return input, head and number of faces on one line."""
        return (
            f"ResultRecord({self.input!r}, head={self.head!r}, weights={self.weights!r}, "
            f"faces={len(self.faces)})"
        )


def result_record(source: str, size: tuple[int, int], faces: Sequence[Face]) -> ResultRecord:
    """Return the result of one picture.

    Args:
        source: the picture, as the user named it.
        size: width and height of the upright picture.
        faces: the picture's faces, at least one, all of the same head and weights.
    """
    first = faces[0]
    return ResultRecord(
        input=source,
        image_size=size,
        head=first.head.name,
        head_fingerprint=first.head.fingerprint,
        weights=first.weights,
        weights_sha256=first.weights_sha256,
        faces=tuple(faces),
    )


def write_result(folder: Path, record: ResultRecord) -> None:
    """Write ``result.json`` into a folder, atomically.

    Raises:
        OutputError: if it cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "input": record.input,
        "image_size": list(record.image_size),
        "head": record.head,
        "head_fingerprint": record.head_fingerprint,
        "weights": {"name": record.weights, "sha256": record.weights_sha256},
        "faces": [_face_to_json(face) for face in record.faces],
    }
    if record.video is not None:
        content["video"] = dict(record.video)
    with atomic_path(Path(folder) / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_photo(folder: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture ``[H, W, 3]`` as ``photo.jpg`` into a result folder, atomically.

    Raises:
        OutputError: if it cannot be written.
    """
    picture = Image.fromarray(image)
    picture.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE), Image.Resampling.LANCZOS)
    with atomic_path(Path(folder) / PHOTO_NAME) as temporary:
        picture.save(temporary, quality=92)


def read_photo(folder: str | Path) -> NDArray[np.uint8] | None:
    """Return the picture ``[H, W, 3]`` that a result folder keeps, None if it has none.

    Raises:
        InputError: if it is damaged.
    """
    path = Path(folder) / PHOTO_NAME
    return read_image(path) if path.is_file() else None


def _face_to_json(face: Face) -> dict[str, Any]:
    groups = parameters_to_json(face.parameters)
    camera = groups.pop("camera")
    detection = face.detection
    return {
        "box": np.asarray(detection.box if detection else np.zeros(4), np.float64).tolist(),
        "score": float(detection.score) if detection else 0.0,
        "quality": float(face.quality or 0.0),
        "parameters": groups,
        "arkit": face.arkit() if face.model().has_named_actions else None,
        "camera": camera,
        "T_crop_image": np.asarray(face.T_crop_image, np.float64).tolist(),
        **_certainty_to_json(face),
    }


def _certainty_to_json(face: Face) -> dict[str, Any]:
    """Return the entries of a face whose estimate gives standard deviations."""
    if face.std is None:
        return {}
    return {"std": parameters_to_json(face.std), "confidence": face.confidence()}


def read_result(folder: str | Path, *, photo: bool = True) -> ResultRecord:
    """Return the result of a folder that a run made.

    Args:
        folder: the result folder, ``OUT/STEM``.
        photo: give the faces the picture that the folder keeps, so that files and overlays made of
            them show it.

    Raises:
        InputError: if there is none, or it is damaged or of another schema.
    """
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        raise InputError(f"{folder}: no {FILE_NAME} here; give a result folder, OUT/STEM")
    content = read_json(path)
    origin = Origin(str(path), "result", "reconstruct the input again")
    with origin.refusing():
        record = _record_from_json(content, str(path))
    pixels = read_photo(folder) if photo else None
    picture = Picture(path=record.input, size=record.image_size, pixels=pixels)
    return replace(record, faces=tuple(replace(face, picture=picture) for face in record.faces))


def _record_from_json(content: dict[str, Any], path: str) -> ResultRecord:
    if content.get("schema") != SCHEMA:
        raise Unfit(f"its schema is {content.get('schema')!r}, not {SCHEMA!r}")
    weights = require_object(content.get("weights"), "weights")
    sha256 = weights.get("sha256")
    faces, video = content.get("faces"), content.get("video")
    if not isinstance(faces, list) or len(faces) > _MOST_FACES:
        raise Unfit(f"faces is no list of up to {_MOST_FACES} faces")
    empty = ResultRecord(
        input=require_text(content, "input"),
        image_size=_image_size(content.get("image_size")),
        head=require_text(content, "head"),
        head_fingerprint=require_text(content, "head_fingerprint"),
        weights=require_text(weights, "name"),
        weights_sha256=require_text(weights, "sha256") if sha256 is not None else None,
        faces=(),
        video=require_object(video, "video") if video is not None else None,
    )
    head = HeadReference(empty.head, empty.head_fingerprint)
    found = tuple(_face_from_json(face, path, head) for face in faces)
    return replace(
        empty,
        faces=tuple(
            replace(face, weights=empty.weights, weights_sha256=empty.weights_sha256)
            for face in found
        ),
    )


def _image_size(value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise Unfit("image_size is not width and height")
    width, height = value
    if not all(is_whole(n) and 0 < n <= _LARGEST_SIDE for n in (width, height)):
        raise Unfit(f"image_size is {value!r}, not two numbers from 1 to {_LARGEST_SIDE}")
    return width, height


def _face_from_json(content: Any, source: str, head: HeadReference) -> Face:
    face = require_object(content, "a face")
    groups = {**require_object(face["parameters"], "parameters"), "camera": face["camera"]}
    _check_arkit(face["arkit"])
    detection = DetectedFace(
        box=_finite(face["box"], (4,), "box").astype(np.float32),
        score=_unit_interval(face["score"], "score"),
        landmarks=np.zeros((0, 3), np.float32),
    )
    return Face(
        parameters=parameters_from_json(groups, source),
        head=head,
        T_crop_image=_finite(face["T_crop_image"], (3, 3), "T_crop_image"),
        detection=detection,
        quality=_unit_interval(face["quality"], "quality"),
        std=parameters_from_json(face["std"], source) if "std" in face else None,
    )


def _check_arkit(weights: Any) -> None:
    """Refuse damaged weights; a face's weights follow from its parameters."""
    if weights is not None:
        by_name = require_object(weights, "arkit")
        _finite([by_name[name] for name in ARKIT_NAMES], (len(ARKIT_NAMES),), "arkit")


def _unit_interval(value: Any, name: str) -> float:
    if not is_number(value) or not 0 <= value <= 1:
        raise Unfit(f"{name} is {value!r}, not a number from 0 to 1")
    return float(value)


def _finite(values: Any, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    array = np.array(values, np.float64) if isinstance(values, list) else np.zeros(())
    if array.shape != shape or not (np.abs(array) <= _LARGEST_PIXEL).all():
        raise Unfit(f"{name} is not {list(shape)} numbers below {_LARGEST_PIXEL:g}")
    return array
