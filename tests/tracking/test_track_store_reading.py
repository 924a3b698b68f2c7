"""Stretches of a clip that another run or a crash has touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smirk3d.errors import InputError, OutputError
from smirk3d.heads.tiny import tiny_head
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.chunk_files import read_chunks
from smirk3d.tracking.state_text import state_from_text, state_to_text
from smirk3d.tracking.track_store import TrackStore
from smirk3d.tracking.tracker import FaceTracker, TrackedFace


class _Tracker:
    clip = None

    def __init__(self) -> None:
        self.people: dict[int, Any] = {}

    def shapes(self) -> dict[int, Any]:
        return self.people

    def renamed(self) -> dict[int, int]:
        return {}

    def state(self) -> dict[str, Any]:
        return {"n": 1}


def _fill(store: TrackStore, frames: range) -> None:
    """Write a chunk in which frames show nobody."""
    store._first = frames.start
    for number in frames:
        store.add(number / 30, (9, 9), [])
    store.flush(_Tracker())  # type: ignore[arg-type]


def test_a_run_whose_frames_another_removed_says_so(tmp_path: Path) -> None:
    with TrackStore(tmp_path / "s", {"j": 1}) as store:
        _fill(store, range(3))
        _fill(store, range(3, 6))
        (tmp_path / "s" / "chunk-000000000.npz").unlink()
        with pytest.raises(OutputError, match="another run"):
            store.track({}, least_frames=5)


@pytest.mark.parametrize("damage", [b"", b"PK", "cut", "first", "nan"])
def test_stretches_end_at_the_first_that_is_damaged(tmp_path: Path, damage: object) -> None:
    with TrackStore(tmp_path / "s", {"j": 1}) as store:
        _fill(store, range(3))
        _fill(store, range(3, 6))
    path = tmp_path / "s" / "chunk-000000003.npz"
    content = path.read_bytes()
    if isinstance(damage, bytes):
        path.write_bytes(damage)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        with np.load(path) as file:
            arrays = dict(file)
        arrays |= {"first": np.array(7)} if damage == "first" else {"timestamps": [np.nan] * 3}
        np.savez(path, **arrays)
    assert [int(chunk["first"]) for chunk in read_chunks(tmp_path / "s")] == [0]


def _rows(store: TrackStore, frames: range, number: int = 0) -> None:
    """Write a chunk in which frames show one person."""
    tracker, face = _Tracker(), tiny_head().neutral(1)[0]
    tracker.people = {number: np.zeros(len(face.shape))}
    for frame in frames:
        seen = TrackedFace(
            id=number,
            parameters=face,
            T_crop_image=np.eye(3),
            head=tiny_head(),
            detection=DetectedFace(
                box=np.ones(4, np.float32), score=0.9, landmarks=np.empty((0, 3), np.float32)
            ),
            points=np.zeros((4, 2)),
            quality=0.8,
        )
        store.add(frame / 30, (9, 9), [seen])
    store.flush(tracker)  # type: ignore[arg-type]


def _changed(path: Path, **changes: Any) -> None:
    with np.load(path) as file:
        arrays = {**file, **changes}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"row_camera": None},
        {"row_frame": None, "row_id": None},
        {"row_frame": np.array([3, 4, 6])},
        {"row_frame": np.array([2, 3, 4])},
        {"row_id": np.array([-1, 0, 0])},
        {"row_score": np.zeros(2)},
        {"row_jaw": np.zeros(3, np.float32)},
        {"row_jaw": np.zeros((3, 7), np.float32)},
        {"row_jaw": np.zeros((3, 3), "U1")},
        {"shapes": np.zeros((2, 3))},
        {"shapes": np.zeros((1, 9999))},
        {"shape_ids": np.array([0, 1])},
        {"timestamps": np.array([0.0, 0.1, 0.2])},
        {"timestamps": np.array([0.3, 0.2, 0.4])},
        {"state": None},
    ],
    ids=",".join,
)
def test_a_chunk_that_does_not_fit_ends_the_stretch(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with TrackStore(tmp_path / "s", {"j": 1}) as store:
        for frames in (range(3), range(3, 6)):
            _rows(store, frames)
        assert store.track({}, least_frames=1).valid.sum() == 6
        _changed(tmp_path / "s" / "chunk-000000003.npz", **changes)
        assert [int(chunk["first"]) for chunk in read_chunks(store.folder)] == [0]
        with pytest.raises(OutputError, match="holds 3 of 6 tracked frames"):
            store.track({}, least_frames=1)


@pytest.mark.parametrize(
    "changes", [{"row_id": np.array([0, 7, 7])}, {"row_frame": np.array([0, 1, 1])}]
)
def test_people_without_a_shape_or_twice_in_a_frame_are_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with TrackStore(tmp_path / "s", {"j": 1}) as store:
        _rows(store, range(3))
        _changed(tmp_path / "s" / "chunk-000000000.npz", **changes)
        with pytest.raises(OutputError, match=r"do not fit each other.*--fresh"):
            store.track({}, least_frames=1)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "lacks 'count'"),
        ([], ""),
        ({"tracks": [{"parameters": []}]}, ""),
        ({"tracks": [{"parameters": {"jaw": np.zeros(3)}, "shape": {}, "smoother": {}}]}, ""),
    ],
)
def test_a_state_that_lacks_something_is_refused(tmp_path: Path, state: Any, said: str) -> None:
    whole = {"count": 1, "next_id": 1, "renamed": [], "scenes": {"grid": None, "usual": 0.0}}
    whole["scenes"]["size"] = [0, 0]
    text = state_to_text(whole | state if state else state)
    with TrackStore(tmp_path / "s", {"j": 1}) as store:
        _rows(store, range(3))
        _changed(tmp_path / "s" / "chunk-000000000.npz", state=np.array(text))
        tracker = FaceTracker(FaceReconstructor(head=tiny_head(), weights="none"))
        with tracker, pytest.raises(InputError, match=f"state of a tracker .*{said}.*--fresh"):
            store.resume(tracker)


@pytest.mark.parametrize(
    "text", ["", "[", '{"__array__": "|O", "shape": [1], "data": ""}',
             '{"__array__": "<f8", "shape": [1000000000], "data": ""}',
             '{"__array__": "<f8", "shape": [1]}'],
)  # fmt: skip
def test_damaged_states_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"c\.tracking is not a whole state of a tracker"):
        state_from_text(text, "c.tracking")


def test_states_return_as_they_were() -> None:
    state = {"a": [np.arange(3), {"b": np.float32(1.5), "c": None}], "d": np.zeros((0, 2), bool)}
    again = state_from_text(state_to_text(state))
    assert again["a"][0].tolist() == [0, 1, 2] and again["a"][1] == {"b": 1.5, "c": None}
    assert again["d"].shape == (0, 2) and again["d"].dtype == bool
