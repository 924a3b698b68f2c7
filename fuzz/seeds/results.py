"""Files that commands write and later read: results, tracks, rigs, parameters, stores."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fuzz.inputs import Files, read_files
from fuzz.seeds.heads import tiny_head_file
from fuzz.seeds.pictures import jpeg
from smirk3d.export.glb import write_glb
from smirk3d.export.parameter_files import write_parameters_json, write_parameters_npz
from smirk3d.export.result import PHOTO_NAME, ResultRecord, result_record, write_result
from smirk3d.faces import Face
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.tracking.track_file import MOVING, Track

_FRAMES = 5


def _files(write: Callable[[Path], object]) -> Files:
    """Return the files that a function writes into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        return read_files(Path(folder))


def stored_tiny_head() -> HeadModel:
    """Return the synthetic head as its file gives it, rounded: its fingerprint is another."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny-named.npz"
        path.write_bytes(tiny_head_file())
        return load_head(path)


def _face(head: HeadModel, value: float = 0.1) -> FaceParameters:
    """Return one face's parameters, without batch dimension."""
    neutral = head.neutral(1)[0]
    return neutral.replace(shape=torch.full_like(neutral.shape, value))


def _record(head: HeadModel, faces: int) -> ResultRecord:
    found = tuple(
        Face(
            parameters=_face(head, 0.1 * number),
            head=head,
            detection=DetectedFace(
                box=np.array([4.0, 4.0, 40.0, 36.0], np.float32),
                score=0.9,
                landmarks=np.zeros((0, 3), np.float32),
            ),
            quality=0.8,
        )
        for number in range(faces)
    )
    return replace(
        result_record("portrait.jpg", (48, 40), found),
        video={"frames": _FRAMES, "rate": "25/1", "faces": [[0, 1, 2, 3, 4]]},
    )


def result_seeds() -> list[Files]:
    """Return result folders of one face and of two, with the photo and without."""
    head = stored_tiny_head()
    seeds = []
    for faces in (1, 2):
        files = _files(lambda folder, n=faces: write_result(folder, _record(head, n)))  # type: ignore[misc]
        seeds += [files, {**files, PHOTO_NAME: jpeg()}]
    return seeds


def rig_seeds() -> list[Files]:
    """Return a GLB as `reconstruct` writes it."""
    head = stored_tiny_head()
    return [_files(lambda folder: write_glb(folder / "face-0.glb", head, _face(head)))]


def parameter_seeds() -> list[Files]:
    """Return one face's parameters as JSON and as npz."""
    head = stored_tiny_head()
    return [
        _files(lambda folder: write_parameters_json(folder / "a.json", head, _face(head))),
        _files(lambda folder: write_parameters_npz(folder / "a.npz", head, _face(head))),
    ]


def _track(head: HeadModel, people: int) -> Track:
    face = _face(head)
    valid = np.ones((people, _FRAMES), bool)
    valid[:, -1] = False
    count = int(valid.sum())
    rows = {name: np.tile(getattr(face, name).numpy(), (count, 1)) for name in MOVING}
    rows["T_crop_image"] = np.tile(np.eye(3), (count, 1, 1))
    rows["box"] = np.tile(np.array([4.0, 4.0, 40.0, 36.0], np.float32), (count, 1))
    rows["score"] = rows["quality"] = np.ones(count)
    meta = {
        "input": "clip.mp4", "image_size": [64, 48], "rate": "25/1", "head": head.name,
        "head_fingerprint": head.fingerprint, "weights": {"name": "none", "sha256": None},
        "smoothing": "off", "complete": True, "damage": None,
    }  # fmt: skip
    return Track(
        meta=meta,
        timestamps=np.arange(_FRAMES) / 25,
        ids=np.arange(people),
        valid=valid,
        shape=np.tile(face.shape.numpy(), (people, 1)),
        rows=rows,
    )


def track_seeds() -> list[Files]:
    """Return tracks of one person, two, and nobody."""
    head = stored_tiny_head()
    return [
        _files(lambda folder, n=people: _track(head, n).save(folder / "track.npz"))  # type: ignore[misc]
        for people in (1, 2, 0)
    ]
