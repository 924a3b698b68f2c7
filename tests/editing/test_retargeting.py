from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from smirk3d.editing.photo_editor import PhotoEditor
from smirk3d.editing.provenance import NOTICE, SOURCE_TYPE
from smirk3d.editing.retargeting import performance, reduced, write_retargeted
from smirk3d.errors import InputError
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.tracking.track_file import MOVING, Track
from tests.editing.test_photo_editor import _photo, _still_inpainter, _transform


def _track(frames: FaceParameters) -> Track:
    count = len(frames)
    rows = {name: getattr(frames, name).numpy() for name in MOVING}
    valid = np.zeros((1, count + 3), bool)
    valid[0, 2:-1] = True
    rows["T_crop_image"] = np.tile(np.eye(3), (count, 1, 1))
    return Track(
        meta={"image_size": [64, 48]}, timestamps=np.arange(count + 3) / 25.0,
        ids=np.array([7]), valid=valid, shape=frames.shape[:1].numpy(), rows=rows,
    )  # fmt: skip


def test_a_track_plays_on_a_photo(tmp_path: Path) -> None:
    head = load_head("open")
    played = head.neutral(5)
    jaw = torch.zeros(5, 3)
    jaw[:, 0] = torch.linspace(0, 1, 5)
    frames, seconds = performance(_track(played.replace(jaw=jaw)), 0)
    assert seconds.tolist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    face = head.neutral()[0]
    target = head.neutral(5).replace(jaw=frames.jaw)
    done: list[tuple[int, int]] = []
    small, transform = reduced(_photo()[:-1, :-1], _transform())
    assert small.shape[0] % 2 == small.shape[1] % 2 == 0
    path = tmp_path / "talks.mp4"
    write_retargeted(
        path, PhotoEditor(head, _still_inpainter()), small, transform, face, target, seconds,
        on_progress=lambda at, total: done.append((at, total)),
    )  # fmt: skip
    assert done[-1] == (5, 5)
    with av.open(str(path)) as video:
        comment = video.metadata["comment"]
        assert NOTICE in comment
        assert SOURCE_TYPE in comment
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]
    assert len(pictures) == 5
    assert np.abs(pictures[4] - pictures[0]).max() > 40
    assert np.abs(pictures[0] - small).mean() < 4


def test_a_missing_person_is_named() -> None:
    with pytest.raises(InputError, match="1 people"):
        performance(_track(load_head("open").neutral(2)), 1)


def test_large_photos_are_reduced_for_video() -> None:
    small, transform = reduced(np.zeros((3001, 2000, 3), np.uint8), np.eye(3))
    assert small.shape == (1280, 854, 3)
    assert (transform @ [854, 1280, 1])[:2] == pytest.approx([2000, 3001])
