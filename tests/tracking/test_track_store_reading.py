"""Stretches of a clip that another run or a crash has touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smirk3d.errors import InputError, OutputError
from smirk3d.tracking.state_text import state_from_text, state_to_text
from smirk3d.tracking.track_store import TrackStore


class _Tracker:
    def shapes(self) -> dict[int, Any]:
        return {}

    def renamed(self) -> dict[int, int]:
        return {}

    def state(self) -> dict[str, Any]:
        return {"n": 1}


def _filled(folder: Path, first: int = 0, count: int = 3) -> TrackStore:
    store = TrackStore(folder, {"j": 1})
    store._first = first
    for number in range(first, first + count):
        store.add(number / 30, (9, 9), [])
    store.flush(_Tracker())  # type: ignore[arg-type]
    return store


def test_a_run_whose_frames_another_removed_says_so(tmp_path: Path) -> None:
    first = _filled(tmp_path / ".c.tracking")
    second = TrackStore(tmp_path / ".c.tracking", {"j": 1})
    second._first = 3
    first.remove()
    for number in range(3, 6):
        second.add(number / 30, (9, 9), [])
    second.flush(_Tracker())  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="another run"):
        second.track({}, least_frames=5)


@pytest.mark.parametrize("damage", [b"", b"PK", "cut", "first", "nan"])
def test_stretches_end_at_the_first_that_is_damaged(tmp_path: Path, damage: object) -> None:
    _filled(tmp_path / "s")
    store = _filled(tmp_path / "s", first=3)
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
    assert [int(chunk["first"]) for chunk in store._chunks()] == [0]


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
