"""The folder in which `track` keeps the stretches of a clip that are done."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import torch

from fuzz.inputs import Files, read_files
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.motion.smoothing import LiveSmoother
from smirk3d.tracking.track_store import TrackStore
from smirk3d.tracking.tracker import FaceTracker, TrackedFace
from smirk3d.tracking.tracks.face_track import FaceTrack
from smirk3d.tracking.tracks.person_shape import PersonShape

JOB: dict[str, object] = {"input": "clip.mp4", "digest": "0", "weights": "none"}
"""Job of the made stores."""

_FRAMES = 3


def tracker() -> FaceTracker:
    """Return a tracker that has seen one face, without a detector's run."""
    made = FaceTracker(FaceReconstructor(head=tiny_head(), weights="none"))
    face = _face()
    shape = PersonShape()
    shape.add(face.shape.numpy(), 1.0)
    made.registry.tracks.append(
        FaceTrack(
            id=0,
            shape=shape,
            outline=np.array([[4.0, 4.0], [40.0, 40.0]]),
            roll=0.0,
            parameters=face,
            T_crop_image=np.eye(3),
            appearance=np.zeros(8, np.float32),
            smoother=LiveSmoother(made.head, made.config.smoothing),
            seconds=0.1,
            score=0.9,
        )
    )
    return made


def _face() -> FaceParameters:
    neutral = tiny_head().neutral(1)[0]
    return neutral.replace(shape=torch.full_like(neutral.shape, 0.1))


def close(store: TrackStore) -> None:
    """Let go of a store's folder, which some versions lock."""
    with contextlib.suppress(AttributeError):
        store.close()  # type: ignore[attr-defined, unused-ignore]


def store_seeds() -> list[Files]:
    """Return stores of two stretches: of a face, and of nobody."""
    seeds = []
    with tempfile.TemporaryDirectory() as name:
        for people in (1, 0):
            folder = Path(name) / str(people)
            store, known = TrackStore(folder, JOB), tracker()
            for frame in range(2 * _FRAMES):
                store.add(frame / 25, (64, 48), [_tracked()] * people)
                if store.num_pending == _FRAMES:
                    store.flush(known)
            close(store)
            files = read_files(folder)
            seeds.append({name: data for name, data in files.items() if data})
    return seeds


def _tracked() -> TrackedFace:
    return TrackedFace(
        id=0,
        parameters=_face(),
        T_crop_image=np.eye(3),
        head=tiny_head(),
        detection=DetectedFace(
            box=np.array([4.0, 4.0, 40.0, 40.0], np.float32),
            score=0.9,
            landmarks=np.empty((0, 3), np.float32),
        ),
        points=np.zeros((4, 2)),
        quality=0.8,
    )
