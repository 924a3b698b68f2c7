"""A result and a track of one portrait, made without a detector's run a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage import data

from smirk3d.export.result import result_record, write_photo, write_result
from smirk3d.faces import Face
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.tracking.track_file import MOVING, Track
from tests.tracking.clips import write_video

FRAMES = 12


def photo() -> np.ndarray:
    """A photograph of a face (NASA, from scikit-image)."""
    return data.astronaut()


def make_result(folder: Path, face: Face, *, source: str = "portrait.jpg") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_result(folder, result_record(source, (photo().shape[1], photo().shape[0]), [face]))
    write_photo(folder, photo())
    return folder


def opening_jaw(face: Face) -> FaceParameters:
    """The face over FRAMES frames in which its jaw opens, its left corner smiles."""
    frames = face.parameters[None].repeat_interleave(FRAMES)
    steps = np.linspace(0, 0.9, FRAMES)
    frames.jaw[:, 0] = frames.jaw.new_tensor(steps)
    smile = face.head.expression_names.index("mouthSmileLeft")
    frames.expression[:, smile] = frames.expression.new_tensor(steps)
    return frames


def make_track(folder: Path, face: Face, *, people: int = 1) -> Path:
    """Write a track in which the last frame shows nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    head, frames = face.head, opening_jaw(face)
    valid = np.ones((people, FRAMES + 1), bool)
    valid[:, -1] = False
    rows = {name: np.tile(getattr(frames, name).numpy(), (people, 1)) for name in MOVING}
    count = people * FRAMES
    rows["T_crop_image"] = np.tile(face.T_crop_image, (count, 1, 1))
    rows["box"] = np.tile(np.asarray(face.detection.box), (count, 1))
    rows["score"] = rows["quality"] = np.ones(count)
    track = Track(
        meta=_meta(head),
        timestamps=np.arange(FRAMES + 1) / 60,
        ids=np.arange(people),
        valid=valid,
        shape=np.tile(face.parameters.shape.numpy(), (people, 1)),
        rows=rows,
    )
    track.save(folder / "track.npz")
    return folder


def _meta(head: HeadModel) -> dict[str, object]:
    return {
        "input": "/nowhere/clip.mp4",
        "image_size": [512, 512],
        "rate": "60/1",
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "weights": {"name": "none", "sha256": None},
        "smoothing": "off",
        "complete": True,
        "damage": None,
    }


def make_video(path: Path) -> Path:
    """Write the portrait as a video that gets darker."""
    frames = ((photo() * (1 - 0.04 * n)).astype(np.uint8) for n in range(FRAMES + 1))
    return write_video(path, frames, rate=60)
