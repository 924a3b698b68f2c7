"""Statuses of a track, and identities that are merged and forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.heads.tiny import tiny_head
from smirk3d.tracking.motion.smoothing import LiveSmoother
from smirk3d.tracking.tracker_config import TrackerConfig
from smirk3d.tracking.tracks.face_track import TRANSITIONS, FaceTrack, TrackStatus
from smirk3d.tracking.tracks.person_shape import PersonShape
from smirk3d.tracking.tracks.reidentification import TrackRegistry


def _track(number: int, frames: int, status: TrackStatus, seed: int = 0) -> FaceTrack:
    head = tiny_head()
    neutral = head.neutral(1)[0]
    shape = PersonShape()
    shape.add(np.random.default_rng(seed).normal(size=neutral.shape.shape), 1.0)
    return FaceTrack(
        id=number,
        shape=shape,
        outline=np.array([[4.0, 4.0], [40.0, 40.0]]),
        roll=0.0,
        parameters=neutral,
        T_crop_image=np.eye(3),
        appearance=np.random.default_rng(seed).normal(size=(8, 8, 3)).astype(np.float32),
        smoother=LiveSmoother(head),
        seconds=float(frames),
        score=0.9,
        points=np.array([[4.0, 4.0], [40.0, 40.0]]),
        status=status,
        frames=frames,
    )


def _registry(*tracks: FaceTrack, config: TrackerConfig | None = None) -> TrackRegistry:
    registry = TrackRegistry(tiny_head(), config or TrackerConfig())
    registry.tracks.extend(tracks)
    return registry


@pytest.mark.parametrize("before", TrackStatus)
@pytest.mark.parametrize("after", TrackStatus)
def test_only_the_listed_changes_of_status_happen(before: TrackStatus, after: TrackStatus) -> None:
    track = _track(0, 1, before)
    if after in TRANSITIONS[before]:
        track.become(after)
        assert track.status is after
    else:
        with pytest.raises(ValueError, match=f"is {before.value} cannot become {after.value}"):
            track.become(after)
        assert track.status is before


def test_a_lost_face_does_not_become_doubtful() -> None:
    for status in (TrackStatus.LOST, TrackStatus.LOST_BEFORE_CUT):
        assert TrackStatus.DOUBTFUL not in TRANSITIONS[status]


def test_a_cut_loses_every_face() -> None:
    registry = _registry(*(_track(i, 1, status) for i, status in enumerate(TrackStatus)))
    registry.lose_all()
    assert {track.status for track in registry.tracks} == {TrackStatus.LOST_BEFORE_CUT}
    assert registry.followed == []


def test_what_was_no_face_is_remembered_for_a_while() -> None:
    registry = _registry()
    registry.refuse(np.array([[1.0, 2.0, 3.0, 4.0]]), 1.0)
    registry.refuse(np.array([[5.0, 6.0, 7.0, 8.0]]), 1.4)
    resumed = _registry()
    resumed.restore(registry.state())
    for each in (registry, resumed):
        assert each.refused_since(0.9).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
        assert each.refused_since(1.0).tolist() == [[5, 6, 7, 8]]
        each.lose_all()
        assert each.refused_since(0.0).shape == (0, 4)


def test_a_new_identity_is_merged_into_the_lost_one_it_resembles() -> None:
    lost = _track(0, 50, TrackStatus.LOST, seed=1)
    stranger = _track(1, 50, TrackStatus.LOST, seed=2)
    new = _track(2, 8, TrackStatus.FOLLOWED, seed=1)
    registry = _registry(lost, stranger, new)
    registry.merge_reidentified()
    assert registry.merged == {2: 0}
    assert registry.tracks == [stranger, new]
    assert (new.id, new.frames, new.shape) == (0, 58, lost.shape)


def test_a_new_identity_stays_where_it_resembles_nobody() -> None:
    registry = _registry(
        _track(0, 50, TrackStatus.LOST, seed=1), _track(1, 8, TrackStatus.FOLLOWED, seed=2)
    )
    registry.merge_reidentified()
    assert registry.merged == {}


def test_the_faces_lost_longest_ago_are_forgotten() -> None:
    config = TrackerConfig(max_lost=2)
    tracks = [_track(i, i + 1, TrackStatus.LOST) for i in range(4)]
    registry = _registry(*tracks, config=config)
    registry.forget_oldest()
    assert [track.id for track in registry.tracks] == [2, 3]


def test_a_stored_track_keeps_its_status() -> None:
    registry = _registry(_track(0, 3, TrackStatus.LOST_BEFORE_CUT))
    again = _registry()
    again.restore(registry.state())
    assert again.tracks[0].status is TrackStatus.LOST_BEFORE_CUT
    assert again.state()["next_id"] == registry.state()["next_id"]
