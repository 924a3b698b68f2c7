"""From folders of photos and videos to shards that training reads.

Each shard is a webdataset: ``KEY.jpg``, the crop, and ``KEY.json``, what is known of it. Beside it
lies a part of the annotations; when all shards are done the parts are joined to
``annotations.npz``, and what was refused is listed with the reason in ``refused.json``.
:func:`~smirk3d.data.annotated_faces.read_annotated_faces` reads the folder.
"""

from __future__ import annotations

import io
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
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
from smirk3d.errors import InputError, NoFaceFound, OutputError
from smirk3d.preprocessing.face_crop import crop_face, transform_points
from smirk3d.preprocessing.face_detector import DetectedFace, FaceDetector
from smirk3d.preprocessing.face_quality import quality_report
from smirk3d.preprocessing.image_io import read_image
from smirk3d.preprocessing.video_reader import VideoReader

_SPREAD = 1000
"""Keys of one photo or video lie within this many steps of the held-out divisor."""


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """How pictures become shards.

    Attributes:
        crop_scale: side of the stored crop in landmark boxes; training draws tighter ones from it.
        min_quality: faces below this quality are refused.
        min_size: so are faces whose landmark box is smaller, in pixels.
        frames: at most so many pictures of a video, evenly spread.
        items: photos or videos in a shard.
        jpeg_quality: of the stored crops.
        processes: that work at the same time.
    """

    crop_scale: float = 1.9
    min_quality: float = 0.1
    min_size: float = 48.0
    frames: int = 12
    items: int = 256
    jpeg_quality: int = 94
    processes: int = 1


@dataclass
class PreprocessReport:
    """What came of it.

    Attributes:
        faces: number of faces in the shards.
        refused: files (``FILE`` or ``FILE#FRAME``) with the reason.
    """

    faces: int = 0
    refused: dict[str, str] = field(default_factory=dict)


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
    on_progress: Callable[[int, int], None] | None = None,
) -> PreprocessReport:
    """Write shards of a data set's faces; go on where an earlier call was cut off.

    The largest face of each picture is taken. A file that cannot be used is refused with its
    reason, and the others are done.

    Args:
        items: see :func:`~smirk3d.data.adapters.media_items`.
        out: folder of the shards; a shard that is there already is not made again.
        config: settings; the same ones as in the earlier call.
        make_detector: called once in each process.
        on_progress: called with the numbers of shards done and in all.

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
    open_jobs = [job for job in jobs if not _part(job).is_file()]
    count, done = len(jobs), len(jobs) - len(open_jobs)
    for _ in _run(open_jobs, config.processes):
        done += 1
        if on_progress is not None:
            on_progress(done, count)
    return _join(jobs, out)


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


def _run(jobs: Sequence[_Job], processes: int) -> Iterator[None]:
    if processes > 1 and len(jobs) > 1:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            yield from pool.imap_unordered(_make_shard, jobs)
    else:
        yield from map(_make_shard, jobs)


def _make_shard(job: _Job) -> None:
    """Write one shard: its tar, then its refusals, then the annotations that mark it done."""
    writer_kind = require("webdataset", extra="train").TarWriter
    detector = job.make_detector()
    refused: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    with (
        atomic_path(job.stem.with_suffix(".tar")) as temporary,
        temporary.open("wb") as stream,
        writer_kind(stream) as writer,
    ):
        for number, item in enumerate(job.items, start=job.first_item):
            for row, jpeg in _faces(item, number, detector, job.config, refused):
                known = {k: v for k, v in row.items() if not isinstance(v, np.ndarray)}
                name = row["key"]
                writer.write({"__key__": name, "jpg": jpeg, "json": json.dumps(known).encode()})
                rows.append(row)
    with atomic_path(job.stem.with_suffix(".refused.json")) as temporary:
        temporary.write_text(json.dumps(refused), encoding="utf-8")
    with atomic_path(_part(job)) as temporary:
        np.savez_compressed(temporary, **_arrays(rows))  # type: ignore[arg-type]


def _faces(
    item: MediaItem,
    number: int,
    detector: FaceDetector,
    config: PreprocessConfig,
    refused: dict[str, str],
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield each usable face of an item with its crop; note the others."""
    try:
        pictures = (
            ((frame.index, frame.image) for frame in VideoReader(item.path).spread(config.frames))
            if item.is_video
            else [(0, read_image(item.path))]
        )
        for nth, (frame, picture) in enumerate(pictures):
            name = f"{item.path}#{frame}" if item.is_video else str(item.path)
            try:
                yield _face(picture, item, _key(number, nth), detector, config)
            except NoFaceFound as error:
                refused[name] = str(error)
    except InputError as error:
        refused[str(item.path)] = str(error)


def _key(number: int, nth: int) -> str:
    """Return a key; all frames of an item share the remainder that decides what is held out."""
    block, remainder = divmod(number, HELD_OUT_DIVISOR)
    return f"{(block * _SPREAD + nth % _SPREAD) * HELD_OUT_DIVISOR + remainder:09d}"


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
    known = face.blendshapes or {}
    return np.array([known.get(name, 0.0) for name in ARKIT_NAMES], np.float16)


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
        part, refused = _part(job), job.stem.with_suffix(".refused.json")
        parts.append(read_npz(part, _origin(part), _PART_RULES, budget=LARGEST_ANNOTATIONS))
        with _origin(refused).refusing():
            report.refused |= require_object(read_json_file(_origin(refused)))
    parts = [part for part in parts if len(part["key"])] or parts[:1]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    joined["blendshape_names"] = parts[0]["blendshape_names"]
    report.faces = len(joined["key"])
    with atomic_path(out / "annotations.npz") as temporary:
        np.savez_compressed(temporary, **joined)  # type: ignore[arg-type]
    with atomic_path(out / "refused.json") as temporary:
        temporary.write_text(json.dumps(report.refused, indent=1), encoding="utf-8")
    if not report.faces:
        raise OutputError(f"{out}: no face in any file could be used; see refused.json")
    return report
