"""From folders of photos and videos to shards that training reads.

Each shard is a webdataset: ``KEY.jpg``, the crop, and ``KEY.json``, its annotations. Beside it
lies a part of the annotations; when all shards are done the parts are joined to
``annotations.npz``. Photos that are not used are listed with the reason in ``refused.json``, files
that cannot be read in ``failed.json``.
:func:`~smirk3d.data.annotated_faces.read_annotated_faces` reads the folder.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import read_json_file, require_object
from smirk3d.assets.foreign.npz import read_npz
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import TEXT, WHOLE, ArrayRule
from smirk3d.assets.optional import require
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.data.adapters import MediaItem
from smirk3d.data.annotated_faces import HELD_OUT_DIVISOR, LANDMARK_STEPS, LARGEST_ANNOTATIONS
from smirk3d.data.preprocess_config import PreprocessConfig
from smirk3d.engines.supervisor import run_local
from smirk3d.engines.work import Engine
from smirk3d.errors import InputError, MissingExtra, NoFaceFound, OutputError, reason
from smirk3d.preprocessing.face_crop import crop_face, transform_points
from smirk3d.preprocessing.face_detector import DetectedFace, FaceDetector
from smirk3d.preprocessing.face_quality import quality_report
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.preprocessing.media.video_reader import VideoReader

_LISTS = ("refused", "failed")
"""Lists of files with reasons, one for each shard and one for all."""

_KEYS_AN_ITEM = 1000
"""Number of keys of one photo or video: more frames than are taken of any video."""


@dataclass
class PreprocessReport:
    """The result of preprocessing.

    Attributes:
        faces: number of faces in the shards.
        refused: reasons by file (``FILE`` or ``FILE#FRAME``) that was read but is not used.
        failed: reasons by file that could not be read, or not to its end.
        missing: number of shards that other runs of a batch array have still to make; the counts
            above are of all shards, once there are none.
    """

    faces: int = 0
    missing: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Job:
    number: int
    items: Sequence[MediaItem]
    first_item: int
    folder: Path
    config: PreprocessConfig
    make_detector: Callable[[], FaceDetector]

    @property
    def stem(self) -> Path:
        return self.folder / f"faces-{self.number:05d}"


def preprocess(
    items: Sequence[MediaItem],
    out: str | Path,
    config: PreprocessConfig,
    make_detector: Callable[[], FaceDetector],
    *,
    engine: Engine | None = None,
    part: tuple[int, int] = (1, 1),
    on_progress: Callable[[int, int], None] | None = None,
) -> PreprocessReport:
    """Write shards of a data set's faces; go on where an earlier call was cut off.

    The largest face of each picture is taken. A file that cannot be used is listed with the
    reason, and the others are done, also where it kills the process that reads it.

    Args:
        items: see :func:`~smirk3d.data.adapters.media_items`.
        out: folder of the shards; a shard that is there already is not made again.
        config: settings; the same ones as in the earlier call.
        make_detector: called once for each shard.
        engine: who makes them; processes of this machine unless given.
        part: number, from 1, and count of runs that share the folder: each makes every
            count-th shard, and the one that ends last joins the annotations.
        on_progress: called with the numbers of shards done and in all of this part.

    Raises:
        InputError: if the folder holds shards of other items or settings.
        OutputError: if the shards cannot be written.
        MissingExtra: if webdataset is not installed.
    """
    require("webdataset", extra="train")
    out = Path(out)
    _claim(out, items, config)
    jobs = [
        _Job(n, items[first : first + config.items], first, out, config, make_detector)
        for n, first in enumerate(range(0, len(items), config.items))
    ]
    engine = engine or partial(run_local, processes=config.processes)
    mine = jobs[part[0] - 1 :: part[1]]
    open_jobs = [job for job in mine if not _is_done(job)]
    done = len(mine) - len(open_jobs)
    for _ in engine(_make_shard, open_jobs):
        done += 1
        if on_progress is not None:
            on_progress(done, len(mine))
    missing = sum(not _is_done(job) for job in jobs)
    return PreprocessReport(missing=missing) if missing else _join(jobs, out)


def _claim(out: Path, items: Sequence[MediaItem], config: PreprocessConfig) -> None:
    """Write down what the folder is for, or check it."""
    settings = {k: v for k, v in asdict(config).items() if k != "processes"}
    claim = json.dumps({"settings": settings, "items": [str(item.path) for item in items]})
    path = out / "preprocess.json"
    if path.is_file():
        if path.read_text(encoding="utf-8") != claim:
            raise InputError(
                f"{out}: holds shards of other files or settings; choose another folder"
            )
        return
    with atomic_path(path) as temporary:
        temporary.write_text(claim, encoding="utf-8")


def _part(job: _Job) -> Path:
    return job.stem.with_suffix(".npz")


def _list(job: _Job, what: str) -> Path:
    return job.stem.with_suffix(f".{what}.json")


def _is_done(job: _Job) -> bool:
    return all(path.is_file() for path in (_part(job), *(_list(job, what) for what in _LISTS)))


def _make_shard(job: _Job, left_out: Mapping[int, str], begin: Callable[[int], None]) -> None:
    """Write one shard: its tar, then its refusals, then the annotations that mark it done."""
    writer_kind = require("webdataset", extra="train").TarWriter
    detector = job.make_detector()
    report = PreprocessReport(failed={str(job.items[n].path): why for n, why in left_out.items()})
    rows: list[dict[str, Any]] = []
    with (
        atomic_path(job.stem.with_suffix(".tar")) as temporary,
        temporary.open("wb") as stream,
        writer_kind(stream, mtime=0) as writer,  # equal faces give equal bytes
    ):
        for number, item in enumerate(job.items):
            if number in left_out:
                continue
            begin(number)
            for row, jpeg in _faces(item, job.first_item + number, detector, job.config, report):
                texts = {k: v for k, v in row.items() if not isinstance(v, np.ndarray)}
                name = row["key"]
                writer.write({"__key__": name, "jpg": jpeg, "json": json.dumps(texts).encode()})
                rows.append(row)
    for what in _LISTS:
        with atomic_path(_list(job, what)) as temporary:
            temporary.write_text(json.dumps(getattr(report, what)), encoding="utf-8")
    with atomic_path(_part(job)) as temporary:
        np.savez_compressed(temporary, **_arrays(rows))  # type: ignore[arg-type]


def _faces(
    item: MediaItem,
    number: int,
    detector: FaceDetector,
    config: PreprocessConfig,
    report: PreprocessReport,
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield each usable face of an item with its crop; note the others.

    Any error of a file is the file's: decoders raise what they like.
    """
    try:
        pictures = (
            (
                (frame.index, frame.image)
                for frame in VideoReader(item.path).evenly_spaced(config.frames)
            )
            if item.is_video
            else [(0, read_image(item.path))]
        )
        for nth, (frame, picture) in enumerate(pictures):
            name = f"{item.path}#{frame}" if item.is_video else str(item.path)
            try:
                yield _face(picture, item, _key(number, nth), detector, config)
            except NoFaceFound as error:
                report.refused[name] = str(error)
    except MissingExtra:
        raise  # of every file of the kind: nothing was wrong with this one
    except Exception as error:
        report.failed[str(item.path)] = reason(error)


def _key(number: int, nth: int) -> str:
    """Return a key; all frames of an item share the remainder that decides what is held out."""
    block, remainder = divmod(number, HELD_OUT_DIVISOR)
    return f"{(block * _KEYS_AN_ITEM + nth % _KEYS_AN_ITEM) * HELD_OUT_DIVISOR + remainder:09d}"


def _face(
    picture: NDArray[np.uint8],
    item: MediaItem,
    key: str,
    detector: FaceDetector,
    config: PreprocessConfig,
) -> tuple[dict[str, Any], bytes]:
    found = detector.detect(picture)
    if not found:
        raise NoFaceFound("no face")
    face = found[0]
    quality = quality_report(picture, face.landmarks)
    if quality.size < config.min_size:
        raise NoFaceFound(f"the face is {quality.size:.0f} pixels wide")
    if quality.overall < config.min_quality:
        raise NoFaceFound(f"the quality is {quality.overall:.2f}")
    crop, to_crop = crop_face(picture, face.landmarks, scale=config.crop_scale)
    landmarks = transform_points(to_crop, face.landmarks)
    stream = io.BytesIO()
    Image.fromarray(crop).save(stream, "JPEG", quality=config.jpeg_quality, subsampling=0)
    row = {
        "key": key, "source": item.source, "person": item.person, "label": item.label,
        "origin": str(item.path), "sharpness": round(quality.sharpness, 4),
        "quality": round(quality.overall, 4), "oval_inside": round(quality.inside, 4),
        "landmarks_xy": np.round(landmarks[:, :2] * LANDMARK_STEPS).astype(np.int16),
        "landmarks_z": landmarks[:, 2].astype(np.float16), "blendshapes": _blendshapes(face),
    }  # fmt: skip
    return row, stream.getvalue()


def _blendshapes(face: DetectedFace) -> NDArray[np.float16]:
    estimated = face.blendshapes or {}
    return np.array([estimated.get(name, 0.0) for name in ARKIT_NAMES], np.float16)


def _arrays(rows: Sequence[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    def column(name: str, dtype: Any, *shape: int) -> NDArray[Any]:
        return np.array([row[name] for row in rows], dtype).reshape(len(rows), *shape)

    texts = {name: column(name, np.str_) for name in ("key", "source", "person", "label", "origin")}
    numbers = {name: column(name, np.float32) for name in ("sharpness", "quality", "oval_inside")}
    return {
        **texts,
        **numbers,
        "landmarks_xy": column("landmarks_xy", np.int16, 478, 2),
        "landmarks_z": column("landmarks_z", np.float16, 478),
        "blendshapes": column("blendshapes", np.float16, len(ARKIT_NAMES)),
        "blendshape_names": np.array(ARKIT_NAMES),
    }


_PART_RULES = {
    **{name: ArrayRule("N", TEXT) for name in ("key", "source", "person", "label", "origin")},
    **{name: ArrayRule("N") for name in ("sharpness", "quality", "oval_inside")},
    "landmarks_xy": ArrayRule("N 478 2", WHOLE),
    "landmarks_z": ArrayRule("N 478"),
    "blendshapes": ArrayRule("N A"),
    "blendshape_names": ArrayRule("A", TEXT),
}


def _origin(path: Path) -> Origin:
    return Origin(str(path), "part of this run", "remove it and run again")


def _join(jobs: Sequence[_Job], out: Path) -> PreprocessReport:
    report = PreprocessReport()
    parts: list[dict[str, NDArray[Any]]] = []
    for job in jobs:
        part = _part(job)
        parts.append(read_npz(part, _origin(part), _PART_RULES, budget=LARGEST_ANNOTATIONS))
        for what in _LISTS:
            listed = _origin(_list(job, what))
            with listed.refusing():
                getattr(report, what).update(require_object(read_json_file(listed)))
    parts = [part for part in parts if len(part["key"])] or parts[:1]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    joined["blendshape_names"] = parts[0]["blendshape_names"]
    report.faces = len(joined["key"])
    with atomic_path(out / "annotations.npz") as temporary:
        np.savez_compressed(temporary, **joined)  # type: ignore[arg-type]
    for what in _LISTS:
        with atomic_path(out / f"{what}.json") as temporary:
            temporary.write_text(json.dumps(getattr(report, what), indent=1), encoding="utf-8")
    if not report.faces:
        raise OutputError(
            f"{out}: no face in any file could be used; see refused.json and failed.json"
        )
    return report
