from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smirk3d.viewer.session.edits import Edits
from smirk3d.viewer.session.parameter_layout import Control
from smirk3d.viewer.session.playback import Playback
from smirk3d.viewer.session.session import FaceChoice, Session
from smirk3d.viewer.session.subjects import open_subject
from tests.viewer.made_subjects import FRAMES


def _control(session: Session, label: str) -> Control:
    return next(c for c in session.current.layout.controls if c.label == label)


def test_steps_are_taken_back_and_done_again() -> None:
    edits = Edits(2, 3)
    edits.move(0, 1, 0.5, 0.0)
    edits.move(0, 1, 0.7, 0.4)  # the same drag
    edits.move(1, 2, 0.1, 0.5)
    edits.undo()
    assert np.allclose(edits.offsets, [[0, 0.7, 0], [0, 0, 0]])
    edits.undo()
    assert not edits.offsets.any()
    assert not edits.can_undo
    edits.undo()
    edits.redo()
    edits.redo()
    assert edits.offsets[1, 2] == pytest.approx(0.1)
    edits.reset(0)
    assert edits.offsets.sum() == pytest.approx(0.1)
    edits.undo()
    assert edits.offsets[0, 1] == pytest.approx(0.7)
    edits.move(0, 0, 1.0, 9.0)
    assert not edits.can_redo


def test_a_drag_after_a_pause_is_a_step_of_its_own() -> None:
    edits = Edits(1, 1)
    edits.move(0, 0, 0.2, 0.0)
    edits.move(0, 0, 0.4, 5.0)
    edits.undo()
    assert edits.offsets[0, 0] == pytest.approx(0.2)


def test_time_passes_loops_and_stops() -> None:
    playback = Playback(np.arange(10) / 10)
    playback.advance(5)
    assert playback.frame == 0
    playback.toggle()
    playback.advance(0.35)
    assert playback.frame == 3
    playback.speed = 2
    playback.advance(0.4)
    assert playback.frame == 1  # 1.15 s of a clip that lasts 1 s
    playback.loop = False
    playback.advance(9)
    assert (playback.frame, playback.playing) == (9, False)
    playback.toggle()
    assert (playback.frame, playback.playing) == (0, True)
    playback.seek(99)
    assert playback.frame == 9


def test_times_are_kept_whatever_the_rate_of_ticks() -> None:
    for ticks in (1, 7, 60):
        playback = Playback(np.array([0.0, 0.1, 0.5, 0.6]))
        playback.toggle()
        for _ in range(ticks):
            playback.advance(0.45 / ticks)
        assert playback.frame == 1


def test_a_slider_moves_the_face_in_all_frames_by_as_much(track: Path) -> None:
    session = Session([open_subject(track)])
    jaw = _control(session, "jawForward")
    session.playback.seek(4)
    before = session.value(jaw)
    session.set_value(jaw, before + 0.3)
    assert session.value(jaw) == pytest.approx(before + 0.3)
    assert session.is_moving
    while session.advance(1 / 60):
        pass
    for frame in range(FRAMES):
        own = session.current.own(0, frame)
        shown = session.current.shown(0, frame, edited=True)
        assert own is not None and shown is not None
        moved = shown - own
        assert moved[jaw.index] == pytest.approx(0.3, abs=1e-6)
        assert np.count_nonzero(moved) == 1
    session.edited = False
    assert session.vector(0, 0)[jaw.index] == pytest.approx(before)


def test_gliding_passes_between_and_arrives(track: Path) -> None:
    session = Session([open_subject(track)])
    control = _control(session, "jawForward")
    own = session.vector(0, 0)[control.index]
    session.set_value(control, own + 0.6)
    session.advance(1 / 60)
    between = session.vector(0, 0)[control.index] - own
    assert 0.05 < between < 0.55
    ticks = 1
    while session.advance(1 / 60):
        ticks += 1
    assert ticks < 60
    assert session.vector(0, 0)[control.index] == pytest.approx(own + 0.6)


def test_values_that_are_no_numbers_move_nothing(track: Path) -> None:
    session = Session([open_subject(track)])
    control = _control(session, "jawOpen")
    for value in (float("nan"), float("inf")):
        session.set_value(control, value)
    assert not session.current.edits.offsets.any()
    session.set_value(control, 1e9)
    assert session.value(control) == control.hi


def test_a_frame_without_the_face_has_no_vector(track: Path) -> None:
    session = Session([open_subject(track)])
    session.playback.seek(FRAMES)
    assert session.vector(0, 0) is None
    control = _control(session, "jawOpen")
    session.set_value(control, 0.5)
    assert not session.current.edits.offsets.any()
    assert control.lo <= session.value(control) <= control.hi


def test_faces_of_the_same_name_are_told_apart(track: Path) -> None:
    session = Session([open_subject(track), open_subject(track)])
    assert list(session.choices().values()) == [FaceChoice(0, 0), FaceChoice(1, 0)]
